// The real thing: `tandem run` with the demo's call centre, its callers coming faster. Page, API and the exchange's own
// log are compared: page and API at the same number of the event stream, both with the log by the callers' numbers,
// which are all different in a run.
//
// It needs a built program (TANDEM, by default ../target/debug/tandem) and the prompts of `make prompts`.
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Calls, type CallView, Queues, type QueueView, Records, Status } from "../src/api/schema";
import type { Shape } from "../src/api/shape";
import { launch, picture } from "./browser";

const PROGRAM = resolve(process.env.TANDEM ?? "../target/debug/tandem");
const EXAMPLE = "../config/examples";
const START_MS = 60_000;
/** How long callers come before anything is compared. */
const WARM_MS = 45_000;
/** How far the log's clock and the switch's may lie apart, with what lies between wire and event. */
const SLACK_MS = 4_000;

let folder: string;
let program: ChildProcess;
let url: string;
let token: string;
let browser: Browser;
let said = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tandem-page-"));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  cpSync(join(EXAMPLE, "flows"), join(folder, "flows"), { recursive: true });
  const example = readFileSync(join(EXAMPLE, "demo.toml"), "utf8");
  const config = example
    .replace(/^data_dir = .*$/m, `data_dir = "${join(folder, "var")}"`)
    .replace(/^prompts_dir = .*$/m, `prompts_dir = "${resolve("../prompts")}"`)
    .replace(/^calls_per_hour = .*$/m, "calls_per_hour = 2400")
    .replace(/^talk_s = .*$/m, "talk_s = 8");
  writeFileSync(join(folder, "demo.toml"), `${config}\n[api]\nlisten = "127.0.0.1:${port}"\n`);
  program = spawn(PROGRAM, ["run", join(folder, "demo.toml")], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [program.stdout, program.stderr]) {
    stream?.on("data", chunk => {
      said = (said + chunk).slice(-8_000);
    });
  }
  await started();
  browser = await launch();
}, START_MS + 10_000);

