// The frame of all pages: header, what is wrong with the connection, the page, the health strip.
//
// `data-seq` on the frame is the number of the event up to which everything inside is drawn; the other data are for
// tests of the connection.
import { Alert, Button, Spin } from "antd";
import { lazy, memo, Suspense, useEffect } from "react";
import { type Page, useRoute } from "../parts/route";
import { useLink, useShown, useSystem } from "../parts/system";
import type { Shade } from "../parts/theme";
import { useSpeech } from "../words";
import { Agents } from "./Agents";
import { CallDrawer } from "./CallDrawer";
import { Calls } from "./Calls";
import { Header } from "./Header";
import { HealthStrip } from "./HealthStrip";
import { Lines } from "./Lines";
import { Queues } from "./Queues";

const Overview = lazy(() => import("./Overview"));

export interface Switches {
  readonly shade: Shade;
  readonly switchLanguage: () => void;
  readonly switchShade: () => void;
}

export function Shell(switches: Switches) {
  const { say } = useSpeech();
  const { page, call } = useRoute();
  const state = useShown(state => state);
  const { phase, resumed } = useLink();
  useEffect(() => {
    document.title = `${say(`nav.${page}`)} · Tandem`;
  }, [page, say]);
  const { snapshots, updates, gaps } = state.taken;
  return (
    <div
      className="shell"
      data-testid="shell"
      data-seq={state.seq}
      data-run={state.run}
      data-phase={phase}
      data-snapshots={snapshots}
      data-updates={updates}
      data-gaps={gaps}
      data-resumed={resumed}
    >
      <button type="button" className="skip" onClick={() => document.getElementById("content")?.focus()}>
        {say("head.skip")}
      </button>
      <Header page={page} {...switches} />
      <Banners />
      <main id="content" tabIndex={-1} className={`page page-${page}`}>
        {state.run === "" ? (
          <div className="first">
            <Spin /> <span>{say("waiting.first")}</span>
          </div>
        ) : (
          <Suspense fallback={<Spin className="first" />}>
            <Shown page={page} shade={switches.shade} />
          </Suspense>
        )}
      </main>
      <HealthStrip />
      {state.run !== "" && <CallDrawer page={page} call={call} shade={switches.shade} />}
    </div>
  );
}

const Shown = memo(function Shown({ page, shade }: { page: Page; shade: Shade }) {
  switch (page) {
    case "overview":
      return <Overview shade={shade} />;
    case "lines":
      return <Lines />;
    case "queues":
      return <Queues />;
    case "agents":
      return <Agents />;
    case "calls":
      return <Calls />;
  }
});

function Banners() {
  const { say } = useSpeech();
  const { connection } = useSystem();
  const { phase } = useLink();
  const run = useShown(state => state.run);
  const seq = useShown(state => state.seq);
  const attached = useShown(state => state.attached);
  if (run === "") return null;
  if (phase === "reconnecting") {
    return (
      <Alert
        banner
        type="error"
        data-testid="stale"
        title={say("stale.banner", { seq })}
        action={
          <Button size="small" onClick={connection.hurry}>
            {say("stale.retry")}
          </Button>
        }
      />
    );
  }
  return attached ? null : <Alert banner type="warning" data-testid="away" title={say("away.banner")} />;
}
