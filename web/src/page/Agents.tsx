// Agents: what each does and since when, today's counts, and orders. An order is only asked for here; what comes of it
// arrives as an event like every other change.
import { App, Button, Dropdown, Input, Table, type TableColumnsType } from "antd";
import { useMemo, useState } from "react";
import { ApiProblem } from "../api/client";
import type { AgentState, AgentView, Order } from "../api/schema";
import { Elapsed, Remaining } from "../parts/Elapsed";
import { duration, grouped } from "../parts/format";
import { AgentDot, Nothing } from "../parts/pieces";
import { callLink } from "../parts/route";
import { useShown, useSystem } from "../parts/system";
import { type Say, sayWord, useSpeech } from "../words";

const STATES = ["idle", "ringing", "talking", "wrap_up", "busy", "offline"] as const;

export function Agents() {
  const { say } = useSpeech();
  const agents = useShown(state => state.agents);
  const queues = useShown(state => state.queues);
  const [state, setState] = useState<AgentState | null>(null);
  const [search, setSearch] = useState("");
  const titles = useMemo(
    () => new Map([...queues.values()].map(queue => [queue.queue, queue.title || queue.queue])),
    [queues],
  );
  const order = useOrder();
  const reasons = useShown(state => state.busyReasons);
  const columns = useMemo(() => agentColumns(say, titles, order, reasons), [say, titles, order, reasons]);
  const listed = useMemo(() => [...agents.values()], [agents]);
  if (agents.size === 0) return <Nothing>{say("agents.none")}</Nothing>;
  const shown = listed.filter(
    agent => (state === null || agent.state === state) && fits(agent, search.trim(), titles),
  );
  return (
    <section className="panel agents">
      <div className="bar">
        <fieldset className="choices" aria-label={say("agents.state")}>
          <Choice label={say("all")} count={agents.size} on={state === null} pick={() => setState(null)} />
          {STATES.map(name => (
            <Choice
              key={name}
              label={<AgentDot state={name} />}
              count={listed.filter(agent => agent.state === name).length}
              on={state === name}
              pick={() => setState(state === name ? null : name)}
            />
          ))}
        </fieldset>
        <span className="bar-space" />
        <Input
          className="search"
          allowClear
          placeholder={say("agents.search")}
          aria-label={say("agents.search")}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      </div>
      <Table<AgentView>
        rowKey="agent"
        size="small"
        columns={columns}
        dataSource={shown}
        pagination={false}
        virtual={shown.length > 200}
        scroll={{ x: 1200, ...(shown.length > 200 ? { y: 600 } : {}) }}
        locale={{ emptyText: <Nothing>{say("agents.nobody")}</Nothing> }}
        onRow={agent => ({ "data-testid": `agent-${agent.agent}` }) as object}
      />
    </section>
  );
}

function Choice(props: { label: React.ReactNode; count: number; on: boolean; pick: () => void }) {
  return (
    <button type="button" className="choice" aria-pressed={props.on} onClick={props.pick}>
      {props.label} <b className="num">{props.count}</b>
    </button>
  );
}

function fits(agent: AgentView, search: string, titles: ReadonlyMap<string, string>): boolean {
  if (search === "") return true;
  const wanted = search.toLowerCase();
  const words = [
    agent.agent,
    agent.name,
    agent.seat,
    ...agent.queues,
    ...agent.queues.map(q => titles.get(q) ?? ""),
  ];
  return words.some(word => word.toLowerCase().includes(wanted));
}

type SendOrder = (agent: AgentView, order: Order, reason?: string) => void;

function useOrder(): SendOrder {
  const { client } = useSystem();
  const { say } = useSpeech();
  const { message } = App.useApp();
  return useMemo(
    () => async (agent, order, reason) => {
      const name = agent.name || agent.agent;
      try {
        await client.order(agent.agent, order, reason);
        message.success(say("order.sent", { agent: name }), 1.5);
      } catch (error) {
        const why = error instanceof ApiProblem ? error.message : String(error);
        message.error(say("order.failed", { agent: name, message: why }), 6);
      }
    },
    [client, say, message],
  );
}

