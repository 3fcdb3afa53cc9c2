// Draws a recording's waveform: one lane for each channel, the least and the greatest sample of each stretch as a
// stroke, the part that has been played in another colour.
import type { Waveform } from "../api/schema";

export interface WaveColours {
  readonly rest: string;
  readonly played: string;
  readonly line: string;
}

/** The greatest size of a sample in the API's waveform: 16 bit. */
const FULL_SCALE = 32_768;
/** Quiet telephone speech is drawn larger, up to this factor. */
const MAX_GAIN = 8;

export function drawWaveform(
  canvas: HTMLCanvasElement,
  waveform: Waveform | null,
  played: number,
  colours: WaveColours,
): void {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const paint = canvas.getContext("2d");
  if (!paint || width === 0) return;
  paint.clearRect(0, 0, width, height);
  const lanes = waveform?.channels ?? [];
  const scale = gain(lanes) / FULL_SCALE;
  const laneHeight = height / Math.max(1, lanes.length);
  lanes.forEach((lane, at) => {
    const middle = laneHeight * (at + 0.5);
    const reach = laneHeight * 0.46;
    paint.fillStyle = colours.line;
    paint.fillRect(0, Math.round(middle), width, 1);
    for (let x = 0; x < width; x += 1) {
      const [low, high] = extremes(lane, x / width, (x + 1) / width);
      const top = middle - high * scale * reach;
      const bottom = middle - low * scale * reach;
      paint.fillStyle = x / width < played ? colours.played : colours.rest;
      paint.fillRect(x, top, 1, Math.max(1, bottom - top));
    }
  });
  if (played > 0 && lanes.length > 0) {
    paint.fillStyle = colours.played;
    paint.fillRect(Math.round(played * width), 0, Math.max(1, ratio), height);
  }
}

type Lane = Waveform["channels"][number];

function gain(lanes: readonly Lane[]): number {
  let peak = 1;
  for (const lane of lanes) {
    for (const value of lane.max) peak = Math.max(peak, value);
    for (const value of lane.min) peak = Math.max(peak, -value);
  }
  return Math.min(MAX_GAIN, FULL_SCALE / peak);
}

/** The least and the greatest sample between two shares of the length. */
export function extremes(lane: Lane, from: number, to: number): [number, number] {
  const count = Math.min(lane.min.length, lane.max.length);
  if (count === 0) return [0, 0];
  const first = Math.min(count - 1, Math.floor(from * count));
  const last = Math.min(count - 1, Math.max(first, Math.ceil(to * count) - 1));
  let low = 0;
  let high = 0;
  for (let at = first; at <= last; at += 1) {
    low = Math.min(low, lane.min[at] ?? 0);
    high = Math.max(high, lane.max[at] ?? 0);
  }
  return [low, high];
}
