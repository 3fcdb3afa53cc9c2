// Every page, in both languages and shades, as a picture; and what a person does with them.
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch, picture, untilSeq, visit } from "./browser";
import { FixtureServer } from "./server";
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
        await page.waitForTimeout(400);
        expect(await overflow(page), `${name} is wider than the window`).toBe(0);
        await picture(page, `${name}-${language}-${shade}`);
      }
      expect(complaints).toEqual([]);
      await context.close();
    });
  }
}

/** By how many pixels the document is wider than the window. */
function overflow(page: import("playwright-core").Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
