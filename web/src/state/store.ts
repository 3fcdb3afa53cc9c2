// Holds the state and tells listeners of changes, at most ten times a second however many updates come: messages are
// gathered and reduced together when the browser is about to draw. A page that is not drawn (in the background)
// reduces as well, in large steps, so that nothing piles up.
import type { Message } from "../api/schema";
import { EMPTY, reduce, type State } from "./state";

/** The shortest time between two tellings. */
export const FLUSH_MS = 100;
/** Messages that wait at most. */
const MAX_WAITING = 256;

export interface Drawing {
  now(): number;
  /** Calls back after `delayMs`, when the browser is about to draw. */
  later(delayMs: number, then: () => void): void;
}

const BROWSER: Drawing = {
  now: () => performance.now(),
  later: (delayMs, then) => void setTimeout(() => requestAnimationFrame(then), delayMs),
};

export class Store {
  #state: State = EMPTY;
  #waiting: Message[] = [];
  #scheduled = false;
  #flushed = Number.NEGATIVE_INFINITY;
  #changed = false;
  readonly #drawing: Drawing;
  readonly #listeners = new Set<() => void>();
  readonly #gapped: Array<() => void> = [];
  #shown: State = EMPTY;

  constructor(drawing: Drawing = BROWSER) {
    this.#drawing = drawing;
  }

  /** What is shown: it changes only when listeners are told. */
  readonly shown = (): State => this.#shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** `then` is called when a number was missing. */
  onGap(then: () => void): void {
    this.#gapped.push(then);
  }

  push(message: Message): void {
    this.#waiting.push(message);
    if (this.#waiting.length >= MAX_WAITING) this.#reduce();
    this.#schedule();
  }

  /** Everything that has come, shown or not. */
  current(): State {
    this.#reduce();
    return this.#state;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const delay = Math.max(0, this.#flushed + FLUSH_MS - this.#drawing.now());
    this.#drawing.later(delay, () => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    this.#flushed = this.#drawing.now();
    this.#reduce();
    if (!this.#changed) return;
    this.#changed = false;
    this.#shown = this.#state;
    for (const listener of this.#listeners) listener();
  }

  #reduce(): void {
    if (this.#waiting.length === 0) return;
    const messages = this.#waiting;
    this.#waiting = [];
    const { state, gap } = reduce(this.#state, messages);
    this.#state = state;
    this.#changed = true;
    if (gap) for (const then of this.#gapped) then();
  }
}
