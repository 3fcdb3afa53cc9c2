// The overview: today's figures in sum and per queue, calls per interval, what lines and agents do now.
//
// The figures are those of the event stream and so exact at the number in the header; only the chart comes from the
// store.
import { Tooltip } from "antd";
import { useMemo } from "react";
import type { AgentCounts, AgentView, CallView, QueueFigures, QueueView, SpanView } from "../api/schema";
import { Elapsed } from "../parts/Elapsed";
import { grouped, percent, wait } from "../parts/format";
import { AgentParts, Nothing, Panel, Parts } from "../parts/pieces";
import { pageLink } from "../parts/route";
import { useShown } from "../parts/system";
import type { Shade } from "../parts/theme";
import {
  channelsInUse,
  longestP90,
  type Stage,
  spanChannels,
  spanIsUp,
  stage,
  sumFigures,
} from "../state/derive";
import { type Key, useSpeech } from "../words";
import { IntervalChart } from "./IntervalChart";
import { QueueTable, SERVICE_LEVELS, ServiceLevelTip } from "./QueueTable";

export default function Overview({ shade }: { shade: Shade }) {
  const { say } = useSpeech();
  const queues = useShown(state => state.queues);
  const calls = useShown(state => state.calls);
  const spans = useShown(state => state.spans);
  const agents = useShown(state => state.agents);
  const listed = useMemo(() => [...queues.values()], [queues]);
  return (
    <>
      <Panel className="today">
        <Today queues={listed} />
      </Panel>
      <Panel className="queue-table">
        {listed.length === 0 ? (
          <Nothing>{say("overview.no_queues")}</Nothing>
        ) : (
          <QueueTable queues={listed} />
        )}
      </Panel>
      <div className="overview-row">
        <IntervalChart queues={listed} shade={shade} />
        <div className="overview-side">
          <Panel
            title={say("overview.lines")}
            side={<a href={pageLink("lines")}>{say("nav.lines")} ›</a>}
            className="usage"
          >
            <LineUse spans={spans} calls={calls} />
          </Panel>
          <Panel
            title={say("overview.now")}
            side={
              <b className="num" data-testid="calls-live">
                {calls.size}
              </b>
            }
          >
            <CallStages calls={calls} />
          </Panel>
          <Panel title={say("overview.agents")} side={<b className="num">{atWork(countAgents(agents))}</b>}>
            <AgentParts counts={countAgents(agents)} testid="agents-now" />
          </Panel>
        </div>
      </div>
    </>
  );
}

function Today({ queues }: { queues: readonly QueueView[] }) {
  const { say } = useSpeech();
  const sum = sumFigures(queues);
  const waiting = queues.reduce((total, queue) => total + queue.waiting, 0);
  const oldest = queues.reduce<number | null>(
    (found, { oldest_ms }) =>
      oldest_ms !== null && (found === null || oldest_ms < found) ? oldest_ms : found,
    null,
  );
  const none = say("none");
  return (
    <div className="tiles">
      <Tile name="offered" value={grouped(sum.offered)}>
        {say("figure.refused.n", { n: grouped(sum.refused) })}
      </Tile>
      <Tile name="answered" value={grouped(sum.answered)}>
        {say("figure.in_goal", { n: grouped(sum.answered_in_goal) })}
      </Tile>
      <Tile name="abandoned" value={grouped(sum.abandoned)}>
        {say("figure.short", { n: grouped(sum.abandoned_short) })}
      </Tile>
      <Tile name="flowed_out" value={grouped(sum.flowed_out)}>
        {percent(sum.offered > 0 ? sum.flowed_out / sum.offered : null, none)}
      </Tile>
      <Tile name="waiting" value={grouped(waiting)}>
        {oldest === null ? say("queues.empty") : <Longest since={oldest} />}
      </Tile>
      <ServiceLevels figures={sum} />
      <Tile name="mean" value={wait(sum.wait_mean_ms, say("unit.s"), none)}>
        {sum.wait_p50_ms !== null &&
          say("figure.p50.n", { time: wait(sum.wait_p50_ms, say("unit.s"), none) })}
      </Tile>
      <Tile
        name="p90"
        value={(queues.length > 1 ? "≤ " : "") + wait(longestP90(queues), say("unit.s"), none)}
      >
        {sum.wait_p99_ms !== null &&
          say("figure.p99.n", { time: wait(sum.wait_p99_ms, say("unit.s"), none) })}
      </Tile>
    </div>
  );
}

