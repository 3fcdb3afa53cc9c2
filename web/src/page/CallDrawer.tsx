// A call's story in a drawer: what it is, what happened when, its recordings. It moves on while the call lives.
import { Drawer, Timeline } from "antd";
import { useEffect, useState } from "react";
import { ApiProblem } from "../api/client";
import type { CallView } from "../api/schema";
import { Elapsed } from "../parts/Elapsed";
import { dayTime, duration } from "../parts/format";
import { CallerNumber } from "../parts/numbers";
import { Dot, StageDot } from "../parts/pieces";
import { type Page, pageLink } from "../parts/route";
import { useNow, useShown, useSystem } from "../parts/system";
import type { Shade } from "../parts/theme";
import { outcomeOf, stage } from "../state/derive";
import { type Chapter, story } from "../state/story";
import { causeText, type Say, sayWord, useSpeech } from "../words";
import { Recording } from "./Recording";

export function CallDrawer({ page, call, shade }: { page: Page; call: string | null; shade: Shade }) {
  const { say } = useSpeech();
  const close = () => {
    location.hash = pageLink(page);
  };
  return (
    <Drawer
      open={call !== null}
      onClose={close}
      size={560}
      title={say("call.title", { call: call ?? "" })}
      destroyOnHidden
      rootClassName="call-drawer"
    >
      {call !== null && <Story key={call} name={call} shade={shade} />}
    </Drawer>
  );
}

/** The call: from the stream while it is known there, else from the store. */
function useCall(name: string): { call: CallView | null; gone: string | null } {
  const { client } = useSystem();
  const live = useShown(state => state.calls.get(name));
  const ended = useShown(state => state.ended.find(call => call.call === name));
  const known = live ?? ended ?? null;
  const [stored, setStored] = useState<CallView | null>(null);
  const [gone, setGone] = useState<string | null>(null);
  const missing = known === null;
  useEffect(() => {
    if (!missing) return;
    const aborted = new AbortController();
    client.record(name, aborted.signal).then(setStored, error => {
      if (aborted.signal.aborted) return;
      setGone(error instanceof ApiProblem && error.status !== 404 ? error.message : "");
    });
    return () => aborted.abort();
  }, [client, name, missing]);
  return { call: known ?? stored, gone };
}

function Story({ name, shade }: { name: string; shade: Shade }) {
  const { say } = useSpeech();
  const { call, gone } = useCall(name);
  if (call === null) {
    if (gone === null) return null;
    return <p className="note">{gone === "" ? say("call.gone") : say("error.load", { message: gone })}</p>;
  }
  return (
    <div data-testid="story">
      <Facts call={call} />
      <h3>{say("call.story")}</h3>
      <Chapters call={call} />
      <h3>{say("rec.title")}</h3>
      {call.recordings.length === 0 && <p className="faint">{say("rec.none")}</p>}
      {call.recordings.map(recording => (
        <Recording key={recording.recording} recording={recording} shade={shade} />
      ))}
    </div>
  );
}

function Facts({ call }: { call: CallView }) {
  const { say } = useSpeech();
  const agents = useShown(state => state.agents);
  const outcome = outcomeOf(call);
  const agent = call.agent ?? call.visits.at(-1)?.agent ?? null;
  return (
    <dl className="facts">
      <dt>{say("calls.stage")}</dt>
      <dd>
        <StageDot stage={stage(call)} />
        {outcome !== null && <Dot tone={`outcome-${outcome}`}>{say(`outcome.${outcome}`)}</Dot>}
      </dd>
      <dt>{say("calls.caller")}</dt>
      <dd>
        <CallerNumber call={call} /> <span className="faint">{say(`calls.from.${call.from}`)}</span>
      </dd>
      <dt>{say("calls.called")}</dt>
      <dd className="num">{call.called}</dd>
      <dt>{say("calls.agent")}</dt>
      <dd>{agent === null ? say("none") : agents.get(agent)?.name || agent}</dd>
      <dt>{say("calls.duration")}</dt>
      <dd className="num">
        {call.ended_ms === null ? <Elapsed since={call.since_ms} /> : duration(call.ended_ms - call.since_ms)}
      </dd>
      <dt>{say("call.legs")}</dt>
      <dd className="legs">
        {call.legs.map(leg => (
          <span key={leg.leg}>
            {say(leg.incoming ? "call.leg.incoming" : "call.leg.outgoing")}{" "}
            <b className="num">{leg.channel ?? say("none")}</b>{" "}
            <span className="faint">{sayWord(say, "leg", leg.state)}</span>
          </span>
        ))}
      </dd>
    </dl>
  );
}

const TONES: Record<Chapter["what"], string> = {
  arrived: "gray",
  answered: "gray",
  flow: "gray",
  queued: "var(--warn)",
  left: "var(--talk)",
  offered: "var(--warn)",
  ringing: "var(--warn)",
  talking: "var(--talk)",
  ended: "var(--text-2)",
  going_on: "var(--good)",
};

function Chapters({ call }: { call: CallView }) {
  const { say } = useSpeech();
  const now = useNow();
  const queues = useShown(state => state.queues);
  const agents = useShown(state => state.agents);
  const names = {
    queue: (name: string) => queues.get(name)?.title || name,
    agent: (name: string) => agents.get(name)?.name || name,
  };
  const items = story(call).map((chapter, at) => ({
    key: at,
    color:
      chapter.what === "left" && chapter.visit.outcome !== "answered" ? "var(--bad)" : TONES[chapter.what],
    content: (
      <div className="chapter">
        <time className="num">
          {chapter.at === null ? "" : dayTime(chapter.at, now)}
          {chapter.at !== null && at > 0 && (
            <small className="faint"> +{duration(chapter.at - call.since_ms)}</small>
          )}
        </time>
        <span>{chapterText(say, call, chapter, names)}</span>
      </div>
    ),
  }));
  return <Timeline className="chapters" items={items} />;
}

interface Names {
  queue: (name: string) => string;
  agent: (name: string) => string;
}

function chapterText(say: Say, call: CallView, chapter: Chapter, names: Names): string {
  switch (chapter.what) {
    case "arrived":
      return say(call.from === "trunk" ? "call.arrived" : "call.arrived.seat", {
        called: call.called,
        channel: chapter.channel ?? say("none"),
      });
    case "answered":
      return say("call.answered");
    case "flow":
      return say("call.flow", { flow: chapter.flow });
    case "queued":
      return say("call.queued", { queue: names.queue(chapter.visit.queue) });
    case "left": {
      const { visit } = chapter;
      return say(`call.left.${visit.outcome ?? "flowed_out"}`, {
        queue: names.queue(visit.queue),
        agent: visit.agent === null ? say("none") : names.agent(visit.agent),
        time: duration(chapter.at - visit.entered_ms),
      });
    }
    case "offered":
      return say("call.offered", { agent: names.agent(chapter.agent) });
    case "ringing":
      return say("call.ringing", { reached: chapter.reached });
    case "talking":
      return chapter.agent === null
        ? say("call.talking")
        : say("call.talking.with", { agent: names.agent(chapter.agent) });
    case "ended":
      return say("call.ended", { cause: causeText(say, chapter.cause) });
    case "going_on":
      return say("call.going_on");
  }
}
