// Which page is shown: the part of the address after `#`, such as "#/calls" or "#/calls/NAME" for a call's story.
import { useSyncExternalStore } from "react";

export const PAGES = ["overview", "lines", "queues", "agents", "calls"] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  readonly page: Page;
  /** The call whose story is open. */
  readonly call: string | null;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const [page, call] = hash.replace(/^#\/?/, "").split("/");
  const known = PAGES.find(name => name === page) ?? "overview";
  return { page: known, call: call ? decodeURIComponent(call) : null };
}

export const pageLink = (page: Page): string => `#/${page}`;

export const callLink = (page: Page, call: string): string => `#/${page}/${encodeURIComponent(call)}`;

export function openCall(page: Page, call: string): void {
  location.hash = callLink(page, call);
}
