// The health strip: what the line process counts about itself. Zero is quiet; anything else stands out.
import { Tooltip } from "antd";
import { grouped } from "../parts/format";
import { useLink, useShown } from "../parts/system";
import { useSpeech } from "../words";

/** Counters that should stay zero. */
const COUNTERS = [
  "lost_samples",
  "late_periods",
  "lost_events",
  "lost_frames",
  "tap_overruns",
  "feed_underruns",
  "failed_recordings",
  "refused_calls",
] as const;

/** Of these, those whose first one is already a fault; the others are only odd. */
const FAULTS: ReadonlySet<string> = new Set([
  "lost_samples",
  "lost_events",
  "lost_frames",
  "failed_recordings",
]);

export function HealthStrip() {
  const { say } = useSpeech();
  const { version } = useLink();
  const health = useShown(state => state.health);
  return (
    <footer className="health">
      {health && (
        <>
          <Flag name="realtime" value={health.realtime} />
          <Flag name="locked" value={health.locked} />
          {COUNTERS.map(name => (
            <Tooltip
              key={name}
              title={say(`health.${name}.tip`, {
                periods: grouped(health.periods),
                longest: grouped(health.longest_period_us),
              })}
            >
              <span className={health[name] === 0 ? "" : FAULTS.has(name) ? "fault" : "odd"}>
                {say(`health.${name}`)}{" "}
                <b className="num" data-testid={`health-${name}`}>
                  {grouped(health[name])}
                </b>
              </span>
            </Tooltip>
          ))}
          <Tooltip title={say("health.longest.tip")}>
            <span>
              {say("health.longest")} <b className="num">{grouped(health.longest_period_us)} µs</b>
            </span>
          </Tooltip>
        </>
      )}
      <span className="health-version">{version !== null && say("health.version", { version })}</span>
    </footer>
  );
}

function Flag({ name, value }: { name: "realtime" | "locked"; value: boolean }) {
  const { say } = useSpeech();
  return (
    <Tooltip title={say(`health.${name}.tip`)}>
      <span className={value ? "" : "odd"}>
        {say(`health.${name}`)} <b data-testid={`health-${name}`}>{say(value ? "yes" : "no")}</b>
      </span>
    </Tooltip>
  );
}
