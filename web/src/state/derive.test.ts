import { expect, test } from "vitest";
import type { QueueFigures, QueueView } from "../api/schema";
import { extremes } from "../parts/waveform";
import { ServerClock } from "./clock";
import { retryDelay } from "./connection";
import {
  channelsInUse,
  longestP90,
  outcomeOf,
  spanChannels,
  spanIsUp,
  sumFigures,
  waitingByQueue,
} from "./derive";
import { type Bar, bars, sinceFirst } from "./intervals";
import { call, span } from "./samples";
import { story } from "./story";

const visit = (queue: string, entered_ms: number, left_ms: number | null = null) => ({
  queue,
  entered_ms,
  left_ms,
  outcome: left_ms === null ? null : ("answered" as const),
  agent: left_ms === null ? null : "zhang",
});

test("channels show calls, blocks and the D-channel as the API's own list does", () => {
  const legs = [{ leg: "a", channel: "1/1", incoming: true, state: "answered" as const }];
  const used = channelsInUse(new Map([["a", call("a", { legs })]]));
  const channels = spanChannels(span(1, { blocked: [3] }), used);
  expect(channels.length).toBe(31);
  expect([0, 1, 2, 15, 30].map(at => channels[at]?.state)).toEqual([
    "busy",
    "idle",
    "blocked",
    "dchannel",
    "idle",
  ]);
  expect([channels[0]?.number, channels[0]?.call]).toEqual(["13900000001", "a"]);
});

test("an alarm shows on every idle channel, and a leg that has ended holds none", () => {
  const legs = [{ leg: "a", channel: "1/1", incoming: true, state: "ended" as const }];
  const used = channelsInUse(new Map([["a", call("a", { legs })]]));
  expect(spanChannels(span(1, { alarms: ["red"] }), used)[0]?.state).toBe("alarm");
});

test("a span is up if it is used, without alarm, and its D-channel, if any, works", () => {
  expect(spanIsUp(span(1))).toBe(true);
  expect(spanIsUp(span(1, { dchannel: null }))).toBe(true);
  expect(spanIsUp(span(1, { dchannel: false }))).toBe(false);
  expect(spanIsUp(span(1, { alarms: ["ais"] }))).toBe(false);
  expect(spanIsUp(span(1, { use: "unused" }))).toBe(false);
});

test("callers wait in the order they entered, each in the queue that he has not left", () => {
  const calls = [
    call("a", { visits: [visit("service", 20)] }),
    call("b", { visits: [visit("service", 10)] }),
    call("c", { visits: [visit("service", 5, 8), visit("sales", 8)] }),
    call("d", { visits: [visit("service", 1, 9)] }),
  ];
  const waiting = waitingByQueue(new Map(calls.map(call => [call.call, call])));
  expect(waiting.get("service")?.map(({ call }) => call.call)).toEqual(["b", "a"]);
  expect(waiting.get("sales")?.map(({ call }) => call.call)).toEqual(["c"]);
});

function queue(figures: Partial<QueueFigures>): QueueView {
  const none = { sl1: null, sl2: null, sl3: null, sl4: null };
  const waits = { wait_mean_ms: null, wait_p50_ms: null, wait_p90_ms: null, wait_p99_ms: null };
  const counts = { offered: 0, answered: 0, answered_in_goal: 0, flowed_out: 0, refused: 0 };
  const abandoned = { abandoned: 0, abandoned_in_goal: 0, abandoned_short: 0 };
  return {
    queue: "q",
    title: "",
    waiting: 0,
    oldest_ms: null,
    agents: { idle: 0, ringing: 0, talking: 0, wrap_up: 0, busy: 0 },
    service_goal_ms: 20_000,
    figures: { ...counts, ...abandoned, ...none, ...waits, ...figures },
  };
}

test("the sum of queues has service levels of the summed counts and the mean wait of all answered", () => {
  const sum = sumFigures([
    queue({
      offered: 10,
      answered: 8,
      answered_in_goal: 6,
      abandoned: 2,
      abandoned_short: 1,
      wait_mean_ms: 1_000,
    }),
    queue({ offered: 10, answered: 2, answered_in_goal: 2, abandoned_in_goal: 1, wait_mean_ms: 6_000 }),
  ]);
  expect([sum.offered, sum.answered, sum.wait_mean_ms]).toEqual([20, 10, 2_000]);
  expect([sum.sl1, sum.sl2, sum.sl3, sum.sl4]).toEqual([8 / 20, 8 / 19, 9 / 20, 8 / 10]);
  expect(sum.wait_p90_ms, "percentiles cannot be added").toBeNull();
  const waits = [7_000, null, 9_000].map(wait_p90_ms => queue({ wait_p90_ms }));
  expect(longestP90(waits), "but none is longer than the longest").toBe(9_000);
  expect(longestP90([])).toBeNull();
});