function Longest({ since }: { since: number }) {
  const { say } = useSpeech();
  const [before, after] = say("figure.longest.n").split("{time}");
  return (
    <>
      {before}
      <Elapsed since={since} />
      {after}
    </>
  );
}

type TileName = "offered" | "answered" | "abandoned" | "flowed_out" | "waiting" | "mean" | "p90";

function Tile(props: { name: TileName; value: string; children: React.ReactNode }) {
  const { say } = useSpeech();
  return (
    <Tooltip title={say(`figure.${props.name}.tip` as Key)}>
      <div className="tile">
        <span className="tile-name">{say(`figure.${props.name}` as Key)}</span>
        <b className="tile-value num" data-testid={`sum-${props.name}`}>
          {props.value}
        </b>
        <span className="tile-foot num">{props.children}</span>
      </div>
    </Tooltip>
  );
}

function ServiceLevels({ figures }: { figures: QueueFigures }) {
  const { say } = useSpeech();
  return (
    <div className="tile tile-levels">
      <span className="tile-name">{say("sl")}</span>
      <div className="levels">
        {SERVICE_LEVELS.map(n => {
          const share = figures[`sl${n}`];
          return (
            <Tooltip key={n} title={<ServiceLevelTip level={n} figures={figures} />}>
              <div className="level">
                <b className="num" data-testid={`sum-sl${n}`}>
                  {percent(share, say("none"))}
                </b>
                <i className="level-bar" aria-hidden="true">
                  <i style={{ width: `${(share ?? 0) * 100}%` }} />
                </i>
                <span>{say(`sl.${n}.name`)}</span>
              </div>
            </Tooltip>
          );
        })}
      </div>
    </div>
  );
}

function LineUse(props: { spans: ReadonlyMap<number, SpanView>; calls: ReadonlyMap<string, CallView> }) {
  const { say } = useSpeech();
  const spans = [...props.spans.values()].filter(span => span.use !== "unused");
  const used = useMemo(() => channelsInUse(props.calls), [props.calls]);
  if (spans.length === 0) return <Nothing>{say("lines.none")}</Nothing>;
  const uses = spans.map(span => {
    const busy = spanChannels(span, used).filter(channel => channel.state === "busy").length;
    return { span, busy };
  });
  const up = spans.filter(spanIsUp).length;
  const busy = uses.reduce((sum, use) => sum + use.busy, 0);
  const total = spans.reduce((sum, span) => sum + span.channels, 0);
  return (
    <>
      <p className="usage-sum">
        <span data-testid="spans-up">{say("lines.up", { up, total: spans.length })}</span>
        <span data-testid="channels-busy">{say("lines.busy", { busy, total })}</span>
      </p>
      <ul className="usage-list">
        {uses.map(({ span, busy }) => (
          <li key={span.span} className={spanIsUp(span) ? "" : "down"}>
            <span>
              {span.span} · {span.kind}
            </span>
            <i className="usage-bar" aria-hidden="true">
              <i style={{ width: `${(busy / Math.max(1, span.channels)) * 100}%` }} />
            </i>
            <span className="num">
              {busy} / {span.channels}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

const STAGES: readonly Stage[] = ["dialling", "menu", "waiting", "ringing", "talking", "ending"];

function CallStages({ calls }: { calls: ReadonlyMap<string, CallView> }) {
  const { say } = useSpeech();
  const counts = useMemo(() => {
    const counts = new Map<Stage, number>();
    for (const call of calls.values()) counts.set(stage(call), (counts.get(stage(call)) ?? 0) + 1);
    return counts;
  }, [calls]);
  const parts = STAGES.map(name => ({
    tone: name,
    label: say(`stage.${name}` as Key),
    value: counts.get(name) ?? 0,
  }));
  return <Parts parts={parts} testid="calls-now" />;
}

/** How many are logged in. */
function atWork(counts: AgentCounts): number {
  return counts.idle + counts.ringing + counts.talking + counts.wrap_up + counts.busy;
}

/** Every agent counts once, however many queues he serves. */
function countAgents(agents: ReadonlyMap<string, AgentView>): AgentCounts {
  const counts = { idle: 0, ringing: 0, talking: 0, wrap_up: 0, busy: 0 };
  for (const { state } of agents.values()) if (state !== "offline") counts[state] += 1;
  return counts;
}