afterAll(async () => {
  await browser?.close();
  if (program && program.exitCode === null) {
    const ended = new Promise(done => program.once("exit", done));
    program.kill("SIGTERM");
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

test("page, API and the exchange's log agree", { timeout: 240_000 }, async () => {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1920, height: 1080 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", error => complaints.push(String(error)));
  await page.goto(`${url}/#token=${token}`);
  await page.waitForSelector("[data-testid=shell][data-phase=live]");
  await remember(page);
  await pause(WARM_MS);

  // Page and API at the same number, for queues and for calls.
  const queues = await sameNumber(page, "/v1/queues", Queues);
  expectFigures(queues.drawn, queues.told.queues);
  const calls = await sameNumber(page, "/v1/calls?state=live&limit=5096", Calls);
  expect(calls.drawn["calls-live"]).toBe(String(calls.told.total));

  // What the API says at that moment against the exchange's log.
  const now = (await get("/v1/status", Status)).now_ms;
  await pause(2 * SLACK_MS);
  const log = readLog();
  expectLive(calls.told.calls, log, calls.at);
  expect(now).toBeGreaterThan(calls.at - SLACK_MS);
  const records = await get("/v1/records?limit=200", Records);
  await pause(2 * SLACK_MS); // the log's lines are written at most a second late
  expectEnded(records.records, readLog());
  expect(records.records.length).toBeGreaterThan(5);

  // A recording of a call that was answered can be heard.
  await page.goto(`${url}/#/calls`);
  await page.getByText("Past", { exact: true }).click();
  await page.locator(".row-link", { hasText: "▶" }).first().click();
  await page.waitForSelector("[data-testid=waveform][data-drawn=true]");
  await page.getByTestId("play").click();
  await page.waitForFunction(
    () => (document.querySelector("[data-testid=audio]") as HTMLAudioElement).currentTime > 0.3,
  );
  await picture(page, "demo-recording");
  await page.goto(`${url}/#/overview`);
  await pause(1_500);
  await picture(page, "demo-overview");
  const data = await page.getByTestId("shell").evaluate(shell => ({ ...(shell as HTMLElement).dataset }));
  expect([data.snapshots, data.gaps]).toEqual(["1", "0"]);
  expect(complaints).toEqual([]);
  await context.close();
});

function pause(ms: number): Promise<void> {
  return new Promise(done => setTimeout(done, ms));
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}

async function started(): Promise<void> {
  const file = join(folder, "var", "api.token");
  let why = "there is no token yet";
  for (let waited = 0; waited < START_MS; waited += 250) {
    if (program.exitCode !== null) throw new Error(`tandem has ended with ${program.exitCode}:\n${said}`);
    if (existsSync(file)) {
      token = readFileSync(file, "utf8").trim();
      try {
        if ((await get("/v1/status", Status)).attached) return;
        why = "the line process is away";
      } catch (error) {
        why = String(error);
      }
    }
    await pause(250);
  }
  throw new Error(`tandem did not start in ${START_MS} ms (${why}):\n${said}`);
}

async function get<T>(path: string, shape: Shape<T>): Promise<T> {
  const answer = await fetch(url + path, { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return shape.check(await answer.json(), path, true);
}

type Drawn = Record<string, string>;

declare global {
  interface Window {
    drawings: Map<number, Drawn>;
  }
}

/** Lets the page remember the figures of each number that it draws. */
async function remember(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.drawings = new Map();
    const shell = document.querySelector<HTMLElement>("[data-testid=shell]");
    if (!shell) return;
    const note = () => {
      const figures: Record<string, string> = {};
      for (const element of shell.querySelectorAll<HTMLElement>("[data-testid]")) {
        figures[element.dataset.testid ?? ""] = element.textContent ?? "";
      }
      window.drawings.set(Number(shell.dataset.seq), figures);
    };
    note();
    new MutationObserver(note).observe(shell, { attributes: true, attributeFilter: ["data-seq"] });
  });
}

/** Asks the API until its answer has a number that the page has drawn, too. */
async function sameNumber<T extends { seq: number }>(page: Page, path: string, shape: Shape<T>) {
  for (let turn = 0; turn < 400; turn += 1) {
    const told = await get(path, shape);
    const at = (await get("/v1/status", Status)).now_ms;
    await pause(150);
    const drawn = await page.evaluate(seq => window.drawings.get(seq), told.seq);
    if (drawn) return { told, drawn, at };
  }
  throw new Error(`${path}: the page has never drawn a number that the API answered with`);
}

function expectFigures(drawn: Drawn, queues: readonly QueueView[]): void {
  for (const { queue, waiting, figures } of queues) {
    for (const key of ["offered", "answered", "abandoned", "flowed_out", "refused"] as const) {
      expect(drawn[`${queue}-${key}`], `${queue} ${key}`).toBe(figures[key].toLocaleString("en-US"));
    }
    expect(drawn[`${queue}-waiting`]).toBe(waiting.toLocaleString("en-US"));
    expect(figures.offered).toBe(figures.answered + figures.abandoned + figures.flowed_out + waiting);
  }
}

/** A caller as the exchange's log tells of him. */
interface Truth {
  readonly offeredMs: number;
  endedMs: number | null;
  cause: number | null;
  talked: boolean;
}

/** The log's callers by number. */
function readLog(): Map<string, Truth> {
  const lines = readFileSync(join(folder, "var", "exchange.jsonl"), "utf8").split("\n");
  // The last line may be half written.
  const entries = lines.slice(0, -1).map(line => JSON.parse(line));
  const begin = entries.find(entry => entry.event === "begin");
  const callers = new Map<string, Truth>();
  const byCall = new Map<number, Truth>();
  for (const entry of entries) {
    const at = begin.unix_ms + entry.at_ms;
    if (entry.event === "offered") {
      const truth = { offeredMs: at, endedMs: null, cause: null, talked: false };
      callers.set(entry.number, truth);
      byCall.set(entry.call, truth);
    }
    const truth = byCall.get(entry.call);
    if (!truth) continue;
    if (entry.event === "talk") truth.talked = true;
    if (entry.event === "ended") Object.assign(truth, { endedMs: at, cause: entry.cause });
  }
  return callers;
}

/** Calls that live at `at` are those that the exchange has offered and not ended, but for those at the edge. */
function expectLive(calls: readonly CallView[], log: ReadonlyMap<string, Truth>, at: number): void {
  const live = new Set(calls.filter(call => call.from === "trunk").map(call => call.calling));
  let sure = 0;
  for (const [number, { offeredMs, endedMs }] of log) {
    const surelyLives = offeredMs < at - SLACK_MS && (endedMs === null || endedMs > at + SLACK_MS);
    const surelyNot = offeredMs > at + SLACK_MS || (endedMs !== null && endedMs < at - SLACK_MS);
    if (surelyLives) {
      expect(live.has(number), `${number} lives at the exchange`).toBe(true);
      sure += 1;
    }
    if (surelyNot) expect(live.has(number), `${number} does not live at the exchange`).toBe(false);
  }
  expect(sure).toBeGreaterThan(3);
}

/** A record of a caller says when he came, that he spoke with somebody and that it is over, as the log does. */
function expectEnded(records: readonly CallView[], log: ReadonlyMap<string, Truth>): void {
  for (const record of records) {
    if (record.from !== "trunk") continue;
    const truth = log.get(record.calling);
    expect(truth, `${record.calling} is known to the exchange`).toBeDefined();
    if (!truth) continue;
    expect(Math.abs(truth.offeredMs - record.since_ms)).toBeLessThan(SLACK_MS);
    expect(truth.endedMs, `${record.calling} has ended at the exchange`).not.toBeNull();
    expect(Math.abs((truth.endedMs ?? 0) - (record.ended_ms ?? 0))).toBeLessThan(SLACK_MS);
    const answered = record.visits.some(visit => visit.outcome === "answered");
    expect(truth.talked, `${record.calling} spoke with an agent`).toBe(answered);
  }
}
