// The store's figures as bars: of one queue, or of all of them added.
import type { Interval } from "../api/schema";

export interface Bar {
  readonly from_ms: number;
  readonly offered: number;
  readonly in_goal: number;
  readonly late: number;
  readonly abandoned: number;
  readonly flowed_out: number;
  /** The mean wait of the answered, in seconds with one digit. */
  readonly wait_s: number | null;
}

/** What was asked for. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** Leaves out the empty bars before the first one in which something happened, but keeps at least `least` bars. */
export function sinceFirst(shown: readonly Bar[], least: number): Bar[] {
  const first = shown.findIndex(bar => bar.offered > 0);
  return shown.slice(Math.max(0, Math.min(first, shown.length - least)));
}

/** One bar for each interval from the first to the last, also for those in which nothing happened. */
export function bars(intervals: readonly Interval[], range: Range, queue: string | null): Bar[] {
  const count = Math.round((range.toMs - range.fromMs) / range.stepMs);
  return Array.from({ length: count }, (_, at) => {
    const from_ms = range.fromMs + at * range.stepMs;
    const of = intervals.filter(one => one.from_ms === from_ms && (queue === null || one.queue === queue));
    const sum = (pick: (interval: Interval) => number) => of.reduce((total, one) => total + pick(one), 0);
    const answered = sum(one => one.answered);
    const in_goal = sum(one => one.answered_in_goal);
    const wait_ms = sum(one => one.answered_wait_ms);
    return {
      from_ms,
      offered: sum(one => one.offered),
      in_goal,
      late: answered - in_goal,
      abandoned: sum(one => one.abandoned),
      flowed_out: sum(one => one.flowed_out),
      wait_s: answered > 0 ? Math.round(wait_ms / answered / 100) / 10 : null,
    };
  });
}
