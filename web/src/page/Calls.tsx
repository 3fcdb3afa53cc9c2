// Calls: those that live, from the event stream, and past ones, from the store.
import { Segmented } from "antd";
import { useState } from "react";
import { useShown } from "../parts/system";
import { useSpeech } from "../words";
import { LiveCalls } from "./LiveCalls";
import { PastCalls } from "./PastCalls";

export function Calls() {
  const { say } = useSpeech();
  const live = useShown(state => state.calls.size);
  const [past, setPast] = useState(() => sessionStorage.getItem("tandem.calls") === "past");
  const choose = (value: string) => {
    sessionStorage.setItem("tandem.calls", value);
    setPast(value === "past");
  };
  const tabs = (
    <Segmented
      size="middle"
      value={past ? "past" : "live"}
      onChange={choose}
      options={[
        { value: "live", label: `${say("calls.live")} ${live}` },
        { value: "past", label: say("calls.past") },
      ]}
    />
  );
  return (
    <section className="panel calls">{past ? <PastCalls tabs={tabs} /> : <LiveCalls tabs={tabs} />}</section>
  );
}
