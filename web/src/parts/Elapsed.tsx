// A duration that runs, on the one ticker. Against a goal it changes its colour at half of it and past it.
import { duration } from "./format";
import { useNow } from "./system";

export function Elapsed({ since, goal }: { since: number; goal?: number }) {
  const ms = useNow() - since;
  return <span className={`num ${urgency(ms, goal)}`}>{duration(ms)}</span>;
}

/** What is left until `until`. */
export function Remaining({ until }: { until: number }) {
  return <span className="num">{duration(until - useNow() + 999)}</span>;
}

export function urgency(ms: number, goal: number | undefined): string {
  if (goal === undefined || goal <= 0) return "";
  if (ms > goal) return "late";
  return ms > goal / 2 ? "soon" : "";
}
