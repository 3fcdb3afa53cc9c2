import { expect, test } from "vitest";
import type { AgentView, CallView, Message, QueueView, Snapshot, Update } from "../api/schema";
import { call, span } from "./samples";
import { EMPTY, MAX_ENDED, reduce, type State } from "./state";
import { FLUSH_MS, Store } from "./store";

const HEALTH = {
  realtime: true,
  locked: true,
  periods: 1,
  late_periods: 0,
  lost_samples: 0,
  tap_overruns: 0,
  feed_underruns: 0,
  lost_events: 0,
  lost_frames: 0,
  longest_period_us: 1,
  failed_recordings: 0,
  refused_calls: 0,
};

function snapshot(seq: number, more: Partial<Snapshot> = {}): Message {
  return {
    type: "snapshot",
    run: "r",
    seq,
    attached: true,
    spans: [],
    calls: [],
    ended: [],
    ended_total: 0,
    queues: [],
    agents: [],
    busy_reasons: [],
    health: HEALTH,
    ...more,
  };
}

const update = (seq: number, update: Update): Message => ({ type: "update", seq, update });
const told = (seq: number, told: CallView): Message => update(seq, { kind: "call", call: told });

function after(messages: Message[], from: State = EMPTY): State {
  const { state, gap } = reduce(from, messages);
  expect(gap).toBe(false);
  return state;
}

test("a snapshot replaces everything that was known", () => {
  const before = after([snapshot(5, { calls: [call("a")], spans: [span(1)] })]);
  const state = after([snapshot(90, { run: "s", calls: [call("b")], ended_total: 7 })], before);
  expect([...state.calls.keys()]).toEqual(["b"]);
  expect([state.run, state.seq, state.endedTotal, state.spans.size]).toEqual(["s", 90, 7, 0]);
  expect(state.taken).toEqual({ snapshots: 2, updates: 0, gaps: 0 });
});

test("updates are taken in order, and what they do not touch stays the same object", () => {
  const first = after([snapshot(5, { calls: [call("a")], spans: [span(1)] })]);
  const state = after([told(6, call("b")), update(7, { kind: "line", attached: false })], first);
  expect([state.seq, state.attached, state.calls.size]).toEqual([7, false, 2]);
  expect(state.spans).toBe(first.spans);
  expect(first.calls.size, "the state before is not touched").toBe(1);
});

test("queues, agents and reasons follow a configuration that has changed", () => {
  const [first, second] = ["service", "sales"].map(queue => ({ queue }) as QueueView);
  const [ann, ben] = ["ann", "ben"].map(agent => ({ agent }) as AgentView);
  const before = after([
    snapshot(1, {
      queues: [first, second] as QueueView[],
      agents: [ann, ben] as AgentView[],
      busy_reasons: ["lunch"],
    }),
  ]);
  expect(before.busyReasons).toEqual(["lunch"]);
  const state = after(
    [
      update(2, { kind: "queue_gone", queue: "sales" }),
      update(3, { kind: "agent_gone", agent: "ann" }),
      update(4, { kind: "configured", busy_reasons: ["lunch", "training"] }),
    ],
    before,
  );
  expect([[...state.queues.keys()], [...state.agents.keys()]]).toEqual([["service"], ["ben"]]);
  expect(state.busyReasons).toEqual(["lunch", "training"]);
  expect([before.queues.size, before.agents.size], "the state before is not touched").toEqual([2, 2]);
});

for (const [name, seq] of [
  ["a number that is left out", 7],
  ["a number that comes twice", 5],
  ["a number from another run", 1],
] as const) {
  test(`${name} is a gap, and nothing from there on is taken`, () => {
    const first = after([snapshot(5)]);
    const { state, gap } = reduce(first, [told(seq, call("b")), told(seq + 1, call("c"))]);
    expect(gap).toBe(true);
    expect([state.seq, state.calls.size, state.taken.gaps]).toEqual([5, 0, 1]);
  });
}

