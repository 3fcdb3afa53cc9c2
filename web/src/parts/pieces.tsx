// Small pieces that all pages are built of.
import { Empty } from "antd";
import type { ReactNode } from "react";
import type { AgentCounts, AgentState } from "../api/schema";
import type { Stage } from "../state/derive";
import { type Key, sayWord, useSpeech } from "../words";

export function Panel(props: {
  title?: ReactNode;
  side?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`panel ${props.className ?? ""}`}>
      {props.title !== undefined && (
        <header className="panel-head">
          <h2>{props.title}</h2>
          <div className="panel-side">{props.side}</div>
        </header>
      )}
      {props.children}
    </section>
  );
}

/** A word with a dot of its colour; the colour never says anything alone. */
export function Dot({ tone, children }: { tone: string; children: ReactNode }) {
  return (
    <span className={`dot tone-${tone}`}>
      <i aria-hidden="true" />
      {children}
    </span>
  );
}

export function StageDot({ stage }: { stage: Stage }) {
  const { say } = useSpeech();
  return <Dot tone={stage}>{sayWord(say, "stage", stage)}</Dot>;
}

export function AgentDot({ state }: { state: AgentState }) {
  const { say } = useSpeech();
  return <Dot tone={`agent-${state}`}>{sayWord(say, "agent", state)}</Dot>;
}

export interface Part {
  readonly tone: string;
  readonly label: string;
  readonly value: number;
}

/** A bar of parts with its legend. */
export function Parts({ parts, testid }: { parts: readonly Part[]; testid?: string }) {
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  return (
    <div className="parts" data-testid={testid}>
      <div className="parts-bar" aria-hidden="true">
        {parts
          .filter(part => part.value > 0)
          .map(part => (
            <i
              key={part.tone}
              className={`tone-${part.tone}`}
              style={{ flexGrow: part.value / Math.max(1, total) }}
            />
          ))}
      </div>
      <div className="parts-legend">
        {parts.map(part => (
          <Dot key={part.tone} tone={part.tone}>
            <span className="parts-label">{part.label}</span>
            <b className="num">{part.value}</b>
          </Dot>
        ))}
      </div>
    </div>
  );
}

export const AGENT_STATES = ["idle", "ringing", "talking", "wrap_up", "busy"] as const;

export function AgentParts({ counts, testid }: { counts: AgentCounts; testid?: string }) {
  const { say } = useSpeech();
  const parts = AGENT_STATES.map(state => ({
    tone: `agent-${state}`,
    label: say(`agent.${state}` as Key),
    value: counts[state],
  }));
  return <Parts parts={parts} {...(testid === undefined ? {} : { testid })} />;
}

export function Nothing({ children }: { children: ReactNode }) {
  return <Empty className="nothing" image={Empty.PRESENTED_IMAGE_SIMPLE} description={children} />;
}
