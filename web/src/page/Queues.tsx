// Queues: who waits, for how long, at which place; which agents could answer.
import { memo, useMemo } from "react";
import type { AgentView, QueueView } from "../api/schema";
import { Elapsed, urgency } from "../parts/Elapsed";
import { duration, percent } from "../parts/format";
import { CallerNumber } from "../parts/numbers";
import { AgentParts, Nothing } from "../parts/pieces";
import { callLink } from "../parts/route";
import { useNow, useShown } from "../parts/system";
import { type Waiting, waitingByQueue } from "../state/derive";
import { useSpeech } from "../words";
import { goal } from "./QueueTable";

/** Waiting callers that are listed of one queue; the others are counted. */
const LISTED = 50;

const NOBODY: readonly Waiting[] = [];

export function Queues() {
  const { say } = useSpeech();
  const queues = useShown(state => state.queues);
  const calls = useShown(state => state.calls);
  const agents = useShown(state => state.agents);
  const waiting = useMemo(() => waitingByQueue(calls), [calls]);
  if (queues.size === 0) return <Nothing>{say("queues.none")}</Nothing>;
  return (
    <div className="queues">
      {[...queues.values()].map(queue => (
        <QueueCard
          key={queue.queue}
          queue={queue}
          waiting={waiting.get(queue.queue) ?? NOBODY}
          agents={agents}
        />
      ))}
    </div>
  );
}

const QueueCard = memo(function QueueCard(props: {
  queue: QueueView;
  waiting: readonly Waiting[];
  agents: ReadonlyMap<string, AgentView>;
}) {
  const { say } = useSpeech();
  const { queue, waiting } = props;
  const none = say("none");
  const loggedIn = Object.values(queue.agents).some(count => count > 0);
  return (
    <section className="panel queue" data-testid={`queue-card-${queue.queue}`}>
      <header>
        <h2>{queue.title || queue.queue}</h2>
        <span className="faint">{queue.title && queue.title !== queue.queue ? queue.queue : ""}</span>
        <span className="bar-space" />
        <span className="faint num">
          {say("sl.1")} <b>{percent(queue.figures.sl1, none)}</b>
        </span>
      </header>
      <div className="queue-now">
        <div className="queue-count">
          <b className="num" data-testid={`card-${queue.queue}-waiting`}>
            {queue.waiting}
          </b>
          <span>{say("figure.waiting")}</span>
        </div>
        <Longest queue={queue} />
      </div>
      <div className="queue-agents">
        {loggedIn ? (
          <AgentParts counts={queue.agents} />
        ) : (
          <span className="odd">{say("queues.no_agents")}</span>
        )}
      </div>
      {waiting.length === 0 ? (
        <p className="queue-empty">{say("queues.empty")}</p>
      ) : (
        <table className="waiting">
          <thead>
            <tr>
              <th scope="col">{say("queues.position")}</th>
              <th scope="col">{say("queues.caller")}</th>
              <th scope="col">{say("queues.wait")}</th>
              <th scope="col">{say("queues.agent")}</th>
            </tr>
          </thead>
          <tbody>
            {waiting.slice(0, LISTED).map(({ call, visit }, at) => (
              <tr key={call.call}>
                <td className="num faint">{at + 1}</td>
                <td>
                  <a href={callLink("queues", call.call)}>
                    <CallerNumber call={call} />
                  </a>
                </td>
                <td>
                  <WaitBar since={visit.entered_ms} goal={queue.service_goal_ms} />
                </td>
                <td>{call.agent !== null && (props.agents.get(call.agent)?.name ?? call.agent)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {waiting.length > LISTED && (
        <p className="faint">{say("queues.more", { n: waiting.length - LISTED })}</p>
      )}
    </section>
  );
});

function Longest({ queue }: { queue: QueueView }) {
  const { say } = useSpeech();
  const now = useNow();
  const ms = queue.oldest_ms === null ? 0 : Math.max(0, now - queue.oldest_ms);
  const share = queue.service_goal_ms > 0 ? Math.min(1, ms / queue.service_goal_ms) : 0;
  const tone = urgency(ms, queue.service_goal_ms);
  return (
    <div className="longest">
      <div>
        <span>{say("figure.longest")}</span>
        <b className={`num ${tone}`}>{queue.oldest_ms === null ? say("none") : duration(ms)}</b>
        <span className="faint">
          {say("figure.goal", { time: goal(queue.service_goal_ms, say("unit.s")) })}
        </span>
      </div>
      <i className={`goal-bar ${tone}`} aria-hidden="true">
        <i style={{ width: `${share * 100}%` }} />
      </i>
    </div>
  );
}

function WaitBar({ since, goal }: { since: number; goal: number }) {
  const now = useNow();
  const ms = Math.max(0, now - since);
  return (
    <span className="wait-bar">
      <Elapsed since={since} goal={goal} />
      <i className={`goal-bar ${urgency(ms, goal)}`} aria-hidden="true">
        <i style={{ width: `${Math.min(1, goal > 0 ? ms / goal : 0) * 100}%` }} />
      </i>
    </span>
  );
}