test("an update before any snapshot is a gap", () => {
  expect(reduce(EMPTY, [told(1, call("a"))]).gap).toBe(true);
});

test("what comes before a gap is taken", () => {
  const { state, gap } = reduce(after([snapshot(5)]), [told(6, call("a")), told(8, call("b"))]);
  expect([gap, state.seq, state.calls.size]).toEqual([true, 6, 1]);
});

test("an ended call moves to the ended ones, the newest first, and is counted once", () => {
  let state = after([snapshot(1, { calls: [call("a"), call("b")] })]);
  state = after([told(2, call("a", { ended_ms: 5 })), told(3, call("b", { ended_ms: 6 }))], state);
  expect(state.ended.map(call => call.call)).toEqual(["b", "a"]);
  expect([state.calls.size, state.endedTotal]).toEqual([0, 2]);
  const file = { recording: "r", file: "a.wav", length_ms: 1, failed: null };
  state = after([told(4, call("a", { ended_ms: 5, recordings: [file] }))], state);
  expect(state.ended.map(call => call.recordings.length)).toEqual([0, 1]);
  expect(state.endedTotal).toBe(2);
});

test("news of a call that ended before all we know is not counted again", () => {
  const state = after([snapshot(1, { ended: [call("x", { ended_ms: 100 })], ended_total: 500 })]);
  const next = after([told(2, call("old", { ended_ms: 50 }))], state);
  expect([next.ended.length, next.endedTotal, next.seq]).toEqual([1, 500, 2]);
});

test("ended calls are kept up to the limit", () => {
  const messages = [snapshot(0)];
  for (let seq = 1; seq <= MAX_ENDED + 5; seq += 1)
    messages.push(told(seq, call(`c${seq}`, { ended_ms: seq })));
  const state = after(messages);
  expect([state.ended.length, state.endedTotal]).toEqual([MAX_ENDED, MAX_ENDED + 5]);
  expect(state.ended[0]?.call).toBe(`c${MAX_ENDED + 5}`);
});

/** A browser whose time the test moves. */
class Frames {
  at = 0;
  #waiting: Array<{ at: number; then: () => void }> = [];
  now = () => this.at;
  later = (delay: number, then: () => void) => void this.#waiting.push({ at: this.at + delay, then });
  go(ms: number): void {
    this.at += ms;
    const due = this.#waiting.filter(one => one.at <= this.at);
    this.#waiting = this.#waiting.filter(one => one.at > this.at);
    for (const { then } of due) then();
  }
}

test("hundreds of updates a second are told at most ten times a second, and none is lost", () => {
  const frames = new Frames();
  const store = new Store(frames);
  let told = 0;
  store.subscribe(() => {
    told += 1;
  });
  store.push(snapshot(0));
  for (let seq = 1; seq <= 1_000; seq += 1) {
    store.push(update(seq, { kind: "line", attached: seq % 2 === 0 }));
    frames.go(2);
  }
  frames.go(FLUSH_MS);
  expect(told).toBeGreaterThan(15);
  expect(told).toBeLessThanOrEqual(2_000 / FLUSH_MS + 1);
  expect([store.shown().seq, store.shown().taken.updates]).toEqual([1_000, 1_000]);
});

test("a page that is never drawn still takes everything, and shows it when it is drawn", () => {
  const store = new Store({ now: () => 0, later: () => {} });
  store.push(snapshot(0));
  for (let seq = 1; seq <= 5_000; seq += 1) store.push(update(seq, { kind: "line", attached: true }));
  expect(store.shown().seq).toBe(0);
  expect(store.current().seq).toBe(5_000);
});

test("a gap is told to whoever connects", () => {
  const frames = new Frames();
  const store = new Store(frames);
  let gaps = 0;
  store.onGap(() => {
    gaps += 1;
  });
  store.push(snapshot(5));
  store.push(update(9, { kind: "line", attached: true }));
  frames.go(FLUSH_MS);
  expect([gaps, store.current().seq]).toEqual([1, 5]);
});
