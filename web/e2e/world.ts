// A small call centre for the page's tests: four spans and eight telephones, three queues, agents, callers. It only has
// to look alive and to keep its figures right; seeded, so that a test can be run again.
import type {
  AgentState,
  AgentView,
  CallView,
  Health,
  Interval,
  Outcome,
  QueueView,
  Snapshot,
  SpanView,
  Update,
} from "../src/api/schema";

export const RUN = "673f2a10";

const WRAP_UP_MS = 8_000;

export interface Logged {
  readonly seq: number;
  readonly update: Update;
}

interface Plan {
  /** When the menu is left for the queue. */
  queueAt: number;
  /** When the caller gives up. */
  giveUpAt: number;
  ringUntil: number;
  talkUntil: number;
}

export class World {
  seq = 0;
  attached = true;
  endedTotal = 0;
  readonly log: Logged[] = [];
  readonly spans = new Map<number, SpanView>();
  readonly calls = new Map<string, CallView>();
  readonly ended: CallView[] = [];
  readonly queues = new Map<string, QueueView>();
  readonly agents = new Map<string, AgentView>();
  health: Health = {
    realtime: true,
    locked: true,
    periods: 81_200,
    late_periods: 0,
    lost_samples: 0,
    tap_overruns: 0,
    feed_underruns: 0,
    lost_events: 0,
    lost_frames: 0,
    longest_period_us: 310,
    failed_recordings: 0,
    refused_calls: 0,
  };
  now: number;
  readonly #plans = new Map<string, Plan>();
  #waits = new Map<string, number[]>();
  #random: number;
  #named = 0;

