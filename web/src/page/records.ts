// Fetches past calls a page at a time. Newer ones are counted by the event stream and fetched when they are asked for;
// while nobody has gone on to a second page they come by themselves, not more than once in two seconds.
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiProblem, type RecordsQuery } from "../api/client";
import type { CallView } from "../api/schema";
import { useShown, useSystem } from "../parts/system";

export type Filter = Omit<RecordsQuery, "limit" | "before">;

export const NO_FILTER: Filter = {};

const PAGE = 50;
/** The shortest time between two fetches of the first page. */
const PAUSE_MS = 2_000;

export interface PastRecords {
  readonly calls: readonly CallView[];
  readonly total: number | null;
  readonly loading: boolean;
  readonly problem: string | null;
  /** True if the switch has no store. */
  readonly storeless: boolean;
  /** Calls that have ended since the list was fetched. */
  readonly newer: number;
  readonly refresh: () => void;
  /** Fetches the next page; null if there is none. */
  readonly more: (() => void) | null;
}

interface Fetched {
  readonly calls: readonly CallView[];
  readonly total: number | null;
  readonly next: string | null;
  /** Pages in `calls`. */
  readonly pages: number;
  /** Ended calls when the first page was fetched. */
  readonly endedTotal: number;
}

const NOTHING: Fetched = { calls: [], total: null, next: null, pages: 0, endedTotal: 0 };

export function useRecords(filter: Filter): PastRecords {
  const { client, store } = useSystem();
  const ended = useShown(state => state.ended);
  const endedTotal = useShown(state => state.endedTotal);
  const [fetched, setFetched] = useState(NOTHING);
  const [loading, setLoading] = useState(false);
  const [failed, setFailed] = useState<ApiProblem | null>(null);
  const fetching = useRef<AbortController | null>(null);
  const fetchedAt = useRef(0);

  const fetchPage = useCallback(
    async (before: Fetched | null) => {
      fetching.current?.abort();
      const mine = new AbortController();
      fetching.current = mine;
      fetchedAt.current = Date.now();
      setLoading(before !== null);
      const endedTotal = before?.endedTotal ?? store.shown().endedTotal;
      try {
        const query = { ...filter, limit: PAGE, before: before?.next ?? undefined };
        const { records, total, next } = await client.records(query, mine.signal);
        if (mine.signal.aborted) return;
        const calls = [...(before?.calls ?? []), ...records];
        setFetched({ calls, total, next, pages: (before?.pages ?? 0) + 1, endedTotal });
        setFailed(null);
      } catch (error) {
        if (mine.signal.aborted) return;
        setFailed(error instanceof ApiProblem ? error : new ApiProblem(0, "unreadable", String(error)));
      }
      setLoading(false);
    },
    [client, store, filter],
  );
  const refresh = useCallback(() => void fetchPage(null), [fetchPage]);

  useEffect(() => {
    setFetched(NOTHING);
    refresh();
    return () => fetching.current?.abort();
  }, [refresh]);

  const newer = Math.max(0, endedTotal - fetched.endedTotal);
  const follows = fetched.pages === 1 && newer > 0;
  useEffect(() => {
    if (!follows) return;
    const timer = setTimeout(refresh, Math.max(0, fetchedAt.current + PAUSE_MS - Date.now()));
    return () => clearTimeout(timer);
  }, [follows, refresh]);

  const storeless = failed?.code === "no_store";
  return {
    calls: storeless ? ended : fetched.calls,
    total: storeless ? ended.length : fetched.total,
    loading,
    problem: failed === null || storeless ? null : failed.message,
    storeless,
    newer: storeless || fetched.pages < 2 ? 0 : newer,
    refresh,
    more: storeless || fetched.next === null ? null : () => void fetchPage(fetched),
  };
}
