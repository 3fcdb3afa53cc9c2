import { expect, test } from "vitest";
import { causeText, sayIn, sayWord } from ".";
import { en } from "./en";
import { type Key, zh } from "./zh";

const places = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

test("both dictionaries have the same keys, none empty, with the same places", () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
  for (const key of Object.keys(zh) as Key[]) {
    expect(zh[key], key).not.toBe("");
    expect(en[key], key).not.toBe("");
    expect(places(en[key]), key).toEqual(places(zh[key]));
  }
});

test("places are filled, and a place without a value stays to be seen", () => {
  const say = sayIn("en");
  expect(say("lines.up", { up: 3, total: 4 })).toBe("3 of 4 spans up");
  expect(say("lines.up", { up: 3 })).toBe("3 of {total} spans up");
});

test("a word that the dictionary does not know is said as it is", () => {
  const say = sayIn("zh");
  expect(sayWord(say, "reason", "lunch")).toBe("午餐");
  expect(sayWord(say, "reason", "体检")).toBe("体检");
});

test("a cause is said in words with its number, an unnamed one by its number alone", () => {
  const say = sayIn("en");
  expect(causeText(say, 17)).toBe("user busy (17)");
  expect(causeText(say, 77)).toBe("cause 77");
  expect(causeText(say, null)).toBe("cause not known");
});
