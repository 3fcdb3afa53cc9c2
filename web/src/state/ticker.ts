// One timer for everything on the page that runs: it ticks at each full second of the switch's clock, and whenever more
// is known about that clock.
import type { ServerClock } from "./clock";

const SECOND_MS = 1_000;

export class Ticker {
  readonly #clock: ServerClock;
  readonly #listeners = new Set<() => void>();
  #now: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(clock: ServerClock) {
    this.#clock = clock;
    this.#now = clock.now();
    clock.onSample(() => this.#tick());
    this.#wait();
  }

  /** The switch's time at the last tick. */
  readonly now = (): number => this.#now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #wait(): void {
    const rest = SECOND_MS - (this.#clock.now() % SECOND_MS);
    // A little after the second, so that a timer that fires early does not tick twice.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tick(), rest + 5);
  }

  #tick(): void {
    this.#now = this.#clock.now();
    for (const listener of this.#listeners) listener();
    this.#wait();
  }
}