function agentColumns(
  say: Say,
  titles: ReadonlyMap<string, string>,
  order: SendOrder,
  reasons: readonly string[],
): TableColumnsType<AgentView> {
  const total = (key: keyof AgentView["totals"], title: string, show: (value: number) => string) => ({
    title,
    key,
    align: "right" as const,
    className: "num",
    width: 92,
    sorter: (a: AgentView, b: AgentView) => a.totals[key] - b.totals[key],
    showSorterTooltip: { title: say("agents.today.tip") },
    render: (_: unknown, agent: AgentView) => show(agent.totals[key]),
  });
  return [
    {
      title: say("agents.agent"),
      key: "agent",
      width: 124,
      fixed: "left",
      sorter: (a, b) => (a.name || a.agent).localeCompare(b.name || b.agent),
      render: (_, agent) => (
        <span className="two">
          <b>{agent.name || agent.agent}</b>
          {agent.name !== "" && agent.name !== agent.agent && <small className="faint">{agent.agent}</small>}
        </span>
      ),
    },
    {
      title: say("agents.seat"),
      key: "seat",
      width: 66,
      className: "num",
      sorter: (a, b) => a.seat.localeCompare(b.seat),
      render: (_, agent) => agent.seat,
    },
    {
      title: say("agents.state"),
      key: "state",
      width: 140,
      sorter: (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || a.since_ms - b.since_ms,
      render: (_, agent) => (
        <span className="one">
          <AgentDot state={agent.state} />
          {agent.reason !== null && <small className="faint">{sayWord(say, "reason", agent.reason)}</small>}
        </span>
      ),
    },
    {
      title: say("agents.since"),
      key: "since",
      width: 126,
      sorter: (a, b) => b.since_ms - a.since_ms,
      render: (_, agent) =>
        agent.since_ms > 0 && (
          <span className="one">
            <Elapsed since={agent.since_ms} />
            {agent.until_ms !== null && <Until ms={agent.until_ms} />}
          </span>
        ),
    },
    {
      title: say("agents.call"),
      key: "call",
      width: 112,
      render: (_, agent) => agent.call !== null && <AgentCall call={agent.call} />,
    },
    {
      title: say("agents.queues"),
      key: "queues",
      ellipsis: true,
      render: (_, agent) => agent.queues.map(queue => titles.get(queue) ?? queue).join(" · "),
    },
    total("answered", say("agents.answered"), grouped),
    total("missed", say("agents.missed"), grouped),
    total("talking_ms", say("agents.talking"), duration),
    { ...total("wrap_up_ms", say("agents.wrap_up"), duration), responsive: ["xl" as const] },
    { ...total("busy_ms", say("agents.busy"), duration), responsive: ["xxl" as const] },
    { ...total("idle_ms", say("agents.idle"), duration), responsive: ["xxl" as const] },
    {
      title: say("agents.orders"),
      key: "orders",
      width: 178,
      fixed: "right",
      render: (_, agent) => <Orders agent={agent} order={order} reasons={reasons} />,
    },
  ];
}

function Until({ ms }: { ms: number }) {
  const { say } = useSpeech();
  const [before, after] = say("agents.until").split("{time}");
  return (
    <small className="faint">
      {before}
      <Remaining until={ms} />
      {after}
    </small>
  );
}

/** The other party's number; the link opens the call's story. */
function AgentCall({ call }: { call: string }) {
  const { say } = useSpeech();
  const found = useShown(state => state.calls.get(call));
  const number = found && !found.restricted ? found.calling : "";
  return (
    <a className="num" href={callLink("agents", call)}>
      {number || say(found?.restricted ? "calls.withheld" : "calls.unknown")}
    </a>
  );
}

function Orders(props: { agent: AgentView; order: SendOrder; reasons: readonly string[] }) {
  const { agent, order, reasons } = props;
  const { say } = useSpeech();
  const button = (name: Order) => (
    <Button key={name} size="small" onClick={() => order(agent, name)} data-testid={`order-${name}`}>
      {say(`order.${name}`)}
    </Button>
  );
  const menu = {
    items: [
      ...reasons.map(reason => ({
        key: reason,
        label: say("order.busy.for", { reason: sayWord(say, "reason", reason) }),
      })),
      { type: "divider" as const },
      { key: "log_out", label: say("order.log_out") },
    ],
    onClick: ({ key }: { key: string }) => {
      if (key === "log_out") order(agent, "log_out");
      else order(agent, "busy", key);
    },
  };
  const busyMenu = (
    <Dropdown key="menu" menu={menu} trigger={["click"]}>
      <Button size="small" aria-haspopup="menu" data-testid="order-menu">
        {say("order.busy")} ▾
      </Button>
    </Dropdown>
  );
  switch (agent.state) {
    case "offline":
      return button("log_in");
    case "busy":
      return (
        <span className="orders">
          {button("ready")}
          {busyMenu}
        </span>
      );
    case "wrap_up":
      return (
        <span className="orders">
          {button("wrap_up_end")}
          {busyMenu}
        </span>
      );
    case "idle":
    case "ringing":
    case "talking":
      return busyMenu;
  }
}
