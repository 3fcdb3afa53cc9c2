// Calls per interval, from the store's figures. They are asked for when the page opens and then whenever calls have
// ended, at most every five seconds; there is no timer that asks.
import { Segmented, Select } from "antd";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useMemo, useRef, useState } from "react";
import { ApiProblem } from "../api/client";
import type { Interval, QueueView } from "../api/schema";
import { Nothing, Panel } from "../parts/pieces";
import { useShown, useSystem } from "../parts/system";
import { colour, type Shade } from "../parts/theme";
import { type Bar, bars, type Range, sinceFirst } from "../state/intervals";
import { type Say, useSpeech } from "../words";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const STEPS_S = [60, 300, 900, 1800] as const;
/** Intervals that are drawn. */
const SHOWN = 48;
/** Intervals that are drawn at least; empty ones before the first callers are left out. */
const LEAST = 12;
/** The shortest time between two questions. */
const PAUSE_MS = 5_000;

const KEY = "tandem.step";

function firstStep(): number {
  const kept = Number(localStorage.getItem(KEY));
  return STEPS_S.find(step => step === kept) ?? 300;
}

export function IntervalChart({ queues, shade }: { queues: readonly QueueView[]; shade: Shade }) {
  const { say } = useSpeech();
  const [step, setStep] = useState(firstStep);
  const [queue, setQueue] = useState<string | null>(null);
  const { figures, problem } = useFigures(step);
  const shown = useMemo(
    () => (figures === null ? [] : sinceFirst(bars(figures.intervals, figures.range, queue), LEAST)),
    [figures, queue],
  );
  const empty = shown.every(bar => bar.offered === 0);
  const choose = (value: number) => {
    localStorage.setItem(KEY, String(value));
    setStep(value);
  };
  return (
    <Panel
      title={say("overview.chart")}
      className="chart-panel"
      side={
        <>
          {queues.length > 1 && (
            <Select
              value={queue ?? ""}
              onChange={value => setQueue(value || null)}
              aria-label={say("overview.queue")}
              popupMatchSelectWidth={false}
              className="chart-queue"
              options={[
                { value: "", label: say("total") },
                ...queues.map(q => ({ value: q.queue, label: q.title || q.queue })),
              ]}
            />
          )}
          <Segmented
            value={step}
            onChange={choose}
            aria-label={say("overview.chart.step")}
            options={STEPS_S.map(s => ({
              value: s,
              label: say("overview.chart.minutes", { n: s / 60 }),
            }))}
          />
        </>
      }
    >
      {problem?.code === "no_store" ? (
        <Nothing>{say("overview.chart.none")}</Nothing>
      ) : problem ? (
        <Nothing>{say("error.load", { message: problem.message })}</Nothing>
      ) : figures !== null && empty ? (
        <Nothing>{say("overview.chart.empty")}</Nothing>
      ) : (
        <Canvas bars={shown} say={say} shade={shade} />
      )}
    </Panel>
  );
}

interface Answer {
  readonly figures: { readonly intervals: readonly Interval[]; readonly range: Range } | null;
  readonly problem: ApiProblem | null;
}

/** The figures of the newest intervals, asked for again when calls have ended. */
function useFigures(stepS: number): Answer {
  const { client, clock } = useSystem();
  const endedTotal = useShown(state => state.endedTotal);
  const run = useShown(state => state.run);
  const [answer, setAnswer] = useState<Answer>({ figures: null, problem: null });
  const asked = useRef({ at: 0, for: "" });
  const [turn, setTurn] = useState(0);
  // What the answer depends on: while it is the same there is nothing to ask.
  const wanted = `${run} ${stepS} ${endedTotal} ${turn}`;
  useEffect(() => {
    if (asked.current.for === wanted) return;
    const other = !asked.current.for.startsWith(`${run} ${stepS} `);
    const pause = other ? 0 : Math.max(0, asked.current.at + PAUSE_MS - Date.now());
    const aborted = new AbortController();
    const timer = setTimeout(async () => {
      asked.current = { at: Date.now(), for: wanted };
      const stepMs = stepS * 1000;
      const to = Math.ceil(clock.now() / stepMs) * stepMs;
      try {
        const range = { fromMs: to - SHOWN * stepMs, toMs: to, stepMs };
        const { intervals } = await client.figures(range.fromMs, range.toMs, stepS, aborted.signal);
        setAnswer({ figures: { intervals, range }, problem: null });
      } catch (error) {
        if (aborted.signal.aborted) {
          // The next one asks instead.
          asked.current.for = "";
        } else {
          const problem =
            error instanceof ApiProblem ? error : new ApiProblem(0, "unreadable", String(error));
          setAnswer({ figures: null, problem });
        }
      }
    }, pause);
    return () => {
      clearTimeout(timer);
      if (other) aborted.abort();
    };
  }, [wanted, run, stepS, client, clock]);
  // An end of a call starts the wait anew
  useEffect(() => {
    // A call is written a moment after its end is told: ask once more when it has become quiet.
    const timer = setTimeout(() => setTurn(before => before + 1), 2 * PAUSE_MS);
    return () => clearTimeout(timer);
  }, [endedTotal]);
  return answer;
}

