// The JSON that the Rust types wrote is read with the page's own shapes, strictly: a field that only one side knows
// fails here.
import { expect, test } from "vitest";
import { EMPTY, reduce } from "../state/state";
import fixtures from "./fixtures.json";
import * as schema from "./schema";
import { list, object, ShapeError, text } from "./shape";

const NAMED = {
  status: schema.Status,
  spans: schema.Spans,
  channels: schema.Channels,
  calls: schema.Calls,
  queues: schema.Queues,
  agents: schema.Agents,
  orders: list(schema.AgentOrder),
  records: schema.Records,
  figures: schema.Figures,
  waveform: schema.Waveform,
  problem: schema.Problem,
};

test("every message of the stream fits its shape", () => {
  for (const message of fixtures.messages) schema.Message.check(message, "message", true);
});

test("every answer fits its shape, and every answer has one", () => {
  const { messages, ...answers }: { messages: unknown[]; [name: string]: unknown } = fixtures;
  expect(messages.length).toBeGreaterThan(10);
  expect(Object.keys(answers).sort()).toEqual(Object.keys(NAMED).sort());
  for (const [name, shape] of Object.entries(NAMED)) {
    shape.check(answers[name], name, true);
  }
});

test("the messages are in order and can be reduced without a gap", () => {
  const messages = fixtures.messages.map(message => schema.Message.check(message, "message", true));
  const { state, gap } = reduce(EMPTY, messages);
  expect(gap).toBe(false);
  expect(state.seq).toBe(5_120 + messages.length - 1);
});

test("a field that is missing, of another kind or unknown is found", () => {
  const shape = object({ name: text });
  expect(shape.check({ name: "a" }, "x", true)).toEqual({ name: "a" });
  expect(() => shape.check({}, "x", true)).toThrow("x.name: expected a string");
  expect(() => shape.check({ name: 1 }, "x", true)).toThrow(ShapeError);
  expect(() => shape.check({ name: "a", more: 1 }, "x", true)).toThrow("x.more: not in the schema");
  expect(shape.check({ name: "a", more: 1 }, "x", false)).toEqual({ name: "a" });
});
