// The header: product, pages, connection, number of the last event, language, shade, the switch's time.
import { Button, Tooltip } from "antd";
import mark from "../mark.svg";
import { clockTime, grouped } from "../parts/format";
import { Dot } from "../parts/pieces";
import { PAGES, type Page, pageLink } from "../parts/route";
import { useLink, useNow, useShown, useSystem } from "../parts/system";
import { useSpeech } from "../words";
import type { Switches } from "./Shell";

export function Header({ page, shade, switchLanguage, switchShade }: Switches & { page: Page }) {
  const { say } = useSpeech();
  return (
    <header className="head">
      <a className="brand" href={pageLink("overview")}>
        <img src={mark} alt="" width={24} height={24} />
        <strong>Tandem</strong>
      </a>
      <nav aria-label={say("nav.label")}>
        {PAGES.map(name => (
          <a key={name} href={pageLink(name)} aria-current={name === page ? "page" : undefined}>
            {say(`nav.${name}`)}
          </a>
        ))}
      </nav>
      <div className="head-side">
        <LinkState />
        <Sequence />
        <span className="head-rule" aria-hidden="true" />
        <Button type="text" onClick={switchLanguage} title={say("head.language.tip")} data-testid="language">
          {say("head.language")}
        </Button>
        <Button type="text" onClick={switchShade} data-testid="shade">
          {say(shade === "dark" ? "head.light" : "head.dark")}
        </Button>
        <span className="head-rule" aria-hidden="true" />
        <Clock />
      </div>
    </header>
  );
}

function LinkState() {
  const { say } = useSpeech();
  const { connection } = useSystem();
  const { phase, resumed } = useLink();
  const attached = useShown(state => state.attached);
  const run = useShown(state => state.run);
  const seq = useShown(state => state.seq);
  const snapshots = useShown(state => state.taken.snapshots);
  const [word, tip] = (() => {
    if (phase === "live" && run !== "" && !attached) return ["away", say("link.away.tip")] as const;
    if (phase === "live") return ["live", say("link.live.tip", { resumed, snapshots })] as const;
    return [phase, say("link.reconnecting.tip", { seq })] as const;
  })();
  return (
    <Tooltip title={tip}>
      <button
        type="button"
        className={`link link-${word}`}
        onClick={connection.hurry}
        aria-live="polite"
        data-testid="link"
      >
        <Dot tone={`link-${word}`}>{say(`link.${word}`)}</Dot>
      </button>
    </Tooltip>
  );
}

function Sequence() {
  const { say } = useSpeech();
  const seq = useShown(state => state.seq);
  const run = useShown(state => state.run);
  return (
    <Tooltip title={say("head.seq.tip", { run })}>
      <span className="seq">
        {say("head.seq")}{" "}
        <b className="num" data-testid="seq">
          {grouped(seq)}
        </b>
      </span>
    </Tooltip>
  );
}

function Clock() {
  const { say } = useSpeech();
  const { clock } = useSystem();
  const now = useNow();
  const offset = (clock.offsetMs() / 1000).toFixed(1);
  const error = ((clock.errorMs() ?? 0) / 1000).toFixed(2);
  return (
    <Tooltip title={say("head.clock.tip", { offset, error })} placement="bottomRight">
      <time className="clock num" data-testid="clock">
        {clockTime(now)}
      </time>
    </Tooltip>
  );
}