  constructor(now: number, seed = 7) {
    this.now = now;
    this.#random = seed;
    for (let span = 1; span <= 4; span += 1) this.#addSpan(span, "E1");
    this.#addSpan(5, "FXS");
    this.#addQueue("service", "客户服务 Customer service", 20_000);
    this.#addQueue("sales", "销售 Sales", 30_000);
    this.#addQueue("night", "Out of hours · 非工作时间值班与紧急维修热线", 60_000);
    const names = ["张伟", "王芳", "李娜", "刘洋", "陈静", "杨磊", "赵敏", "黄勇", "周杰", "吴秀英"];
    for (let n = 0; n < 30; n += 1) {
      this.#addAgent(`a${n + 1}`, `${names[n % names.length]}${n < 10 ? "" : n}`, String(201 + n), [
        n % 3 === 0 ? "sales" : "service",
        ...(n % 5 === 0 ? ["night"] : []),
      ]);
    }
  }

  chance(): number {
    // A linear congruential generator: good enough for looks.
    this.#random = (this.#random * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return this.#random / 4_294_967_296;
  }

  publish(update: Update): void {
    this.seq += 1;
    this.log.push({ seq: this.seq, update });
    if (this.log.length > 10_000) this.log.shift();
  }

  setAttached(attached: boolean): void {
    this.attached = attached;
    this.publish({ kind: "line", attached });
  }

  setSpan(span: SpanView): void {
    this.spans.set(span.span, span);
    this.publish({ kind: "span", span });
  }

  snapshot(): Snapshot & { type: "snapshot" } {
    return {
      type: "snapshot",
      run: RUN,
      seq: this.seq,
      attached: this.attached,
      spans: [...this.spans.values()],
      calls: [...this.calls.values()],
      ended: this.ended.slice(0, 100),
      ended_total: this.endedTotal,
      queues: [...this.queues.values()],
      agents: [...this.agents.values()],
      busy_reasons: ["break", "lunch", "training", "back_office"],
      health: this.health,
    };
  }

  /** Lets `ms` go by in steps of `step`. */
  run(ms: number, step = 250): void {
    for (let gone = 0; gone < ms; gone += step) this.step(step);
  }

  step(ms: number): void {
    this.now += ms;
    if (this.calls.size < 70 && this.chance() < ms / 2_300) this.#arrive();
    for (const call of [...this.calls.values()]) this.#move(call);
    for (const agent of this.agents.values()) {
      if (agent.until_ms !== null && agent.until_ms <= this.now) this.#agent(agent.agent, "idle");
      if (agent.state === "offline" && this.chance() < ms / 60_000) this.#agent(agent.agent, "idle");
    }
  }

  /** An order of the API; false if it is refused. */
  order(name: string, order: string, reason: string | null): boolean {
    const agent = this.agents.get(name);
    if (!agent || agent.state === "talking") return false;
    const states: Record<string, AgentState> = {
      log_in: "busy",
      log_out: "offline",
      ready: "idle",
      busy: "busy",
      wrap_up_end: "idle",
    };
    const state = states[order];
    if (state === undefined) return false;
    this.#agent(name, state, null, order === "log_in" ? "logged_in" : reason);
    return true;
  }

  intervals(fromMs: number, toMs: number, stepMs: number): Interval[] {
    const rows = new Map<string, Interval>();
    for (const call of this.ended) {
      for (const visit of call.visits) {
        if (visit.entered_ms < fromMs || visit.entered_ms >= toMs) continue;
        const from_ms = fromMs + Math.floor((visit.entered_ms - fromMs) / stepMs) * stepMs;
        const key = `${visit.queue} ${from_ms}`;
        const row: Interval = rows.get(key) ?? {
          queue: visit.queue,
          from_ms,
          offered: 0,
          answered: 0,
          answered_in_goal: 0,
          abandoned: 0,
          flowed_out: 0,
          refused: 0,
          answered_wait_ms: 0,
          abandoned_wait_ms: 0,
        };
        rows.set(key, row);
        const wait = (visit.left_ms ?? visit.entered_ms) - visit.entered_ms;
        row.offered += 1;
        if (visit.outcome === "answered") {
          row.answered += 1;
          row.answered_wait_ms += wait;
          if (wait <= (this.queues.get(visit.queue)?.service_goal_ms ?? 0)) row.answered_in_goal += 1;
        } else if (visit.outcome !== null) {
          row[visit.outcome] += 1;
        }
      }
    }
    return [...rows.values()];
  }

  #addSpan(span: number, kind: string): void {
    const e1 = kind === "E1";
    this.setSpan({
      span,
      kind,
      use: e1 ? "pri_user" : "telephones",
      alarms: span === 4 ? ["red"] : [],
      dchannel: e1 ? span !== 4 : null,
      channels: e1 ? 30 : 8,
      d_timeslot: e1 ? 16 : null,
      blocked: span === 3 ? [3, 4, 5, 30] : [],
      slips: span === 2 ? 12 : 0,
      bad_frames: 0,
    });
  }

  #addQueue(queue: string, title: string, service_goal_ms: number): void {
    this.#waits.set(queue, []);
    const view: QueueView = {
      queue,
      title,
      waiting: 0,
      oldest_ms: null,
      agents: { idle: 0, ringing: 0, talking: 0, wrap_up: 0, busy: 0 },
      service_goal_ms,
      figures: {
        offered: 0,
        answered: 0,
        answered_in_goal: 0,
        abandoned: 0,
        abandoned_in_goal: 0,
        abandoned_short: 0,
        flowed_out: 0,
        refused: 0,
        sl1: null,
        sl2: null,
        sl3: null,
        sl4: null,
        wait_mean_ms: null,
        wait_p50_ms: null,
        wait_p90_ms: null,
        wait_p99_ms: null,
      },
    };
    this.queues.set(queue, view);
    this.publish({ kind: "queue", queue: view });
  }

  #addAgent(agent: string, name: string, seat: string, queues: string[]): void {
    this.agents.set(agent, {
      agent,
      name,
      seat,
      queues,
      state: "offline",
      reason: null,
      since_ms: this.now,
      until_ms: null,
      call: null,
      totals: {
        idle_ms: 0,
        ringing_ms: 0,
        talking_ms: 0,
        wrap_up_ms: 0,
        busy_ms: 0,
        logins: 0,
        offers: 0,
        answered: 0,
        missed: 0,
      },
    });
    const number = Number(seat);
    const state = number % 11 === 0 ? "offline" : number % 9 === 0 ? "busy" : "idle";
    this.#agent(agent, state, null, state === "busy" ? "lunch" : null);
  }

  #agent(name: string, state: AgentState, call: string | null = null, reason: string | null = null): void {
    const before = this.agents.get(name);
    if (!before) return;
    const totals = { ...before.totals };
    if (before.state !== "offline") totals[`${before.state}_ms`] += this.now - before.since_ms;
    if (state === "ringing") totals.offers += 1;
    if (state === "talking") totals.answered += 1;
    if (before.state === "offline" && state !== "offline") totals.logins += 1;
    const until_ms = state === "wrap_up" ? this.now + WRAP_UP_MS : null;
    const agent = { ...before, state, call, reason, totals, since_ms: this.now, until_ms };
    this.agents.set(name, agent);
    this.publish({ kind: "agent", agent });
    for (const queue of agent.queues) this.#tellQueue(queue);
  }

  #arrive(): void {
    const free = this.#freeChannel();
    if (free === null) return;
    this.#named += 1;
    const call = `${RUN}-0-${this.#named}`;
    const queueAt = this.now + 2_000 + this.chance() * 6_000;
    this.#plans.set(call, {
      queueAt,
      giveUpAt: queueAt + 3_000 + this.chance() * 90_000,
      ringUntil: 0,
      talkUntil: 0,
    });
    this.#call({
      call,
      called: "8000",
      calling: this.chance() < 0.05 ? "" : `139${String(Math.floor(this.chance() * 1e8)).padStart(8, "0")}`,
      restricted: this.#named % 17 === 0,
      from: "trunk",
      flow: "front",
      reached: null,
      agent: null,
      visits: [],
      progress: "prompt",
      legs: [{ leg: call, channel: free, incoming: true, state: "answered" }],
      since_ms: this.now,
      answered_ms: this.now,
      talking_ms: null,
      ended_ms: null,
      cause: null,
      recordings: [],
    });
  }

  #freeChannel(): string | null {
    const used = new Set([...this.calls.values()].flatMap(call => call.legs.map(leg => leg.channel)));
    for (let tries = 0; tries < 200; tries += 1) {
      const channel = `${1 + Math.floor(this.chance() * 3)}/${1 + Math.floor(this.chance() * 31)}`;
      if (!channel.endsWith("/16") && !used.has(channel)) return channel;
    }
    return null;
  }

  #move(call: CallView): void {
    const plan = this.#plans.get(call.call);
    if (!plan) return;
    const visit = call.visits.at(-1);
    if (!visit && this.now >= plan.queueAt) {
      const pick = this.chance();
      const queue = pick < 0.65 ? "service" : pick < 0.95 ? "sales" : "night";
      const entered = { queue, entered_ms: this.now, left_ms: null, outcome: null, agent: null };
      this.#call({ ...call, progress: "waiting", visits: [entered] });
      this.#count(queue, "offered", 0);
    } else if (visit?.left_ms === null && call.progress === "waiting") {
      const idle = [...this.agents.values()]
        .filter(agent => agent.state === "idle" && agent.queues.includes(visit.queue))
        .sort((a, b) => a.since_ms - b.since_ms)[0];
      if (idle && this.now > visit.entered_ms + 800) {
        plan.ringUntil = this.now + 1_000 + this.chance() * 5_000;
        const leg = { leg: `${call.call}-s`, channel: `5/${1 + (Number(idle.seat) % 8)}`, incoming: false };
        this.#agent(idle.agent, "ringing", call.call);
        this.#call({
          ...call,
          agent: idle.agent,
          reached: idle.seat,
          progress: "ringing",
          legs: [...call.legs, { ...leg, state: "alerting" }],
        });
      } else if (this.now >= plan.giveUpAt) {
        const out = this.now - visit.entered_ms > 80_000;
        this.#leave(call, out ? "flowed_out" : "abandoned", null);
        this.#end({ ...this.#fresh(call), recordings: [] }, 16);
      }
    } else if (call.progress === "ringing" && this.now >= plan.ringUntil && call.agent !== null) {
      plan.talkUntil = this.now + 15_000 + this.chance() * 60_000;
      this.#agent(call.agent, "talking", call.call);
      this.#leave(call, "answered", call.agent);
      const name = `${call.call}-r1`;
      this.#call({
        ...this.#fresh(call),
        progress: "talking",
        talking_ms: this.now,
        legs: call.legs.map(leg => ({ ...leg, state: "answered" })),
        recordings: [{ recording: name, file: null, length_ms: null, failed: null }],
      });
    } else if (call.progress === "talking" && this.now >= plan.talkUntil && call.agent !== null) {
      this.#agent(call.agent, "wrap_up");
      const length_ms = this.now - (call.talking_ms ?? this.now);
      const file = `2026/11/22/${call.call}-r1.wav`;
      this.#end(
        { ...call, recordings: [{ recording: `${call.call}-r1`, file, length_ms, failed: null }] },
        this.chance() < 0.1 ? 31 : 16,
      );
    }
  }

  #fresh(call: CallView): CallView {
    return this.calls.get(call.call) ?? call;
  }

  #leave(call: CallView, outcome: Outcome, agent: string | null): void {
    const visit = call.visits.at(-1);
    if (!visit) return;
    const left = { ...visit, left_ms: this.now, outcome, agent };
    this.#call({ ...call, visits: [...call.visits.slice(0, -1), left] });
    this.#count(visit.queue, outcome, this.now - visit.entered_ms);
  }

  #call(call: CallView): void {
    this.calls.set(call.call, call);
    this.publish({ kind: "call", call });
  }

  #end(call: CallView, cause: number): void {
    const legs = call.legs.map(leg => ({ ...leg, state: "ended" as const }));
    const ended: CallView = { ...call, legs, cause, ended_ms: this.now, progress: "ending" };
    this.calls.delete(call.call);
    this.#plans.delete(call.call);
    this.ended.unshift(ended);
    this.endedTotal += 1;
    this.publish({ kind: "call", call: ended });
  }

  #count(name: string, what: "offered" | Outcome, waitMs: number): void {
    const queue = this.queues.get(name);
    if (!queue) return;
    const f = { ...queue.figures };
    f[what] += 1;
    if (what === "answered") {
      this.#waits.get(name)?.push(waitMs);
      if (waitMs <= queue.service_goal_ms) f.answered_in_goal += 1;
    }
    if (what === "abandoned") {
      if (waitMs <= queue.service_goal_ms) f.abandoned_in_goal += 1;
      if (waitMs < 5_000) f.abandoned_short += 1;
    }
    const ratio = (part: number, whole: number) => (whole > 0 ? part / whole : null);
    f.sl1 = ratio(f.answered_in_goal, f.offered);
    f.sl2 = ratio(f.answered_in_goal, f.offered - f.abandoned_short);
    f.sl3 = ratio(f.answered_in_goal + f.abandoned_in_goal, f.offered);
    f.sl4 = ratio(f.answered_in_goal, f.answered);
    const waits = [...(this.#waits.get(name) ?? [])].sort((a, b) => a - b);
    const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? null;
    f.wait_mean_ms = waits.length ? Math.round(waits.reduce((a, b) => a + b, 0) / waits.length) : null;
    f.wait_p50_ms = at(0.5);
    f.wait_p90_ms = at(0.9);
    f.wait_p99_ms = at(0.99);
    this.queues.set(name, { ...queue, figures: f });
    this.#tellQueue(name);
  }

  #tellQueue(name: string): void {
    const queue = this.queues.get(name);
    if (!queue) return;
    const waiting = [...this.calls.values()].flatMap(call =>
      call.visits.filter(visit => visit.queue === name && visit.left_ms === null),
    );
    const agents = { idle: 0, ringing: 0, talking: 0, wrap_up: 0, busy: 0 };
    for (const agent of this.agents.values()) {
      if (agent.queues.includes(name) && agent.state !== "offline") agents[agent.state] += 1;
    }
    const oldest_ms = waiting.length ? Math.min(...waiting.map(visit => visit.entered_ms)) : null;
    const next = { ...queue, waiting: waiting.length, oldest_ms, agents };
    this.queues.set(name, next);
    this.publish({ kind: "queue", queue: next });
  }
}
