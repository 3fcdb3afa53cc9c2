// A call's story: what happened to it, in the order of time.
import type { CallView, VisitView } from "../api/schema";

export type Chapter =
  | { readonly what: "arrived"; readonly at: number; readonly channel: string | null }
  | { readonly what: "answered"; readonly at: number }
  | { readonly what: "flow"; readonly at: number; readonly flow: string }
  | { readonly what: "queued"; readonly at: number; readonly visit: VisitView }
  | { readonly what: "left"; readonly at: number; readonly visit: VisitView }
  | { readonly what: "offered"; readonly at: null; readonly agent: string }
  | { readonly what: "ringing"; readonly at: null; readonly reached: string }
  | { readonly what: "talking"; readonly at: number; readonly agent: string | null }
  | { readonly what: "ended"; readonly at: number; readonly cause: number | null }
  | { readonly what: "going_on"; readonly at: null };

/** Chapters without a time of their own are what happens now; they stand last. */
export function story(call: CallView): Chapter[] {
  const past: Array<Chapter & { at: number }> = [];
  past.push({ what: "arrived", at: call.since_ms, channel: call.legs[0]?.channel ?? null });
  if (call.answered_ms !== null) past.push({ what: "answered", at: call.answered_ms });
  if (call.flow !== null) past.push({ what: "flow", at: call.answered_ms ?? call.since_ms, flow: call.flow });
  for (const visit of call.visits) {
    if (visit.outcome !== "refused") past.push({ what: "queued", at: visit.entered_ms, visit });
    if (visit.left_ms !== null) past.push({ what: "left", at: visit.left_ms, visit });
  }
  if (call.talking_ms !== null) {
    past.push({ what: "talking", at: call.talking_ms, agent: call.visits.at(-1)?.agent ?? call.agent });
  }
  // The sort is stable: what happened in the same millisecond stays as it was told.
  past.sort((a, b) => a.at - b.at);
  if (call.ended_ms !== null) return [...past, { what: "ended", at: call.ended_ms, cause: call.cause }];
  return [...past, present(call)];
}

function present(call: CallView): Chapter {
  if (call.progress === "ringing" && call.agent !== null) {
    return { what: "offered", at: null, agent: call.agent };
  }
  if (call.progress === "ringing" && call.reached !== null) {
    return { what: "ringing", at: null, reached: call.reached };
  }
  return { what: "going_on", at: null };
}
