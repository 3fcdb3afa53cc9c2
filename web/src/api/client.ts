// Requests to the API with the token. An answer that is not a success becomes an `ApiProblem` with the API's own code.
import { CallView, Figures, type Order, Problem, Records, Status, Waveform } from "./schema";
import type { Shape } from "./shape";

export class ApiProblem extends Error {
  /** The HTTP status; 0 if there was no answer at all. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface RecordsQuery {
  from_ms?: number | undefined;
  to_ms?: number | undefined;
  queue?: string | undefined;
  agent?: string | undefined;
  number?: string | undefined;
  outcome?: string | undefined;
  limit?: number | undefined;
  before?: string | undefined;
}

export class Client {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  status(signal?: AbortSignal): Promise<Status> {
    return this.#json("/v1/status", Status, signal);
  }

  records(query: RecordsQuery, signal?: AbortSignal): Promise<Records> {
    return this.#json(`/v1/records${search({ ...query })}`, Records, signal);
  }

  record(call: string, signal?: AbortSignal): Promise<CallView> {
    return this.#json(`/v1/records/${encodeURIComponent(call)}`, CallView, signal);
  }

  figures(fromMs: number, toMs: number, stepS: number, signal?: AbortSignal): Promise<Figures> {
    const query = search({ from_ms: fromMs, to_ms: toMs, step_s: stepS });
    return this.#json(`/v1/figures${query}`, Figures, signal);
  }

  waveform(file: string, points: number, signal?: AbortSignal): Promise<Waveform> {
    return this.#json(`${recordingPath(file)}/waveform?points=${points}`, Waveform, signal);
  }

  async recording(file: string, signal?: AbortSignal): Promise<Blob> {
    return (await this.#fetch(recordingPath(file), { signal: signal ?? null })).blob();
  }

  async order(agent: string, order: Order, reason?: string): Promise<void> {
    const body = JSON.stringify(reason === undefined ? { order } : { order, reason });
    const headers = { "Content-Type": "application/json" };
    await this.#fetch(`/v1/agents/${encodeURIComponent(agent)}`, { method: "POST", body, headers });
  }

  /** Opens the event stream, after `since` of `run` if they are given. */
  events(position?: { since: number; run: string }): WebSocket {
    const url = new URL("/v1/events", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    if (position) {
      url.searchParams.set("since", String(position.since));
      url.searchParams.set("run", position.run);
    }
    return new WebSocket(url, ["tandem.v1", `bearer.${this.#token}`]);
  }

  async #json<T>(path: string, shape: Shape<T>, signal?: AbortSignal): Promise<T> {
    const answer = await this.#fetch(path, { signal: signal ?? null });
    return shape.check(await answer.json(), path, false);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...init.headers, Authorization: `Bearer ${this.#token}` };
    let answer: Response;
    try {
      answer = await fetch(path, { ...init, headers, cache: "no-store" });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiProblem(0, "unreachable", String(error));
    }
    if (answer.ok) return answer;
    throw await problem(answer);
  }
}

async function problem(answer: Response): Promise<ApiProblem> {
  try {
    const { error } = Problem.check(await answer.json(), "error", false);
    return new ApiProblem(answer.status, error.code, error.message);
  } catch {
    return new ApiProblem(answer.status, "unknown", `${answer.status} ${answer.statusText}`);
  }
}

function recordingPath(file: string): string {
  return `/v1/recordings/${file.split("/").map(encodeURIComponent).join("/")}`;
}

function search(query: Record<string, string | number | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}`;
}