function Canvas({ bars, say, shade }: { bars: readonly Bar[]; say: Say; shade: Shade }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  useEffect(() => {
    if (!box.current) return;
    const drawn = init(box.current);
    chart.current = drawn;
    const observer = new ResizeObserver(() => drawn.resize());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      drawn.dispose();
      chart.current = null;
    };
  }, []);
  // The shade changes the colours that are read
  useEffect(() => {
    chart.current?.setOption(option(bars, say), { notMerge: true });
  }, [bars, say, shade]);
  return (
    <div ref={box} className="chart" role="img" aria-label={say("overview.chart")} data-testid="chart" />
  );
}

const hourMinute = (ms: number): string => {
  const date = new Date(ms);
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
};

function option(bars: readonly Bar[], say: Say) {
  const bar = (name: string, data: number[], tone: string) => ({
    type: "bar" as const,
    name,
    data,
    stack: "calls",
    barCategoryGap: "28%",
    itemStyle: { color: colour(tone) },
    emphasis: { disabled: true },
  });
  const axis = {
    axisLine: { lineStyle: { color: colour("--line") } },
    axisTick: { show: false },
    axisLabel: { color: colour("--text-2"), fontSize: 11 },
    splitLine: { lineStyle: { color: colour("--line-2") } },
    nameTextStyle: { color: colour("--text-3"), fontSize: 11 },
  };
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 44, right: 48, top: 40, bottom: 26 },
    legend: {
      top: 0,
      left: 0,
      itemWidth: 10,
      itemHeight: 10,
      textStyle: { color: colour("--text-2"), fontSize: 12 },
    },
    tooltip: {
      trigger: "axis" as const,
      axisPointer: { type: "shadow" as const },
      backgroundColor: colour("--panel"),
      borderColor: colour("--line"),
      textStyle: { color: colour("--text"), fontSize: 12 },
    },
    xAxis: { type: "category" as const, data: bars.map(b => hourMinute(b.from_ms)), ...axis },
    yAxis: [
      { type: "value" as const, minInterval: 1, ...axis },
      {
        type: "value" as const,
        name: say("unit.s"),
        minInterval: 1,
        ...axis,
        axisLine: { show: false },
        splitLine: { show: false },
      },
    ],
    series: [
      bar(
        say("overview.chart.answered_in_goal"),
        bars.map(b => b.in_goal),
        "--good",
      ),
      bar(
        say("overview.chart.answered_late"),
        bars.map(b => b.late),
        "--talk",
      ),
      bar(
        say("overview.chart.abandoned"),
        bars.map(b => b.abandoned),
        "--bad",
      ),
      bar(
        say("overview.chart.flowed_out"),
        bars.map(b => b.flowed_out),
        "--quiet",
      ),
      {
        type: "line" as const,
        name: say("overview.chart.wait"),
        yAxisIndex: 1,
        data: bars.map(b => (b.wait_s === null ? "-" : b.wait_s)),
        symbol: "circle",
        symbolSize: 4,
        connectNulls: false,
        lineStyle: { color: colour("--warn"), width: 1.5 },
        itemStyle: { color: colour("--warn") },
        emphasis: { disabled: true },
      },
    ],
  };
}
