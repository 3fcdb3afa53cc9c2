// Past calls from the store, the newest first, a page at a time. While new calls end a line says how many; they are
// fetched when it is asked for, so that the list does not move under the reader. A switch without a store shows what
// the event stream has brought.
import { Button, DatePicker, Input, Select, Table, type TableColumnsType } from "antd";
import dayjs from "dayjs";
import { type ReactNode, useMemo, useState } from "react";
import type { RecordsQuery } from "../api/client";
import type { AgentView, CallView, QueueView } from "../api/schema";
import { dayTime, duration, grouped } from "../parts/format";
import { CallerNumber } from "../parts/numbers";
import { Dot, Nothing } from "../parts/pieces";
import { callLink, openCall } from "../parts/route";
import { useNow, useShown } from "../parts/system";
import { outcomeOf } from "../state/derive";
import { causeText, type Say, useSpeech } from "../words";
import { type Filter, NO_FILTER, useRecords } from "./records";

const OUTCOMES = ["answered", "abandoned", "flowed_out", "refused"] as const;

export function PastCalls({ tabs }: { tabs: ReactNode }) {
  const { say } = useSpeech();
  const queues = useShown(state => state.queues);
  const agents = useShown(state => state.agents);
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const records = useRecords(filter);
  const now = useNow();
  const today = new Date(now).setHours(0, 0, 0, 0);
  const columns = useMemo(() => pastColumns(say, queues, agents, today), [say, queues, agents, today]);
  return (
    <>
      <div className="bar">
        {tabs}
        {!records.storeless && (
          <Filters filter={filter} setFilter={setFilter} queues={queues} agents={agents} />
        )}
        <span className="bar-space" />
        {records.newer > 0 && (
          <Button type="link" size="small" onClick={records.refresh} data-testid="newer">
            {say("calls.newer", { n: grouped(records.newer) })} ↻
          </Button>
        )}
        {records.total !== null && (
          <span className="faint num" data-testid="records-total">
            {say("calls.total", { n: grouped(records.total) })}
          </span>
        )}
      </div>
      {records.storeless && <p className="note">{say("calls.no_store")}</p>}
      {records.problem !== null && (
        <p className="note odd">
          {say("error.load", { message: records.problem })}{" "}
          <Button size="small" onClick={records.refresh}>
            {say("retry")}
          </Button>
        </p>
      )}
      <Table<CallView>
        rowKey="call"
        size="small"
        columns={columns}
        dataSource={[...records.calls]}
        loading={records.loading}
        pagination={false}
        scroll={{ x: 1200 }}
        locale={{ emptyText: <Nothing>{say("calls.none.past")}</Nothing> }}
        onRow={call => ({ onClick: () => openCall("calls", call.call), className: "row-link" })}
      />
      {records.calls.length > 0 && (
        <p className="more">
          {records.more === null ? (
            <span className="faint">{say("calls.all_shown")}</span>
          ) : (
            <Button onClick={records.more} loading={records.loading} data-testid="more">
              {say("calls.more")}
            </Button>
          )}
        </p>
      )}
    </>
  );
}

function Filters(props: {
  filter: Filter;
  setFilter: (filter: Filter) => void;
  queues: ReadonlyMap<string, QueueView>;
  agents: ReadonlyMap<string, AgentView>;
}) {
  const { say } = useSpeech();
  const { filter, setFilter } = props;
  const set = (change: RecordsQuery) => setFilter({ ...filter, ...change });
  const [number, setNumber] = useState("");
  const select = (key: "queue" | "agent" | "outcome", options: { value: string; label: string }[]) => (
    <Select
      allowClear
      showSearch={{ optionFilterProp: "label" }}
      className={`filter filter-${key}`}
      placeholder={say(`calls.filter.${key}`)}
      aria-label={say(`calls.filter.${key}`)}
      popupMatchSelectWidth={false}
      value={filter[key]}
      onChange={value => set({ [key]: value })}
      options={options}
    />
  );
  const clear = () => {
    setNumber("");
    setFilter(NO_FILTER);
  };
  return (
    <div className="filters">
      {select(
        "queue",
        [...props.queues.values()].map(queue => ({ value: queue.queue, label: queue.title || queue.queue })),
      )}
      {select(
        "agent",
        [...props.agents.values()].map(agent => ({ value: agent.agent, label: agent.name || agent.agent })),
      )}
      {select(
        "outcome",
        OUTCOMES.map(outcome => ({ value: outcome, label: say(`outcome.${outcome}`) })),
      )}
      <Input
        className="filter-number"
        allowClear
        placeholder={say("calls.filter.number")}
        aria-label={say("calls.filter.number")}
        value={number}
        onChange={event => {
          setNumber(event.target.value);
          if (event.target.value === "") set({ number: undefined });
        }}
        onPressEnter={() => set({ number: number.trim() || undefined })}
        onBlur={() => set({ number: number.trim() || undefined })}
      />
      <DatePicker.RangePicker
        className="filter-time"
        showTime={{ format: "HH:mm" }}
        format="MM-DD HH:mm"
        allowEmpty={[true, true]}
        placeholder={[say("calls.filter.from"), say("calls.filter.to")]}
        value={[
          filter.from_ms === undefined ? null : dayjs(filter.from_ms),
          filter.to_ms === undefined ? null : dayjs(filter.to_ms),
        ]}
        onChange={range => set({ from_ms: range?.[0]?.valueOf(), to_ms: range?.[1]?.valueOf() })}
      />
      {filter !== NO_FILTER && (
        <Button type="text" onClick={clear}>
          {say("calls.filter.clear")}
        </Button>
      )}
    </div>
  );
}

