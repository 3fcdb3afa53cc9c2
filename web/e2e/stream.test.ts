// The event stream under bad luck: cut sockets, dead sockets, a laptop that slept, a switch that is away, many pages at
// once. What is shown is compared with the world by number: nothing twice, nothing left out.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch, picture, shownSeq, untilSeq, type Visit, visit, visitAgain } from "./browser";
import { FixtureServer } from "./server";
import { World } from "./world";

const MINUTE_MS = 60_000;

let browser: Browser;
let server: FixtureServer;
let url: string;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  const world = new World(Date.now() - 10 * MINUTE_MS);
  world.run(10 * MINUTE_MS);
  server = new FixtureServer(world);
  url = await server.listen();
});
afterEach(() => server.close());

interface Taken {
  seq: number;
  snapshots: number;
  updates: number;
  gaps: number;
  resumed: number;
}

async function taken(page: Page): Promise<Taken> {
  const data = await page.getByTestId("shell").evaluate(shell => ({ ...(shell as HTMLElement).dataset }));
  const number = (key: string) => Number(data[key]);
  return {
    seq: number("seq"),
    snapshots: number("snapshots"),
    updates: number("updates"),
    gaps: number("gaps"),
    resumed: number("resumed"),
  };
}

/** Lets the world go `steps` on and tells everybody. */
function publish(steps: number): void {
  server.world.run(steps * 250);
  server.world.publish({ kind: "line", attached: true });
  server.world.publish({ kind: "health", health: server.world.health });
  server.tell();
}

/** Lets the page believe that its computer has slept: its wall clock jumps. */
async function sleep(page: Page, ms: number): Promise<void> {
  await page.evaluate(lead => {
    const now = Date.now;
    Date.now = () => now() + lead;
  }, ms);
}

test("a cut stream goes on by number: no update twice, none left out", async () => {
  const { page, context } = await visit(browser, url);
  const first = server.world.seq;
  await untilSeq(page, first);
  publish(20);
  await untilSeq(page, server.world.seq);
  server.closed = true;
  server.cut();
  await page.getByTestId("stale").waitFor();
  const stood = await shownSeq(page);
  publish(40);
  await picture(page, "cut-zh-CN-light");
  expect(await shownSeq(page), "nothing moves while it is cut").toBe(stood);
  server.closed = false;
  await page.getByTestId("link").click();
  await untilSeq(page, server.world.seq);
  expect(server.opened).toEqual([null, stood]);
  const updates = server.world.seq - first;
  expect(await taken(page)).toEqual({ seq: server.world.seq, snapshots: 1, updates, gaps: 0, resumed: 1 });
  expect(await page.getByTestId("stale").count()).toBe(0);
  await context.close();
});

test("a dead socket that nobody closed is noticed after a sleep, and the stream goes on by number", async () => {
  const { page, context } = await visit(browser, url);
  await untilSeq(page, server.world.seq);
  const stood = server.world.seq;
  server.silence();
  publish(30);
  await sleep(page, MINUTE_MS);
  await untilSeq(page, server.world.seq);
  expect(server.opened).toEqual([null, stood]);
  expect(await taken(page)).toMatchObject({ snapshots: 1, updates: server.world.seq - stood, gaps: 0 });
  await context.close();
});

test("a laptop that slept through thousands of updates begins with a snapshot", async () => {
  const { page, context } = await visit(browser, url);
  await untilSeq(page, server.world.seq);
  server.silence();
  publish(2_000);
  for (let n = 0; n < 10_001; n += 1) server.world.publish({ kind: "line", attached: true });
  await sleep(page, 8 * 60 * MINUTE_MS);
  await untilSeq(page, server.world.seq);
  expect(await taken(page)).toMatchObject({ snapshots: 2, gaps: 0 });
  const service = server.world.queues.get("service");
  expect(await page.getByTestId("service-offered").textContent()).toBe(
    service?.figures.offered.toLocaleString("en-US"),
  );
  await context.close();
});

