// The page's two languages. Which one: what was chosen last on this computer, else what the browser prefers.
import { createContext, useContext } from "react";
import { en } from "./en";
import { type Key, type Words, zh } from "./zh";

export type { Key } from "./zh";
export type Language = "zh" | "en";
export type Values = Record<string, string | number>;
/** Says `key` in the chosen language, with `values` in its {places}. */
export type Say = (key: Key, values?: Values) => string;

const KEY = "tandem.language";
const WORDS: Record<Language, Words> = { zh, en };

export function firstLanguage(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "zh" || chosen === "en") return chosen;
  const preferred = navigator.languages.find(name => /^(zh|en)\b/i.test(name)) ?? "en";
  return preferred.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function keepLanguage(language: Language): void {
  localStorage.setItem(KEY, language);
}

export function sayIn(language: Language): Say {
  const words = WORDS[language];
  return (key, values) => {
    const text = words[key];
    if (!values) return text;
    return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  };
}

/** Says `prefix.word` if the dictionary has it, else the word itself: the switch may know more words than we do. */
export function sayWord(say: Say, prefix: string, word: string): string {
  const key = `${prefix}.${word}`;
  return Object.hasOwn(zh, key) ? say(key as Key) : word;
}

export interface Speech {
  readonly language: Language;
  readonly say: Say;
}

export const SpeechContext = createContext<Speech>({ language: "zh", say: sayIn("zh") });

export const useSpeech = (): Speech => useContext(SpeechContext);

/** A Q.850 cause in words, with its number. */
export function causeText(say: Say, cause: number | null): string {
  if (cause === null) return say("cause.unknown");
  const key = `cause.${cause}`;
  return Object.hasOwn(zh, key) ? `${say(key as Key)} (${cause})` : say("cause.other", { n: cause });
}