/** How long the caller of `call` has waited in queues. */
function waitedMs(call: CallView): number {
  return call.visits.reduce(
    (sum, visit) => sum + ((visit.left_ms ?? visit.entered_ms) - visit.entered_ms),
    0,
  );
}

function pastColumns(
  say: Say,
  queues: ReadonlyMap<string, QueueView>,
  agents: ReadonlyMap<string, AgentView>,
  todayMs: number,
): TableColumnsType<CallView> {
  const last = (call: CallView) => call.visits.at(-1);
  const agentOf = (call: CallView) => last(call)?.agent ?? call.agent;
  return [
    {
      title: say("calls.began"),
      key: "began",
      width: 116,
      className: "num",
      render: (_, call) => dayTime(call.since_ms, todayMs),
    },
    {
      title: say("calls.caller"),
      key: "caller",
      width: 136,
      render: (_, call) => (
        <a href={callLink("calls", call.call)}>
          <CallerNumber call={call} />
        </a>
      ),
    },
    {
      title: say("calls.called"),
      key: "called",
      width: 90,
      className: "num",
      render: (_, call) => call.called,
    },
    {
      title: say("calls.queue"),
      key: "queue",
      ellipsis: true,
      render: (_, call) => {
        const visit = last(call);
        return visit && (queues.get(visit.queue)?.title || visit.queue);
      },
    },
    {
      title: say("calls.outcome"),
      key: "outcome",
      width: 100,
      render: (_, call) => {
        const outcome = outcomeOf(call);
        if (outcome === null) return <span className="faint">{say("outcome.none")}</span>;
        return <Dot tone={`outcome-${outcome}`}>{say(`outcome.${outcome}`)}</Dot>;
      },
    },
    {
      title: say("calls.wait"),
      key: "wait",
      width: 88,
      align: "right",
      className: "num",
      render: (_, call) => (call.visits.length > 0 ? duration(waitedMs(call)) : ""),
    },
    {
      title: say("calls.agent"),
      key: "agent",
      width: 100,
      ellipsis: true,
      render: (_, call) => {
        const agent = agentOf(call);
        return agent != null && (agents.get(agent)?.name || agent);
      },
    },
    {
      title: say("calls.talk"),
      key: "talk",
      width: 84,
      align: "right",
      className: "num",
      render: (_, call) =>
        call.talking_ms !== null && call.ended_ms !== null ? duration(call.ended_ms - call.talking_ms) : "",
    },
    {
      title: say("calls.duration"),
      key: "duration",
      width: 96,
      align: "right",
      className: "num",
      render: (_, call) => (call.ended_ms === null ? "" : duration(call.ended_ms - call.since_ms)),
    },
    {
      title: say("calls.cause"),
      key: "cause",
      width: 176,
      ellipsis: true,
      render: (_, call) => causeText(say, call.cause),
    },
    {
      title: say("calls.recording"),
      key: "recording",
      width: 96,
      align: "right",
      className: "num",
      render: (_, call) => {
        const ms = call.recordings.reduce((sum, recording) => sum + (recording.length_ms ?? 0), 0);
        return ms > 0 ? `▶ ${duration(ms)}` : "";
      },
    },
  ];
}