test("without callers there is no service level, and one queue alone is its own sum", () => {
  expect(sumFigures([]).sl1).toBeNull();
  const only = queue({ offered: 1, wait_p90_ms: 7 });
  expect(sumFigures([only])).toBe(only.figures);
});

test("the outcome of a call is that of the last stay that is over", () => {
  expect(outcomeOf(call("a", { visits: [visit("q", 1, 2), visit("q", 3)] }))).toBe("answered");
  expect(outcomeOf(call("a"))).toBeNull();
});

test("a story is told in the order of time and ends with what happens now", () => {
  const told = call("a", {
    flow: "front",
    answered_ms: 1_100,
    visits: [visit("service", 5_000, 9_000)],
    talking_ms: 9_000,
    progress: "talking",
  });
  expect(story(told).map(({ what }) => what)).toEqual([
    "arrived",
    "answered",
    "flow",
    "queued",
    "left",
    "talking",
    "going_on",
  ]);
  expect(story({ ...told, ended_ms: 20_000, cause: 16 }).at(-1)).toEqual({
    what: "ended",
    at: 20_000,
    cause: 16,
  });
});

test("a ringing agent is told, and a queue that took nobody was never entered", () => {
  const rings = call("a", { progress: "ringing", agent: "zhang", visits: [visit("service", 5_000)] });
  expect(story(rings).at(-1)).toEqual({ what: "offered", at: null, agent: "zhang" });
  const refused = { ...visit("service", 5_000, 5_000), outcome: "refused" as const };
  expect(story(call("a", { visits: [refused] })).map(({ what }) => what)).toEqual([
    "arrived",
    "left",
    "going_on",
  ]);
});

test("bars stand for every interval, also the empty ones, of one queue or of all", () => {
  const row = { answered_wait_ms: 9_000, abandoned_wait_ms: 0, abandoned: 1, flowed_out: 0, refused: 0 };
  const counts = { offered: 4, answered: 3, answered_in_goal: 2 };
  const rows = ["a", "b"].map(queue => ({ queue, from_ms: 60_000, ...counts, ...row }));
  const range = { fromMs: 0, toMs: 180_000, stepMs: 60_000 };
  expect(bars(rows, range, null).map(bar => bar.offered)).toEqual([0, 8, 0]);
  const [, one] = bars(rows, range, "a");
  expect(one).toEqual({
    from_ms: 60_000,
    offered: 4,
    in_goal: 2,
    late: 1,
    abandoned: 1,
    flowed_out: 0,
    wait_s: 3,
  });
});

test("empty bars before the first callers are left out, but for a few", () => {
  const drawn = (...offered: number[]) => offered.map(offered => ({ offered }) as Bar);
  expect(sinceFirst(drawn(0, 0, 0, 3, 0, 1), 2).map(bar => bar.offered)).toEqual([3, 0, 1]);
  expect(sinceFirst(drawn(0, 0, 0, 3), 3).map(bar => bar.offered)).toEqual([0, 0, 3]);
  expect(sinceFirst(drawn(0, 0, 0), 2)).toHaveLength(3);
  expect(sinceFirst(drawn(4), 12)).toHaveLength(1);
});

test("the switch's time is taken from the sample with the shortest round trip", () => {
  let wall = 1_000;
  let steady = 0;
  const clock = new ServerClock(
    () => wall,
    () => steady,
  );
  expect([clock.now(), clock.errorMs()]).toEqual([1_000, null]);
  clock.sample(1_000, 1_400, 9_200);
  expect([clock.offsetMs(), clock.errorMs()]).toEqual([8_000, 200]);
  clock.sample(1_500, 1_510, 9_605);
  clock.sample(1_600, 1_900, 10_750);
  expect([clock.offsetMs(), clock.errorMs()]).toEqual([8_100, 5]);
  wall += 100;
  steady += 100;
  expect(clock.jumped()).toBe(false);
  wall += 3_600_000;
  expect(clock.jumped()).toBe(true);
  expect([clock.errorMs(), clock.jumped()]).toEqual([null, false]);
});

test("attempts come at growing distances with jitter, and never later than fifteen seconds", () => {
  expect([retryDelay(0, 0), retryDelay(0, 1)]).toEqual([250, 500]);
  expect([retryDelay(3, 0), retryDelay(3, 1)]).toEqual([2_000, 4_000]);
  expect([retryDelay(50, 0), retryDelay(50, 1)]).toEqual([7_500, 15_000]);
});

test("the waveform's extremes of a stretch are those of all its points", () => {
  const lane = { min: [-1, -5, -2, 0], max: [1, 2, 9, 3] };
  expect(extremes(lane, 0, 0.5)).toEqual([-5, 2]);
  expect(extremes(lane, 0.5, 1)).toEqual([-2, 9]);
  expect(extremes(lane, 0.99, 1.2)).toEqual([0, 3]);
  expect(extremes({ min: [], max: [] }, 0, 1)).toEqual([0, 0]);
});
