// Every page, in both languages and shades, as a picture; and what a person does with them.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch, picture, untilSeq, visit } from "./browser";
import { FixtureServer, TOKEN } from "./server";
import { World } from "./world";

const PAGES = ["overview", "lines", "queues", "agents", "calls"];
const MINUTE_MS = 60_000;

let browser: Browser;
let server: FixtureServer;
let url: string;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  const world = new World(Date.now() - 50 * MINUTE_MS);
  world.run(50 * MINUTE_MS);
  server = new FixtureServer(world);
  url = await server.listen();
});
afterEach(() => server.close());

for (const language of ["zh-CN", "en-US"] as const) {
  for (const [shade, width, height] of [
    ["light", 1280, 800],
    ["dark", 1920, 1080],
  ] as const) {
    test(`every page is drawn in ${language}, ${shade}, ${width} pixels wide`, async () => {
      const { page, complaints, context } = await visit(browser, url, { language, shade, width, height });
      for (const name of PAGES) {
        await page.goto(`${url}/#/${name}`);
        await untilSeq(page, server.world.seq);
        if (name === "overview") await page.getByTestId("chart").locator("canvas").waitFor();
        await page.waitForTimeout(400);
        expect(await overflow(page), `${name} is wider than the window`).toBe(0);
        await picture(page, `${name}-${language}-${shade}`);
      }
      expect(complaints).toEqual([]);
      await context.close();
    });
  }
}

test("every page can be read on a telephone", async () => {
  const { page, complaints, context } = await visit(browser, url, { width: 390, height: 844 });
  for (const name of PAGES) {
    await page.goto(`${url}/#/${name}`);
    await untilSeq(page, server.world.seq);
    await page.waitForTimeout(400);
    expect(await overflow(page), `${name} is wider than the screen`).toBeLessThanOrEqual(0);
    await picture(page, `${name}-phone`);
  }
  await page.getByRole("navigation").getByRole("link").last().scrollIntoViewIfNeeded();
  expect(complaints).toEqual([]);
  await context.close();
});

test("without a token the page says where it is found, and takes it there", async () => {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByTestId("token-screen").waitFor();
  await picture(page, "token-en-US-light");
  await page.getByRole("textbox").fill("no token at all");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("A token has 64 characters").waitFor();
  await page.getByRole("textbox").fill("f".repeat(64));
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("does not know this token").waitFor();
  await page.getByRole("textbox").fill(TOKEN);
  await page.getByRole("button", { name: "Open" }).click();
  await untilSeq(page, server.world.seq);
  await context.close();
});

test("the token leaves the address bar and lasts for the tab", async () => {
  const { page, context } = await visit(browser, url);
  await untilSeq(page, server.world.seq);
  expect(page.url()).not.toContain(TOKEN);
  await page.reload();
  await untilSeq(page, server.world.seq);
  await context.close();
});

test("a call's story opens, its recording is drawn, plays, seeks and is saved", async () => {
  const { page, complaints, context } = await visit(browser, url, { language: "en-US" });
  await page.goto(`${url}/#/calls`);
  await page.getByText("Past", { exact: true }).click();
  await page.locator(".row-link", { hasText: "▶" }).first().click();
  await page.getByTestId("story").getByText("Ended: normal").waitFor();
  await page.waitForSelector("[data-testid=waveform][data-drawn=true]");
  expect(await paintedShare(page)).toBeGreaterThan(0.05);
  const at = () => page.getByTestId("audio").evaluate(audio => (audio as HTMLAudioElement).currentTime);
  await page.getByTestId("play").click();
  await page.waitForFunction(
    () => (document.querySelector("[data-testid=audio]") as HTMLAudioElement).currentTime > 0.4,
  );
  const first = await at();
  await page.waitForTimeout(500);
  expect(await at(), "the recording goes on").toBeGreaterThan(first);
  const wave = await page.locator(".wave").boundingBox();
  if (!wave) throw new Error("there is no waveform");
  await page.mouse.click(wave.x + wave.width * 0.75, wave.y + 20);
  expect(await at()).toBeGreaterThan(5.5);
  await picture(page, "recording-en-US-light");
  await page.getByTestId("play").click();
  await page.locator(".wave").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  expect(await at()).toBe(5);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("download").click()]);
  expect(download.suggestedFilename()).toMatch(/\.wav$/);
  await page.keyboard.press("Escape");
  await page.getByTestId("story").waitFor({ state: "detached" });
  expect(complaints).toEqual([]);
  await context.close();
});

test("the story of a call that waits runs on, in Chinese and in the dark", async () => {
  const { page, complaints, context } = await visit(browser, url, { shade: "dark" });
  await page.goto(`${url}/#/calls`);
  await page.locator(".row-link").first().click();
  await page.getByTestId("story").getByText("呼入，被叫 8000").waitFor();
  await page.waitForTimeout(300);
  await picture(page, "story-zh-CN-dark");
  expect(complaints).toEqual([]);
  await context.close();
});

