// A headless Chromium for the tests, and the page opened in it.
import { mkdirSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { TOKEN } from "./server";

const PICTURES = "e2e/pictures";

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
}

export interface Look {
  language?: "zh-CN" | "en-US";
  shade?: "light" | "dark";
  width?: number;
  height?: number;
}

/** Everything that the page complained of; a test ends by finding this empty. */
export interface Visit {
  context: BrowserContext;
  page: Page;
  complaints: string[];
}

export async function visit(browser: Browser, url: string, look: Look = {}): Promise<Visit> {
  const context = await browser.newContext({
    locale: look.language ?? "zh-CN",
    colorScheme: look.shade ?? "light",
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
  });
  return visitAgain({ context }, url);
}

/** Opens the page once more beside the others of the same person. */
export async function visitAgain({ context }: Pick<Visit, "context">, url: string): Promise<Visit> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", error => complaints.push(String(error)));
  page.on("console", message => {
    // A connection that fails is reported by the browser itself; the tests cut connections on purpose.
    const expected = /net::ERR|WebSocket connection/.test(message.text());
    if (message.type() === "error" && !expected) complaints.push(message.text());
  });
  await page.goto(`${url}/#token=${TOKEN}`);
  return { context, page, complaints };
}

/** The number of the event that the page shows. */
export async function shownSeq(page: Page): Promise<number> {
  return Number(await page.getByTestId("shell").getAttribute("data-seq"));
}

export async function untilSeq(page: Page, seq: number): Promise<void> {
  await page.waitForSelector(`[data-testid=shell][data-seq="${seq}"]`);
}

export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}/${name}.png` });
}
