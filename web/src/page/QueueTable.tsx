// Today's figures of each queue, and of all of them in the last row.
import { Tooltip } from "antd";
import type { ReactNode } from "react";
import type { QueueFigures, QueueView } from "../api/schema";
import { Elapsed } from "../parts/Elapsed";
import { grouped, percent, wait } from "../parts/format";
import { longestP90, sumFigures } from "../state/derive";
import { type Key, useSpeech } from "../words";

export const SERVICE_LEVELS = [1, 2, 3, 4] as const;

const COUNTS = ["offered", "answered", "abandoned", "flowed_out", "refused"] as const;

export function QueueTable({ queues }: { queues: readonly QueueView[] }) {
  const { say } = useSpeech();
  const waiting = queues.reduce((total, queue) => total + queue.waiting, 0);
  const since = queues.map(queue => queue.oldest_ms).filter(ms => ms !== null);
  const oldest = since.length > 0 ? Math.min(...since) : null;
  return (
    <div className="scroll">
      <table className="figures">
        <thead>
          <tr>
            <th scope="col">{say("overview.queue")}</th>
            <Head name="waiting" />
            <Head name="longest" />
            {COUNTS.map(name => (
              <Head key={name} name={name} />
            ))}
            {SERVICE_LEVELS.map(n => (
              <th key={n} scope="col">
                <Tooltip title={<ServiceLevelTip level={n} />}>
                  <span className="has-tip">{say(`sl.${n}`)}</span>
                </Tooltip>
              </th>
            ))}
            <Head name="mean" />
            <Head name="p90" />
          </tr>
        </thead>
        <tbody>
          {queues.map(queue => (
            <tr key={queue.queue} data-testid={`queue-${queue.queue}`}>
              <th scope="row">
                <span className="queue-title">{queue.title || queue.queue}</span>
                <small>{say("figure.goal", { time: goal(queue.service_goal_ms, say("unit.s")) })}</small>
              </th>
              <Figures
                name={queue.queue}
                figures={queue.figures}
                waiting={queue.waiting}
                longest={
                  queue.oldest_ms === null ? (
                    <span className="faint">{say("none")}</span>
                  ) : (
                    <Elapsed since={queue.oldest_ms} goal={queue.service_goal_ms} />
                  )
                }
                p90={wait(queue.figures.wait_p90_ms, say("unit.s"), say("none"))}
              />
            </tr>
          ))}
        </tbody>
        {queues.length > 1 && (
          <tfoot>
            <tr>
              <th scope="row">{say("total")}</th>
              <Figures
                name="all"
                figures={sumFigures(queues)}
                waiting={waiting}
                longest={oldest === null ? say("none") : <Elapsed since={oldest} />}
                p90={`≤ ${wait(longestP90(queues), say("unit.s"), say("none"))}`}
              />
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

/** "20 s", "2 min". */
export function goal(ms: number, unit: string): string {
  return `${Math.round(ms / 1000)} ${unit}`;
}

function Head({ name }: { name: string }) {
  const { say } = useSpeech();
  return (
    <th scope="col">
      <Tooltip title={say(`figure.${name}.tip` as Key)}>
        <span className="has-tip">{say(`figure.${name}` as Key)}</span>
      </Tooltip>
    </th>
  );
}

function Figures(props: {
  name: string;
  figures: QueueFigures;
  waiting: number;
  longest: ReactNode;
  p90: string;
}) {
  const { say } = useSpeech();
  const { name, figures } = props;
  const none = say("none");
  return (
    <>
      <td className={props.waiting > 0 ? "strong" : ""} data-testid={`${name}-waiting`}>
        {grouped(props.waiting)}
      </td>
      <td>{props.longest}</td>
      {COUNTS.map(count => (
        <td key={count} data-testid={`${name}-${count}`} className={figures[count] === 0 ? "faint" : ""}>
          {grouped(figures[count])}
        </td>
      ))}
      {SERVICE_LEVELS.map(n => (
        <td key={n} data-testid={`${name}-sl${n}`}>
          <Tooltip title={<ServiceLevelTip level={n} figures={figures} />}>
            <span>{percent(figures[`sl${n}`], none)}</span>
          </Tooltip>
        </td>
      ))}
      <td data-testid={`${name}-mean`}>{wait(figures.wait_mean_ms, say("unit.s"), none)}</td>
      <td data-testid={`${name}-p90`}>{props.p90}</td>
    </>
  );
}

/** The formula of a service level, with the figures in it if they are given. */
export function ServiceLevelTip({ level, figures }: { level: 1 | 2 | 3 | 4; figures?: QueueFigures }) {
  const { say } = useSpeech();
  return (
    <div className="formula">
      <b>
        {say(`sl.${level}`)}: {say(`sl.${level}.name`)}
      </b>
      <div>{say(`sl.${level}.formula`)}</div>
      {figures && <div className="num">{inFigures(level, figures, say("none"))}</div>}
    </div>
  );
}

function inFigures(level: 1 | 2 | 3 | 4, f: QueueFigures, none: string): string {
  const sides = {
    1: `${f.answered_in_goal} ÷ ${f.offered}`,
    2: `${f.answered_in_goal} ÷ (${f.offered} − ${f.abandoned_short})`,
    3: `(${f.answered_in_goal} + ${f.abandoned_in_goal}) ÷ ${f.offered}`,
    4: `${f.answered_in_goal} ÷ ${f.answered}`,
  };
  return `${sides[level]} = ${percent(f[`sl${level}`], none)}`;
}