test("past calls are filtered by number, queue and outcome, and go on page by page", async () => {
  const { page, complaints, context } = await visit(browser, url, { language: "en-US" });
  await page.goto(`${url}/#/calls`);
  await page.getByText("Past", { exact: true }).click();
  const total = server.world.ended.length;
  await page
    .getByTestId("records-total")
    .getByText(`Calls: ${total.toLocaleString("en-US")}`)
    .waitFor();
  expect(await page.locator(".row-link").count()).toBe(50);
  await picture(page, "past-en-US-light");
  await page.getByTestId("more").click();
  await page.waitForFunction(() => document.querySelectorAll(".row-link").length === 100);
  const [wanted] = server.world.ended.filter(call => call.calling !== "" && !call.restricted);
  await page.getByPlaceholder("Number, or its end").fill(wanted?.calling ?? "");
  await page.keyboard.press("Enter");
  await page.getByTestId("records-total").getByText("Calls: 1", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await page
    .getByTestId("records-total")
    .getByText(`Calls: ${total.toLocaleString("en-US")}`)
    .waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("an agent is ordered about, and what comes of it arrives as an event; a refusal is told", async () => {
  const { page, complaints, context } = await visit(browser, url, { language: "en-US" });
  await page.goto(`${url}/#/agents`);
  const agents = [...server.world.agents.values()];
  const idle = agents.find(agent => agent.state === "idle");
  const talking = agents.find(agent => agent.state === "talking");
  if (!idle || !talking) throw new Error("the world has no such agents");
  const row = page.getByTestId(`agent-${idle.agent}`);
  await row.getByTestId("order-menu").click();
  await page.getByText("Busy: back office").click();
  await row.getByText("back office").waitFor();
  await row.getByTestId("order-ready").click();
  await row.getByText("Ready").waitFor();
  await page.getByTestId(`agent-${talking.agent}`).getByTestId("order-menu").click();
  await page.getByText("Log out", { exact: true }).last().click();
  await page.getByText(/is in a call/).waitFor();
  expect(server.orders).toEqual([
    `${idle.agent} busy back_office`,
    `${idle.agent} ready`,
    `${talking.agent} log_out`,
  ]);
  // The browser itself reports the refusal's status.
  expect(complaints.filter(text => !text.includes("409"))).toEqual([]);
  await context.close();
});

test("pages and channels are reached by the keyboard alone", async () => {
  const { page, context } = await visit(browser, url, { language: "en-US" });
  await untilSeq(page, server.world.seq);
  for (const key of ["Tab", "Tab", "Tab", "Tab"]) await page.keyboard.press(key);
  await page.keyboard.press("Enter");
  await page.getByTestId("span-1").waitFor();
  await page.getByTestId("channel-1/1").focus();
  await page.keyboard.press("ArrowDown");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe("channel-1/17");
  const busy = server.world.calls.values().next().value;
  await page.getByTestId(`channel-${busy?.legs[0]?.channel}`).focus();
  await page
    .getByRole("tooltip")
    .getByText(busy?.call ?? "")
    .waitFor();
  await picture(page, "channel-en-US-light");
  await page.keyboard.press("Enter");
  await page.getByTestId("story").waitFor();
  await context.close();
});

test("figures of the page are those of the stream, queue by queue and in sum", async () => {
  const { page, context } = await visit(browser, url, { language: "en-US" });
  await untilSeq(page, server.world.seq);
  const shown = (id: string) => page.getByTestId(id).textContent();
  let offered = 0;
  for (const { queue, waiting, figures } of server.world.queues.values()) {
    offered += figures.offered;
    expect(figures.offered).toBe(figures.answered + figures.abandoned + figures.flowed_out + waiting);
    for (const key of ["offered", "answered", "abandoned", "flowed_out", "refused"] as const) {
      expect(await shown(`${queue}-${key}`), `${queue} ${key}`).toBe(figures[key].toLocaleString("en-US"));
    }
    expect(await shown(`${queue}-waiting`)).toBe(String(waiting));
    expect(await shown(`${queue}-sl1`)).toBe(`${((figures.sl1 ?? 0) * 100).toFixed(1)} %`);
  }
  expect(await shown("sum-offered")).toBe(offered.toLocaleString("en-US"));
  await context.close();
});

/** The share of the waveform's pixels that are painted. */
function paintedShare(page: Page): Promise<number> {
  return page.getByTestId("waveform").evaluate(element => {
    const canvas = element as HTMLCanvasElement;
    const image = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let painted = 0;
    for (let at = 3; at < image.length; at += 4) if ((image[at] ?? 0) > 0) painted += 1;
    return painted / (canvas.width * canvas.height);
  });
}

/** By how many pixels the document is wider than the window. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
