// The event stream's life: connect, resume by number, notice silence and sleep, connect again.
//
//   asking ──status──> opening ──open──> live ──close, gap, stale──> waiting ──backoff──> asking
//     └── 401: denied, until another token is given
//
// Before each connection one GET /v1/status tells whether the token is right (a WebSocket would not say why it is
// refused) and what time it is there. The browser hides the server's pings from us, so a connection that has died
// silently is found otherwise: a timer that comes much too late means that the computer slept, and then the socket is
// given up at once; half a minute without a message, a page that comes to the front or a network that comes back only
// raise the question, and /v1/status answers it: if it counts further than we do, the socket is dead.
import { ApiProblem, type Client } from "../api/client";
import type { Message, Status } from "../api/schema";
import type { ServerClock } from "./clock";
import type { Store } from "./store";

export type Phase = "connecting" | "live" | "reconnecting" | "denied";

export interface Link {
  readonly phase: Phase;
  readonly version: string | null;
  /** Connections that went on where the one before had ended. */
  readonly resumed: number;
  /** When the next attempt is made, on this computer's clock; null if none is waited for. */
  readonly retryMs: number | null;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const TIMEOUT_MS = 5_000;
const BEAT_MS = 1_000;
/** A beat that comes so late means sleep. Browsers slow the timers of hidden pages down to one a minute. */
const ASLEEP_MS = 10_000;
const ASLEEP_HIDDEN_MS = 90_000;
/** Without any message for so long the connection is checked. */
const QUIET_MS = 30_000;
/** How long the stream may lag behind the status before it counts as dead. */
const LAG_MS = 3_000;

/** How long to wait before attempt number `attempt` (from 0); `chance` is between 0 and 1. */
export function retryDelay(attempt: number, chance: number): number {
  const whole = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 10));
  return whole * (0.5 + chance / 2);
}

export class Connection {
  #link: Link = { phase: "connecting", version: null, resumed: 0, retryMs: null };
  #socket: WebSocket | null = null;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #beatAt = 0;
  #heardAt = 0;
  #checking = false;
  /** Numbers the attempts, so that what an abandoned one still says is not heard. */
  #generation = 0;
  readonly #listeners = new Set<() => void>();
  readonly #client: Client;
  readonly #store: Store;
  readonly #clock: ServerClock;

  constructor(client: Client, store: Store, clock: ServerClock) {
    this.#client = client;
    this.#store = store;
    this.#clock = clock;
    store.onGap(() => this.#renew());
  }

  readonly link = (): Link => this.#link;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  start(): void {
    this.#beatAt = Date.now();
    this.#beat = setInterval(() => this.#onBeat(), BEAT_MS);
    document.addEventListener("visibilitychange", this.#suspect);
    window.addEventListener("online", this.#suspect);
    window.addEventListener("pageshow", this.#suspect);
    void this.#connect();
  }

  stop(): void {
    clearInterval(this.#beat);
    document.removeEventListener("visibilitychange", this.#suspect);
    window.removeEventListener("online", this.#suspect);
    window.removeEventListener("pageshow", this.#suspect);
    this.#drop();
  }

  /** Connects now instead of later. */
  readonly hurry = (): void => {
    if (this.#link.retryMs !== null) this.#renew();
  };

  async #connect(): Promise<void> {
    this.#drop();
    const generation = this.#generation;
    const mine = () => generation === this.#generation;
    let status: Status;
    try {
      status = await this.#status();
    } catch (error) {
      if (!mine()) return;
      if (error instanceof ApiProblem && error.status === 401) this.#change({ phase: "denied" });
      else this.#again();
      return;
    }
    if (!mine()) return;
    const { run, seq } = this.#store.current();
    this.#change({ version: status.version });
    const socket = this.#client.events(run === "" ? undefined : { since: seq, run });
    this.#socket = socket;
    this.#heardAt = Date.now();
    let first = true;
    socket.onmessage = event => {
      if (!mine()) return;
      this.#heardAt = Date.now();
      const message = JSON.parse(event.data as string) as Message;
      if (first) this.#change({ resumed: this.#link.resumed + (message.type === "update" ? 1 : 0) });
      first = false;
      this.#store.push(message);
    };
    socket.onopen = () => {
      if (!mine()) return;
      this.#attempt = 0;
      this.#change({ phase: "live", retryMs: null });
    };
    socket.onclose = () => {
      if (mine()) this.#again();
    };
  }

  async #status(): Promise<Status> {
    const sent = Date.now();
    const status = await this.#client.status(AbortSignal.timeout(TIMEOUT_MS));
    this.#clock.sample(sent, Date.now(), status.now_ms);
    return status;
  }

  /** Waits and tries again. */
  #again(): void {
    this.#drop();
    const delay = retryDelay(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#change({ phase: this.#lost(), retryMs: Date.now() + delay });
    this.#retry = setTimeout(() => void this.#connect(), delay);
  }

  /** Gives up the connection, if there is one, and begins again at once. */
  #renew(): void {
    if (this.#link.phase === "denied") return;
    this.#change({ phase: this.#lost(), retryMs: null });
    void this.#connect();
  }

  #lost(): Phase {
    return this.#store.current().run === "" ? "connecting" : "reconnecting";
  }

  #drop(): void {
    this.#generation += 1;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onopen = null;
    socket.onclose = null;
    socket.close();
  }

  #onBeat(): void {
    const now = Date.now();
    const late = now - this.#beatAt - BEAT_MS;
    this.#beatAt = now;
    const jumped = this.#clock.jumped();
    const asleep = late > (document.visibilityState === "hidden" ? ASLEEP_HIDDEN_MS : ASLEEP_MS);
    if (asleep) this.#renew();
    else if (jumped || now - this.#heardAt > QUIET_MS) void this.#check();
  }

  readonly #suspect = (): void => {
    if (document.visibilityState !== "visible") return;
    if (this.#link.phase === "live") void this.#check();
    else this.hurry();
  };

  /** Asks whether the stream still keeps up. */
  async #check(): Promise<void> {
    if (this.#checking || this.#link.phase !== "live") return;
    this.#checking = true;
    const generation = this.#generation;
    try {
      const status = await this.#status();
      this.#heardAt = Date.now();
      if (await this.#behind(status)) {
        if (generation === this.#generation) this.#renew();
      }
    } catch {
      if (generation === this.#generation) this.#renew();
    } finally {
      this.#checking = false;
    }
  }

  async #behind(status: Status): Promise<boolean> {
    const behind = () => {
      const { run, seq } = this.#store.current();
      return run !== status.run || seq < status.seq;
    };
    if (!behind()) return false;
    await new Promise(resolve => setTimeout(resolve, LAG_MS));
    return behind();
  }

  #change(change: Partial<Link>): void {
    this.#link = { ...this.#link, ...change };
    for (const listener of this.#listeners) listener();
  }
}
