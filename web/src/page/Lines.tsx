// Spans as cards, each with its channels in a grid. One floating card tells of the channel under the pointer or focus.
import { Tag } from "antd";
import { type KeyboardEvent, memo, useMemo, useRef, useState } from "react";
import type { CallView, SpanView } from "../api/schema";
import { Elapsed } from "../parts/Elapsed";
import { grouped } from "../parts/format";
import { Dot, Nothing } from "../parts/pieces";
import { openCall } from "../parts/route";
import { useShown } from "../parts/system";
import { type Channel, channelsInUse, spanChannels, spanIsUp, stage } from "../state/derive";
import { type Key, sayWord, useSpeech } from "../words";

const STATES = ["idle", "busy", "blocked", "alarm", "dchannel"] as const;

export function Lines() {
  const { say } = useSpeech();
  const spans = useShown(state => state.spans);
  const calls = useShown(state => state.calls);
  const used = useMemo(() => channelsInUse(calls), [calls]);
  if (spans.size === 0) return <Nothing>{say("lines.none")}</Nothing>;
  const listed = [...spans.values()].sort((a, b) => a.span - b.span);
  const inUse = listed.filter(span => span.use !== "unused");
  const busy = used.size;
  const total = inUse.reduce((sum, span) => sum + span.channels, 0);
  return (
    <>
      <div className="bar">
        <b>{say("lines.up", { up: inUse.filter(spanIsUp).length, total: inUse.length })}</b>
        <b>{say("lines.busy", { busy, total })}</b>
        <span className="bar-space" />
        {STATES.map(state => (
          <span key={state} className="swatch">
            <i className={`cell cell-${state}`} aria-hidden="true" />
            {say(`channel.${state}`)}
          </span>
        ))}
      </div>
      <div className="spans">
        {listed.map(span => (
          <SpanCard key={span.span} span={span} channels={spanChannels(span, used)} calls={calls} />
        ))}
      </div>
    </>
  );
}

const SpanCard = memo(
  function SpanCard(props: {
    span: SpanView;
    channels: readonly Channel[];
    calls: ReadonlyMap<string, CallView>;
  }) {
    const { say } = useSpeech();
    const { span, channels } = props;
    const busy = channels.filter(channel => channel.state === "busy").length;
    return (
      <section
        className={`panel span ${spanIsUp(span) ? "" : "span-down"}`}
        data-testid={`span-${span.span}`}
      >
        <header>
          <h2>
            {say("lines.span", { n: span.span })} <span className="faint">{span.kind}</span>
          </h2>
          <span className="faint">{sayWord(say, "lines.use", span.use)}</span>
          <span className="bar-space" />
          <span className="num">
            <b>{busy}</b> / {span.channels}
          </span>
        </header>
        <div className="span-tags">
          {span.dchannel !== null && (
            <Dot tone={span.dchannel ? "good" : "bad"}>
              {say(span.dchannel ? "lines.dchannel.up" : "lines.dchannel.down")}
            </Dot>
          )}
          {span.alarms.length === 0 && <Dot tone="good">{say("lines.no_alarm")}</Dot>}
          {span.alarms.map(alarm => (
            <Tag key={alarm} color="error" variant="filled">
              {sayWord(say, "lines.alarm", alarm)}
            </Tag>
          ))}
        </div>
        <Grid span={span} channels={channels} calls={props.calls} />
        <footer className="num">
          <span className={span.slips > 0 ? "odd" : ""}>
            {say("lines.slips")} <b>{grouped(span.slips)}</b>
          </span>
          {span.d_timeslot !== null && (
            <span className={span.bad_frames > 0 ? "odd" : ""}>
              {say("lines.bad_frames")} <b>{grouped(span.bad_frames)}</b>
            </span>
          )}
        </footer>
      </section>
    );
  },
  (before, after) =>
    before.span === after.span &&
    before.channels.every((channel, at) => {
      const other = after.channels[at];
      return channel.state === other?.state && channel.call === other.call && channel.number === other.number;
    }),
);

interface Spot {
  readonly channel: Channel;
  readonly left: number;
  readonly top: number;
}

function Grid(props: { span: SpanView; channels: readonly Channel[]; calls: ReadonlyMap<string, CallView> }) {
  const { say } = useSpeech();
  const [spot, setSpot] = useState<Spot | null>(null);
  const [focused, setFocused] = useState(0);
  const grid = useRef<HTMLFieldSetElement>(null);
  const show = (at: number) => {
    const cell = grid.current?.children[at];
    const channel = props.channels[at];
    if (!(cell instanceof HTMLElement) || !channel) return;
    setSpot({ channel, left: cell.offsetLeft + cell.offsetWidth / 2, top: cell.offsetTop });
  };
  const move = (event: KeyboardEvent) => {
    const columns = columnsOf(grid.current);
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
    };
    const next = focused + (steps[event.key] ?? 0);
    if (steps[event.key] === undefined || next < 0 || next >= props.channels.length) return;
    event.preventDefault();
    setFocused(next);
    const cell = grid.current?.children[next];
    if (cell instanceof HTMLElement) cell.focus();
  };
  const current = spot && props.channels[spot.channel.timeslot - 1];
  return (
    <div className="grid-box">
      <fieldset
        ref={grid}
        className="grid"
        aria-label={say("lines.grid", { n: props.span.span })}
        onKeyDown={move}
        onMouseLeave={() => setSpot(null)}
      >
        {props.channels.map((channel, at) => (
          <button
            key={channel.channel}
            type="button"
            className={`cell cell-${channel.state}`}
            tabIndex={at === focused ? 0 : -1}
            aria-label={`${channel.channel} ${say(`channel.${channel.state}`)} ${channel.number ?? ""}`}
            data-testid={`channel-${channel.channel}`}
            onMouseEnter={() => show(at)}
            onFocus={() => {
              setFocused(at);
              show(at);
            }}
            onBlur={() => setSpot(null)}
            onClick={() => channel.call !== null && openCall("lines", channel.call)}
          >
            {channel.state === "dchannel" ? "D" : channel.timeslot}
          </button>
        ))}
      </fieldset>
      {spot && current && (
        <div className="hover" style={{ left: spot.left, top: spot.top }} role="tooltip">
          <ChannelCard channel={current} calls={props.calls} />
        </div>
      )}
    </div>
  );
}

/** How many channels stand in the first row. */
function columnsOf(grid: HTMLElement | null): number {
  const cells = [...(grid?.children ?? [])] as HTMLElement[];
  return cells.filter(cell => cell.offsetTop === cells[0]?.offsetTop).length;
}

function ChannelCard({ channel, calls }: { channel: Channel; calls: ReadonlyMap<string, CallView> }) {
  const { say } = useSpeech();
  const call = channel.call === null ? undefined : calls.get(channel.call);
  return (
    <>
      <b>
        {channel.channel} · {say(`channel.${channel.state}` as Key)}
      </b>
      {call && (
        <dl>
          <dt>{say("channel.number")}</dt>
          <dd>{channel.number ?? say("calls.unknown")}</dd>
          <dt>{say("calls.stage")}</dt>
          <dd>{say(`stage.${stage(call)}` as Key)}</dd>
          <dt>{say("channel.duration")}</dt>
          <dd>
            <Elapsed since={call.since_ms} />
          </dd>
          <dt>{say("channel.call")}</dt>
          <dd>{call.call}</dd>
        </dl>
      )}
    </>
  );
}
