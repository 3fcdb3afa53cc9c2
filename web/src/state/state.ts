// What the page knows of the switch: the sum of a snapshot and the updates after it, as `switch::view::View` sums them.
//
// `reduce` takes a batch of messages and returns the next state; maps that no message touches stay the same objects, so
// that a component renders only when something of its own has changed. A message whose number is not the next one is a
// gap: what came before it is kept, and the connection has to begin again after `seq`.
import type { AgentView, CallView, Health, Message, QueueView, Snapshot, SpanView } from "../api/schema";

/** Ended calls that are kept here, as many as the switch keeps; a snapshot brings the newest 100 of them. */
export const MAX_ENDED = 1_000;

export interface State {
  /** The run of the switch that `seq` counts in; empty before the first snapshot. */
  readonly run: string;
  readonly seq: number;
  readonly attached: boolean;
  readonly spans: ReadonlyMap<number, SpanView>;
  readonly calls: ReadonlyMap<string, CallView>;
  /** The newest first. */
  readonly ended: readonly CallView[];
  readonly endedTotal: number;
  readonly queues: ReadonlyMap<string, QueueView>;
  readonly agents: ReadonlyMap<string, AgentView>;
  /** The reasons that an agent may give for being busy. */
  readonly busyReasons: readonly string[];
  readonly health: Health | null;
  /** Snapshots taken, updates taken, gaps seen since the page was opened. */
  readonly taken: { readonly snapshots: number; readonly updates: number; readonly gaps: number };
}

export const EMPTY: State = {
  run: "",
  seq: 0,
  attached: false,
  spans: new Map(),
  calls: new Map(),
  ended: [],
  endedTotal: 0,
  queues: new Map(),
  agents: new Map(),
  busyReasons: [],
  health: null,
  taken: { snapshots: 0, updates: 0, gaps: 0 },
};

type Draft = { -readonly [K in keyof State]: State[K] };

/** What became of a batch. */
export interface Reduced {
  readonly state: State;
  /** A number was not the next one; nothing from there on was taken. */
  readonly gap: boolean;
}

export function reduce(state: State, messages: readonly Message[]): Reduced {
  const draft: Draft = { ...state };
  const taken = { ...state.taken };
  // Maps that this batch has copied already.
  const own = new Set<object>();
  const write = <K, V>(map: ReadonlyMap<K, V>): Map<K, V> => {
    if (own.has(map)) return map as Map<K, V>;
    const copy = new Map(map);
    own.add(copy);
    return copy;
  };
  for (const message of messages) {
    if (message.type === "snapshot") {
      taken.snapshots += 1;
      Object.assign(draft, fromSnapshot(message));
      continue;
    }
    if (draft.run === "" || message.seq !== draft.seq + 1) {
      taken.gaps += 1;
      return { state: { ...draft, taken }, gap: true };
    }
    taken.updates += 1;
    draft.seq = message.seq;
    const { update } = message;
    switch (update.kind) {
      case "line":
        draft.attached = update.attached;
        break;
      case "span":
        draft.spans = write(draft.spans);
        (draft.spans as Map<number, SpanView>).set(update.span.span, update.span);
        break;
      case "call": {
        const calls = write(draft.calls);
        draft.calls = calls;
        if (update.call.ended_ms === null) calls.set(update.call.call, update.call);
        else end(draft, calls, update.call);
        break;
      }
      case "queue":
        draft.queues = write(draft.queues);
        (draft.queues as Map<string, QueueView>).set(update.queue.queue, update.queue);
        break;
      case "agent":
        draft.agents = write(draft.agents);
        (draft.agents as Map<string, AgentView>).set(update.agent.agent, update.agent);
        break;
      case "queue_gone":
        draft.queues = write(draft.queues);
        (draft.queues as Map<string, QueueView>).delete(update.queue);
        break;
      case "agent_gone":
        draft.agents = write(draft.agents);
        (draft.agents as Map<string, AgentView>).delete(update.agent);
        break;
      case "configured":
        draft.busyReasons = update.busy_reasons;
        break;
      case "health":
        draft.health = update.health;
        break;
      default:
        // A kind that this page does not know yet still counts.
        update satisfies never;
    }
  }
  return { state: { ...draft, taken }, gap: false };
}

function end(draft: Draft, calls: Map<string, CallView>, call: CallView): void {
  const lived = calls.delete(call.call);
  const known = draft.ended.findIndex(other => other.call === call.call);
  if (!lived && known >= 0) {
    // A recording was closed after the call's end.
    draft.ended = draft.ended.with(known, call);
    return;
  }
  const oldest = draft.ended.at(-1);
  // News of a call that ended before those we know; the switch has counted it then.
  if (!lived && oldest && (call.ended_ms ?? 0) < (oldest.ended_ms ?? 0)) return;
  draft.endedTotal += 1;
  draft.ended = [call, ...draft.ended].slice(0, MAX_ENDED);
}

function fromSnapshot(snapshot: Snapshot): Omit<State, "taken"> {
  const { run, seq, attached, health } = snapshot;
  return {
    run,
    seq,
    attached,
    health,
    spans: new Map(snapshot.spans.map(span => [span.span, span])),
    calls: new Map(snapshot.calls.map(call => [call.call, call])),
    ended: snapshot.ended.slice(0, MAX_ENDED),
    endedTotal: snapshot.ended_total,
    queues: new Map(snapshot.queues.map(queue => [queue.queue, queue])),
    agents: new Map(snapshot.agents.map(agent => [agent.agent, agent])),
    busyReasons: snapshot.busy_reasons,
  };
}
