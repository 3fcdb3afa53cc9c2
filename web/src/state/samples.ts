// A span and a call for tests, with what the test says of them.
import type { CallView, SpanView } from "../api/schema";

export function span(number: number, more: Partial<SpanView> = {}): SpanView {
  return {
    span: number,
    kind: "E1",
    use: "pri_user",
    alarms: [],
    dchannel: true,
    channels: 30,
    d_timeslot: 16,
    blocked: [],
    slips: 0,
    bad_frames: 0,
    ...more,
  };
}

export function call(name: string, more: Partial<CallView> = {}): CallView {
  return {
    call: name,
    called: "8000",
    calling: "13900000001",
    restricted: false,
    from: "trunk",
    flow: null,
    reached: null,
    agent: null,
    visits: [],
    progress: "prompt",
    legs: [],
    since_ms: 1_000,
    answered_ms: null,
    talking_ms: null,
    ended_ms: null,
    cause: null,
    recordings: [],
    ...more,
  };
}
