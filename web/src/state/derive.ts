// What follows from the state: channels, waiting callers, sums over queues.
import type {
  AgentCounts,
  CallView,
  ChannelView,
  QueueFigures,
  QueueView,
  SpanView,
  VisitView,
} from "../api/schema";

/** A channel with the call on it, if it is known. */
export interface Channel extends ChannelView {
  readonly timeslot: number;
  readonly since_ms: number | null;
}

type Used = ReadonlyMap<string, { call: CallView; number: string | null }>;

/** Which call is on which channel. */
export function channelsInUse(calls: ReadonlyMap<string, CallView>): Used {
  const used = new Map<string, { call: CallView; number: string | null }>();
  for (const call of calls.values()) {
    for (const leg of call.legs) {
      if (leg.channel === null || leg.state === "ended") continue;
      used.set(leg.channel, { call, number: leg.incoming ? call.calling : call.reached });
    }
  }
  return used;
}

/** The channels of a span, as `View::channels` tells them. */
export function spanChannels(span: SpanView, used: Used): Channel[] {
  const count = span.channels + (span.d_timeslot === null ? 0 : 1);
  return Array.from({ length: count }, (_, at) => {
    const timeslot = at + 1;
    const channel = `${span.span}/${timeslot}`;
    const use = used.get(channel);
    const state = channelState(span, timeslot, use !== undefined);
    const { call = null, number = null } = use ?? {};
    return {
      channel,
      timeslot,
      state,
      call: call?.call ?? null,
      number: number || null,
      since_ms: call?.since_ms ?? null,
    };
  });
}

function channelState(span: SpanView, timeslot: number, used: boolean): ChannelView["state"] {
  if (span.d_timeslot === timeslot) return "dchannel";
  if (used) return "busy";
  if (span.alarms.length > 0) return "alarm";
  return span.blocked.includes(timeslot) ? "blocked" : "idle";
}

/** Whether a span carries calls: in use, no alarm, its D-channel up. */
export function spanIsUp(span: SpanView): boolean {
  return span.use !== "unused" && span.alarms.length === 0 && span.dchannel !== false;
}

/** The stay in a queue that lasts. */
export function openVisit(call: CallView): VisitView | null {
  const last = call.visits.at(-1);
  return last && last.left_ms === null ? last : null;
}

export interface Waiting {
  readonly call: CallView;
  readonly visit: VisitView;
}

/** Waiting callers by queue, the one who came first at the head. */
export function waitingByQueue(calls: ReadonlyMap<string, CallView>): Map<string, Waiting[]> {
  const queues = new Map<string, Waiting[]>();
  for (const call of calls.values()) {
    const visit = openVisit(call);
    if (!visit || call.ended_ms !== null) continue;
    const waiting = queues.get(visit.queue) ?? [];
    waiting.push({ call, visit });
    queues.set(visit.queue, waiting);
  }
  for (const waiting of queues.values()) {
    waiting.sort((a, b) => a.visit.entered_ms - b.visit.entered_ms || (a.call.call < b.call.call ? -1 : 1));
  }
  return queues;
}

/** What a call is doing, in one word. */
export type Stage = "dialling" | "menu" | "waiting" | "ringing" | "talking" | "ending" | "ended";

export function stage(call: CallView): Stage {
  if (call.ended_ms !== null) return "ended";
  return call.progress === "prompt" ? "menu" : call.progress;
}

/** How a call ended for the caller: the outcome of the last stay in a queue. */
export function outcomeOf(call: CallView): VisitView["outcome"] {
  return call.visits.findLast(visit => visit.outcome !== null)?.outcome ?? null;
}

const ratio = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** The figures of all queues together. Percentiles cannot be added: they are null unless there is one queue only. */
export function sumFigures(queues: readonly QueueView[]): QueueFigures {
  const [only] = queues;
  if (only && queues.length === 1) return only.figures;
  const sum = (pick: (figures: QueueFigures) => number) =>
    queues.reduce((total, queue) => total + pick(queue.figures), 0);
  const offered = sum(f => f.offered);
  const answered = sum(f => f.answered);
  const answered_in_goal = sum(f => f.answered_in_goal);
  const abandoned_in_goal = sum(f => f.abandoned_in_goal);
  const abandoned_short = sum(f => f.abandoned_short);
  const waited = sum(f => f.answered * (f.wait_mean_ms ?? 0));
  return {
    offered,
    answered,
    answered_in_goal,
    abandoned: sum(f => f.abandoned),
    abandoned_in_goal,
    abandoned_short,
    flowed_out: sum(f => f.flowed_out),
    refused: sum(f => f.refused),
    sl1: ratio(answered_in_goal, offered),
    sl2: ratio(answered_in_goal, offered - abandoned_short),
    sl3: ratio(answered_in_goal + abandoned_in_goal, offered),
    sl4: ratio(answered_in_goal, answered),
    wait_mean_ms: answered > 0 ? Math.round(waited / answered) : null,
    wait_p50_ms: null,
    wait_p90_ms: null,
    wait_p99_ms: null,
  };
}

/** What nine in ten of the answered of all queues waited at most; with more than one queue an upper bound. */
export function longestP90(queues: readonly QueueView[]): number | null {
  const waits = queues.map(queue => queue.figures.wait_p90_ms).filter(wait => wait !== null);
  return waits.length > 0 ? Math.max(...waits) : null;
}

export function sumAgents(queues: readonly QueueView[]): AgentCounts {
  const sum = (key: keyof AgentCounts) => queues.reduce((total, queue) => total + queue.agents[key], 0);
  return {
    idle: sum("idle"),
    ringing: sum("ringing"),
    talking: sum("talking"),
    wrap_up: sum("wrap_up"),
    busy: sum("busy"),
  };
}
