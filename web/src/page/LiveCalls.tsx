// The calls that live, the newest first.
import { Table, type TableColumnsType } from "antd";
import { type ReactNode, useMemo } from "react";
import type { AgentView, CallView } from "../api/schema";
import { Elapsed } from "../parts/Elapsed";
import { CallerNumber } from "../parts/numbers";
import { Nothing, StageDot } from "../parts/pieces";
import { callLink, openCall } from "../parts/route";
import { useShown } from "../parts/system";
import { openVisit, stage } from "../state/derive";
import { type Say, useSpeech } from "../words";

/** More calls than this are drawn only as far as they are seen. */
const DRAWN = 120;

export function LiveCalls({ tabs }: { tabs: ReactNode }) {
  const { say } = useSpeech();
  const calls = useShown(state => state.calls);
  const agents = useShown(state => state.agents);
  const queues = useShown(state => state.queues);
  const listed = useMemo(() => [...calls.values()].sort((a, b) => b.since_ms - a.since_ms), [calls]);
  const columns = useMemo(() => {
    const title = (queue: string) => queues.get(queue)?.title || queue;
    return liveColumns(say, title, agents);
  }, [say, queues, agents]);
  const many = listed.length > DRAWN;
  return (
    <>
      <div className="bar">{tabs}</div>
      <Table<CallView>
        rowKey="call"
        size="small"
        columns={columns}
        dataSource={listed}
        pagination={false}
        virtual={many}
        scroll={{ x: 1040, ...(many ? { y: window.innerHeight - 230 } : {}) }}
        locale={{ emptyText: <Nothing>{say("calls.none.live")}</Nothing> }}
        onRow={call => ({ onClick: () => openCall("calls", call.call), className: "row-link" })}
      />
    </>
  );
}

function liveColumns(
  say: Say,
  title: (queue: string) => string,
  agents: ReadonlyMap<string, AgentView>,
): TableColumnsType<CallView> {
  return [
    {
      title: say("calls.stage"),
      key: "stage",
      width: 110,
      render: (_, call) => <StageDot stage={stage(call)} />,
      sorter: (a, b) => stage(a).localeCompare(stage(b)),
    },
    {
      title: say("calls.caller"),
      key: "caller",
      width: 150,
      render: (_, call) => (
        <a href={callLink("calls", call.call)}>
          <CallerNumber call={call} />
        </a>
      ),
    },
    {
      title: say("calls.called"),
      key: "called",
      width: 100,
      className: "num",
      render: (_, call) => call.called,
    },
    {
      title: say("calls.duration"),
      key: "duration",
      width: 90,
      align: "right",
      render: (_, call) => <Elapsed since={call.since_ms} />,
      sorter: (a, b) => b.since_ms - a.since_ms,
    },
    {
      title: say("calls.queue"),
      key: "queue",
      width: 190,
      ellipsis: true,
      render: (_, call) => {
        const visit = openVisit(call) ?? call.visits.at(-1);
        return visit && title(visit.queue);
      },
    },
    {
      title: say("queues.wait"),
      key: "wait",
      width: 90,
      align: "right",
      render: (_, call) => {
        const visit = openVisit(call);
        return visit && <Elapsed since={visit.entered_ms} />;
      },
    },
    {
      title: say("calls.agent"),
      key: "agent",
      width: 130,
      ellipsis: true,
      render: (_, call) => call.agent !== null && (agents.get(call.agent)?.name || call.agent),
    },
    {
      title: say("calls.reached"),
      key: "reached",
      width: 90,
      className: "num",
      render: (_, call) => call.reached,
    },
    {
      title: say("calls.channel"),
      key: "channel",
      width: 120,
      className: "num",
      render: (_, call) =>
        call.legs
          .filter(leg => leg.state !== "ended" && leg.channel !== null)
          .map(leg => leg.channel)
          .join(" → "),
    },
  ];
}
