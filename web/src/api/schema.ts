// What the API says, in the order of src/api/src/schema.rs and src/switch/src/view.rs, which are its origin. A test
// reads fixtures.json, written by the Rust types, with these shapes: page and switch cannot drift apart.
import { count, flag, list, maybe, nullable, number, type Of, object, oneOf, tagged, text } from "./shape";

export const Health = object({
  realtime: flag,
  locked: flag,
  periods: count,
  late_periods: count,
  lost_samples: count,
  tap_overruns: count,
  feed_underruns: count,
  lost_events: count,
  lost_frames: count,
  longest_period_us: count,
  failed_recordings: count,
  refused_calls: count,
});

export const SpanView = object({
  span: count,
  kind: text,
  use: text,
  alarms: list(text),
  dchannel: nullable(flag),
  channels: count,
  d_timeslot: nullable(count),
  blocked: list(count),
  slips: count,
  bad_frames: count,
});

export const LegState = oneOf("offered", "proceeding", "alerting", "calling", "answered", "ending", "ended");

export const LegView = object({ leg: text, channel: nullable(text), incoming: flag, state: LegState });

export const RecordingView = object({
  recording: text,
  file: nullable(text),
  length_ms: nullable(count),
  failed: nullable(text),
});

export const Outcome = oneOf("answered", "abandoned", "flowed_out", "refused");

export const VisitView = object({
  queue: text,
  entered_ms: count,
  left_ms: nullable(count),
  outcome: nullable(Outcome),
  agent: nullable(text),
});

export const CallView = object({
  call: text,
  called: text,
  calling: text,
  restricted: flag,
  from: oneOf("trunk", "seat"),
  flow: nullable(text),
  reached: nullable(text),
  agent: nullable(text),
  visits: list(VisitView),
  progress: oneOf("dialling", "prompt", "waiting", "ringing", "talking", "ending"),
  legs: list(LegView),
  since_ms: count,
  answered_ms: nullable(count),
  talking_ms: nullable(count),
  ended_ms: nullable(count),
  cause: nullable(count),
  recordings: list(RecordingView),
});

export const AgentCounts = object({
  idle: count,
  ringing: count,
  talking: count,
  wrap_up: count,
  busy: count,
});

export const QueueFigures = object({
  offered: count,
  answered: count,
  answered_in_goal: count,
  abandoned: count,
  abandoned_in_goal: count,
  abandoned_short: count,
  flowed_out: count,
  refused: count,
  sl1: nullable(number),
  sl2: nullable(number),
  sl3: nullable(number),
  sl4: nullable(number),
  wait_mean_ms: nullable(count),
  wait_p50_ms: nullable(count),
  wait_p90_ms: nullable(count),
  wait_p99_ms: nullable(count),
});

export const QueueView = object({
  queue: text,
  title: text,
  waiting: count,
  oldest_ms: nullable(count),
  agents: AgentCounts,
  service_goal_ms: count,
  figures: QueueFigures,
});

export const AgentState = oneOf("offline", "idle", "ringing", "talking", "wrap_up", "busy");

export const AgentTotals = object({
  idle_ms: count,
  ringing_ms: count,
  talking_ms: count,
  wrap_up_ms: count,
  busy_ms: count,
  logins: count,
  offers: count,
  answered: count,
  missed: count,
});

export const AgentView = object({
  agent: text,
  name: text,
  seat: text,
  queues: list(text),
  state: AgentState,
  reason: nullable(text),
  since_ms: count,
  until_ms: nullable(count),
  call: nullable(text),
  totals: AgentTotals,
});

export const ChannelState = oneOf("idle", "busy", "blocked", "alarm", "dchannel");

export const ChannelView = object({
  channel: text,
  state: ChannelState,
  call: nullable(text),
  number: nullable(text),
});

export const Update = tagged("kind", {
  line: object({ attached: flag }),
  span: object({ span: SpanView }),
  call: object({ call: CallView }),
  queue: object({ queue: QueueView }),
  agent: object({ agent: AgentView }),
  queue_gone: object({ queue: text }),
  agent_gone: object({ agent: text }),
  configured: object({ busy_reasons: list(text) }),
  health: object({ health: Health }),
});

export const Snapshot = object({
  run: text,
  seq: count,
  attached: flag,
  spans: list(SpanView),
  calls: list(CallView),
  ended: list(CallView),
  ended_total: count,
  queues: list(QueueView),
  agents: list(AgentView),
  busy_reasons: list(text),
  health: Health,
});

export const Message = tagged("type", {
  snapshot: Snapshot,
  update: object({ seq: count, update: Update }),
});

export const Status = object({
  version: text,
  api: count,
  link_protocol: count,
  run: text,
  uptime_ms: count,
  now_ms: count,
  seq: count,
  attached: flag,
  calls: object({ live: count, ended_total: count }),
  spans: object({ up: count, total: count }),
  health: Health,
});

export const Calls = object({ seq: count, total: count, calls: list(CallView) });
export const Spans = object({ seq: count, spans: list(SpanView) });
export const Channels = object({ seq: count, channels: list(ChannelView) });
export const Queues = object({ seq: count, queues: list(QueueView) });
export const Agents = object({ seq: count, agents: list(AgentView), busy_reasons: list(text) });

export const Records = object({ records: list(CallView), total: count, next: nullable(text) });

export const Interval = object({
  queue: text,
  from_ms: count,
  offered: count,
  answered: count,
  answered_in_goal: count,
  abandoned: count,
  flowed_out: count,
  refused: count,
  answered_wait_ms: count,
  abandoned_wait_ms: count,
});

export const Figures = object({ intervals: list(Interval) });

export const Waveform = object({
  length_ms: count,
  channels: list(object({ min: list(number), max: list(number) })),
});

export const Problem = object({ error: object({ code: text, message: text }) });

/** What may be asked of an agent: the body of POST /v1/agents/{agent}. */
export const AgentOrder = object({
  order: oneOf("log_in", "log_out", "ready", "busy", "wrap_up_end"),
  reason: maybe(text),
});

export type Health = Of<typeof Health>;
export type SpanView = Of<typeof SpanView>;
export type LegView = Of<typeof LegView>;
export type RecordingView = Of<typeof RecordingView>;
export type Outcome = Of<typeof Outcome>;
export type VisitView = Of<typeof VisitView>;
export type CallView = Of<typeof CallView>;
export type AgentCounts = Of<typeof AgentCounts>;
export type QueueFigures = Of<typeof QueueFigures>;
export type QueueView = Of<typeof QueueView>;
export type AgentState = Of<typeof AgentState>;
export type AgentTotals = Of<typeof AgentTotals>;
export type AgentView = Of<typeof AgentView>;
export type ChannelState = Of<typeof ChannelState>;
export type ChannelView = Of<typeof ChannelView>;
export type Update = Of<typeof Update>;
export type Snapshot = Of<typeof Snapshot>;
export type Message = Of<typeof Message>;
export type Status = Of<typeof Status>;
export type Agents = Of<typeof Agents>;
export type Records = Of<typeof Records>;
export type Interval = Of<typeof Interval>;
export type Figures = Of<typeof Figures>;
export type Waveform = Of<typeof Waveform>;
export type Order = Of<typeof AgentOrder>["order"];
