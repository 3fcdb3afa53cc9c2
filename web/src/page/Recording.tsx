// One recording: its waveform, playback, download. The waveform comes first and is small; the sound itself is fetched
// when somebody wants to hear it. It is fetched with the token, since an audio element can carry none.
import { Button, Segmented } from "antd";
import { type KeyboardEvent, type MouseEvent, useCallback, useEffect, useRef, useState } from "react";
import { ApiProblem } from "../api/client";
import type { RecordingView, Waveform } from "../api/schema";
import { duration } from "../parts/format";
import { useSystem } from "../parts/system";
import { colour, type Shade } from "../parts/theme";
import { drawWaveform } from "../parts/waveform";
import { useSpeech } from "../words";

const POINTS = 1_000;
const SEEK_S = 5;
const SPEEDS = [1, 1.5, 2];

export function Recording({ recording, shade }: { recording: RecordingView; shade: Shade }) {
  const { say } = useSpeech();
  if (recording.failed !== null) {
    return <p className="fault">{say("rec.failed", { why: recording.failed })}</p>;
  }
  if (recording.file === null) {
    return <p className="rec-open">● {say("rec.open")}</p>;
  }
  return <Player file={recording.file} lengthMs={recording.length_ms ?? 0} shade={shade} />;
}

function Player({ file, lengthMs, shade }: { file: string; lengthMs: number; shade: Shade }) {
  const { say } = useSpeech();
  const audio = useRef<HTMLAudioElement>(null);
  const { waveform, problem } = useWaveform(file);
  const sound = useSound(file);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [speed, setSpeed] = useState(1);
  const lengthS = (waveform?.length_ms ?? lengthMs) / 1000;

  useEffect(() => {
    // The position moves smoothly while it plays, and rests otherwise.
    if (!playing) return;
    let frame = 0;
    const follow = () => {
      setAt(audio.current?.currentTime ?? 0);
      frame = requestAnimationFrame(follow);
    };
    frame = requestAnimationFrame(follow);
    return () => cancelAnimationFrame(frame);
  }, [playing]);

  const toggle = async () => {
    const player = audio.current;
    if (!player) return;
    if (!player.paused) {
      player.pause();
      return;
    }
    if (!player.src) {
      const url = await sound.load();
      if (url === null) return;
      player.src = url;
      player.currentTime = at;
    }
    player.playbackRate = speed;
    await player.play();
  };
  const seek = useCallback(
    (seconds: number) => {
      const to = Math.min(lengthS, Math.max(0, seconds));
      setAt(to);
      if (audio.current?.src) audio.current.currentTime = to;
    },
    [lengthS],
  );
  const choose = (value: number) => {
    setSpeed(value);
    if (audio.current) audio.current.playbackRate = value;
  };
  const download = async () => {
    const url = await sound.load();
    if (url === null) return;
    const link = document.createElement("a");
    link.href = url;
    link.download = file.split("/").at(-1) ?? file;
    link.click();
  };
  const complaint = problem ?? sound.problem;
  return (
    <div className="rec" data-testid="recording">
      <Wave
        waveform={waveform}
        played={lengthS > 0 ? at / lengthS : 0}
        seek={seek}
        lengthS={lengthS}
        shade={shade}
      />
      {/* biome-ignore lint/a11y/useMediaCaption: a telephone recording has no captions */}
      <audio
        ref={audio}
        preload="none"
        data-testid="audio"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => setPlaying(false)}
      />
      <div className="rec-bar">
        <Button type="primary" onClick={toggle} loading={sound.loading} data-testid="play">
          {say(playing ? "rec.pause" : "rec.play")}
        </Button>
        <span className="num">
          {duration(at * 1000)} / {duration(lengthS * 1000)}
        </span>
        <span className="bar-space" />
        <Segmented
          value={speed}
          onChange={choose}
          aria-label={say("rec.speed")}
          options={SPEEDS.map(value => ({ value, label: `${value}×` }))}
        />
        <Button onClick={download} disabled={sound.loading} data-testid="download">
          {say("rec.download")}
        </Button>
      </div>
      {complaint !== null && <p className="odd">{say("error.load", { message: complaint })}</p>}
    </div>
  );
}

function useWaveform(file: string): { waveform: Waveform | null; problem: string | null } {
  const { client } = useSystem();
  const [waveform, setWaveform] = useState<Waveform | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    const aborted = new AbortController();
    client.waveform(file, POINTS, aborted.signal).then(setWaveform, error => {
      if (!aborted.signal.aborted) setProblem(said(error));
    });
    return () => aborted.abort();
  }, [client, file]);
  return { waveform, problem };
}

/** The sound as a local address, fetched once when it is wanted and given back when the player goes. */
function useSound(file: string) {
  const { client } = useSystem();
  const [loading, setLoading] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const url = useRef<string | null>(null);
  useEffect(
    () => () => {
      if (url.current !== null) URL.revokeObjectURL(url.current);
      url.current = null;
    },
    [],
  );
  const load = useCallback(async (): Promise<string | null> => {
    if (url.current !== null) return url.current;
    setLoading(true);
    setProblem(null);
    try {
      url.current = URL.createObjectURL(await client.recording(file));
    } catch (error) {
      setProblem(said(error));
    }
    setLoading(false);
    return url.current;
  }, [client, file]);
  return { load, loading, problem };
}

function said(error: unknown): string {
  return error instanceof ApiProblem ? error.message : String(error);
}

function Wave(props: {
  waveform: Waveform | null;
  played: number;
  lengthS: number;
  seek: (seconds: number) => void;
  shade: Shade;
}) {
  const { say } = useSpeech();
  const { waveform, played, lengthS, seek, shade } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  // The shade changes the colours that are read
  useEffect(() => {
    if (!canvas.current) return;
    drawWaveform(canvas.current, waveform, played, {
      rest: colour("--wave"),
      played: colour("--accent"),
      line: colour("--line"),
    });
  }, [waveform, played, shade]);
  const click = (event: MouseEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * lengthS);
  };
  const key = (event: KeyboardEvent) => {
    const to: Record<string, number> = {
      ArrowLeft: played * lengthS - SEEK_S,
      ArrowRight: played * lengthS + SEEK_S,
      Home: 0,
      End: lengthS,
    };
    const seconds = to[event.key];
    if (seconds === undefined) return;
    event.preventDefault();
    seek(seconds);
  };
  return (
    <div
      className="wave"
      role="slider"
      tabIndex={0}
      aria-label={say("rec.seek")}
      aria-valuemin={0}
      aria-valuemax={Math.round(lengthS)}
      aria-valuenow={Math.round(played * lengthS)}
      aria-valuetext={duration(played * lengthS * 1000)}
      onClick={click}
      onKeyDown={key}
    >
      <canvas ref={canvas} data-testid="waveform" data-drawn={waveform !== null} />
      <span className="wave-name wave-left">{say("rec.caller")}</span>
      <span className="wave-name wave-right">{say("rec.sent")}</span>
    </div>
  );
}
