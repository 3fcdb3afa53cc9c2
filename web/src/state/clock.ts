// The switch's time, estimated. Every duration on the page runs from a time that the switch told, so it is measured
// against the switch's clock and not against this computer's.
//
// Each `GET /v1/status` gives a sample: the answer's `now_ms` belongs to the middle between sending and receiving, with
// an error of at most half the round trip. Of the newest samples the one with the shortest round trip counts. Samples
// are taken at every connection and whenever the connection is checked; a jump of this computer's clock against its
// own steady clock forgets them all.

/** Samples that are looked at. */
const KEPT = 6;
/** A difference between the two local clocks that means that one was set, or slept. */
const JUMP_MS = 500;

interface Sample {
  readonly offsetMs: number;
  readonly tripMs: number;
}

export class ServerClock {
  #samples: Sample[] = [];
  #between: number;
  #heard: () => void = () => {};
  readonly #wall: () => number;
  readonly #steady: () => number;

  constructor(wall: () => number = () => Date.now(), steady: () => number = () => performance.now()) {
    this.#wall = wall;
    this.#steady = steady;
    this.#between = wall() - steady();
  }

  /** Takes the switch's time out of an answer; both ends are this computer's wall clock. */
  sample(sentMs: number, receivedMs: number, serverMs: number): void {
    const tripMs = Math.max(0, receivedMs - sentMs);
    this.#samples.push({ offsetMs: serverMs - (sentMs + receivedMs) / 2, tripMs });
    this.#samples = this.#samples.slice(-KEPT);
    this.#heard();
  }

  /** Calls `heard` at every sample: what is shown need not wait for the next second to be right. */
  onSample(heard: () => void): void {
    this.#heard = heard;
  }

  /** Milliseconds that the switch's clock is ahead of ours. */
  offsetMs(): number {
    const best = this.#samples.reduce<Sample | null>(
      (found, sample) => (found === null || sample.tripMs <= found.tripMs ? sample : found),
      null,
    );
    return best?.offsetMs ?? 0;
  }

  /** How wrong `now` may be; null while nothing is known. */
  errorMs(): number | null {
    if (this.#samples.length === 0) return null;
    return Math.min(...this.#samples.map(sample => sample.tripMs)) / 2;
  }

  now(): number {
    return this.#wall() + this.offsetMs();
  }

  /** Whether this computer's clock has been set or has slept since the last call; if so the samples are forgotten. */
  jumped(): boolean {
    const between = this.#wall() - this.#steady();
    const jumped = Math.abs(between - this.#between) > JUMP_MS;
    if (jumped) this.#samples = [];
    this.#between = between;
    return jumped;
  }
}
