// Numbers of calls as people read them.
import type { CallView } from "../api/schema";
import { useSpeech } from "../words";

/** The caller's number, unless the caller asked that it be not shown. */
export function CallerNumber({ call }: { call: CallView }) {
  const { say } = useSpeech();
  if (call.restricted) return <span className="faint">{say("calls.withheld")}</span>;
  if (call.calling === "") return <span className="faint">{say("calls.unknown")}</span>;
  return <span className="num">{call.calling}</span>;
}