test("a number that is left out is noticed, and the stream begins again after the last good one", async () => {
  const { page, context } = await visit(browser, url);
  await untilSeq(page, server.world.seq);
  const stood = server.world.seq;
  server.skip(1);
  publish(5);
  await untilSeq(page, server.world.seq);
  expect(server.opened).toEqual([null, stood]);
  expect(await taken(page)).toMatchObject({ snapshots: 1, updates: server.world.seq - stood, gaps: 1 });
  await context.close();
});

test("a line process that is away is told, and so is its return", async () => {
  const { page, context } = await visit(browser, url, { language: "en-US" });
  await untilSeq(page, server.world.seq);
  server.world.setAttached(false);
  server.tell();
  await page.getByTestId("away").waitFor();
  await page.getByTestId("link").getByText("Line process away").waitFor();
  server.world.setAttached(true);
  server.tell();
  await page.getByTestId("away").waitFor({ state: "detached" });
  await context.close();
});

test("running times are measured against the switch's clock, however wrong this computer's is", async () => {
  const lead = 3 * 60 * MINUTE_MS;
  await server.close();
  const world = new World(Date.now() + lead);
  world.run(MINUTE_MS / 2);
  server = new FixtureServer(world);
  server.leadMs = world.now - Date.now();
  url = await server.listen();
  const { page, context } = await visit(browser, url);
  await page.goto(`${url}/#/agents`);
  await untilSeq(page, server.world.seq);
  const agent = world.agents.get("a1");
  const shown = await page
    .getByTestId("agent-a1")
    .locator(".num")
    .filter({ hasText: ":" })
    .first()
    .textContent();
  const [minutes, seconds] = (shown ?? "").split(":").map(Number);
  const since = (world.now - (agent?.since_ms ?? 0)) / 1000;
  expect((minutes ?? 0) * 60 + (seconds ?? 0)).toBeGreaterThanOrEqual(Math.floor(since) - 1);
  expect((minutes ?? 0) * 60 + (seconds ?? 0)).toBeLessThan(since + 30);
  await context.close();
});

test("under hundreds of updates a second the page draws at most about ten times a second", async () => {
  const { page, context } = await visit(browser, url);
  await untilSeq(page, server.world.seq);
  const first = server.world.seq;
  const timer = setInterval(() => {
    for (let n = 0; n < 8; n += 1) server.world.step(250);
    server.tell();
  }, 20);
  const drawn = await page.evaluate(async () => {
    let drawn = 0;
    const shell = document.querySelector("[data-testid=shell]");
    const observer = new MutationObserver(() => {
      drawn += 1;
    });
    if (shell) observer.observe(shell, { attributes: true, attributeFilter: ["data-seq"] });
    await new Promise(resolve => setTimeout(resolve, 3_000));
    return drawn;
  });
  clearInterval(timer);
  expect(server.world.seq - first, "updates in these three seconds").toBeGreaterThan(300);
  expect(drawn).toBeLessThanOrEqual(33);
  await untilSeq(page, server.world.seq);
  expect(await taken(page)).toMatchObject({ snapshots: 1, gaps: 0, updates: server.world.seq - first });
  await context.close();
});

test("twenty pages at once all show the same", async () => {
  const first = await visit(browser, url);
  const visits: Visit[] = [first];
  while (visits.length < 20) visits.push(await visitAgain(first, url));
  for (const { page } of visits) await untilSeq(page, server.world.seq);
  publish(20);
  publish(20);
  expect(server.streams).toBe(20);
  const offered = [...server.world.queues.values()].reduce((sum, queue) => sum + queue.figures.offered, 0);
  for (const { page, complaints } of visits) {
    await untilSeq(page, server.world.seq);
    expect(await page.getByTestId("sum-offered").textContent()).toBe(offered.toLocaleString("en-US"));
    expect(complaints).toEqual([]);
  }
  await first.context.close();
}, 180_000);
