// Stands in for the switch in the page's tests: serves the built page and speaks its API over a `World`. Only what the
// page uses is here, and faults on demand: sockets that are cut, or that fall silent without being closed.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join, normalize } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { wav, waveform } from "./sound";
import { RUN, type World } from "./world";

export const TOKEN = "0123456789abcdef".repeat(4);

/** How far back a stream may go on. */
const MAX_LOG = 10_000;
const RECORDING_S = 8;

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
};

/** As the switch sends it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Stream {
  readonly socket: WebSocket;
  readonly wire: Socket;
  seq: number | null;
  silent: boolean;
}

export class FixtureServer {
  readonly world: World;
  readonly #http: Server;
  readonly #streams = new Set<Stream>();
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "tandem.v1" });
  /** Orders that came in. */
  readonly orders: string[] = [];
  /** Streams opened: where each wished to go on, null for a snapshot. */
  readonly opened: Array<number | null> = [];
  /** While true, nobody gets in. */
  closed = false;
  /** This clock's lead over the real one. */
  leadMs = 0;

  constructor(world: World) {
    this.world = world;
    this.#http = createServer((request, response) => this.#answer(request, response));
    this.#http.on("upgrade", (request, wire, head) => this.#upgrade(request, wire as Socket, head));
  }

  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#http.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.cut();
    this.#http.closeAllConnections();
    await new Promise(resolve => this.#http.close(resolve));
  }

  /** Tears all streams off, without a goodbye. */
  cut(): void {
    for (const { wire } of this.#streams) wire.destroy();
    this.#streams.clear();
  }

  /** Lets all streams hang: open, but dead. */
  silence(): void {
    for (const stream of this.#streams) stream.silent = true;
  }

  /** Leaves out the next `count` updates of every stream. */
  skip(count: number): void {
    for (const stream of this.#streams) if (stream.seq !== null) stream.seq += count;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Sends everybody what is new. */
  tell(): void {
    for (const stream of this.#streams) {
      if (stream.silent) continue;
      const first = this.world.log[0]?.seq ?? 0;
      if (stream.seq === null || stream.seq > this.world.seq || stream.seq + 1 < first) {
        stream.socket.send(JSON.stringify(this.world.snapshot()));
      } else {
        for (const { seq, update } of this.world.log.slice(stream.seq + 1 - first)) {
          stream.socket.send(JSON.stringify({ type: "update", seq, update }));
        }
      }
      stream.seq = this.world.seq;
    }
  }

  #upgrade(request: IncomingMessage, wire: Socket, head: Buffer): void {
    const offered = request.headers["sec-websocket-protocol"] ?? "";
    if (this.closed || !offered.includes(`bearer.${TOKEN}`)) {
      wire.destroy();
      return;
    }
    const query = new URL(request.url ?? "", "http://localhost").searchParams;
    const since = query.get("run") === RUN && query.has("since") ? Number(query.get("since")) : null;
    this.opened.push(since);
    this.#sockets.handleUpgrade(request, wire, head, socket => {
      const log = Math.min(MAX_LOG, this.world.log.length);
      const known = since !== null && since <= this.world.seq && since >= this.world.seq - log;
      const stream: Stream = { socket, wire, seq: known ? since : null, silent: false };
      this.#streams.add(stream);
      socket.on("close", () => this.#streams.delete(stream));
      this.tell();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://localhost");
    if (this.closed) {
      request.socket.destroy();
    } else if (!url.pathname.startsWith("/v1/")) {
      this.#file(url.pathname, response);
    } else if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      problem(response, 401, "unauthorized", "the token is not the right one");
    } else {
      this.#api(request, url, response);
    }
  }

  #file(path: string, response: ServerResponse): void {
    const name = normalize(path === "/" ? "/index.html" : path);
    try {
      const bytes = readFileSync(join("dist", name));
      const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
      const cache = name === "/index.html" ? "no-cache" : "public, max-age=31536000, immutable";
      response.writeHead(200, {
        "Content-Type": type,
        "Content-Security-Policy": POLICY,
        "Cache-Control": cache,
      });
      response.end(bytes);
    } catch {
      problem(response, 404, "not_found", "there is nothing at this path");
    }
  }

  #api(request: IncomingMessage, url: URL, response: ServerResponse): void {
    const { world } = this;
    const { pathname, searchParams } = url;
    const number = (key: string) => Number(searchParams.get(key));
    if (pathname === "/v1/status") {
      json(response, this.#status());
      return;
    }
    if (pathname === "/v1/records") {
      json(response, this.#records(searchParams));
      return;
    }
    if (pathname === "/v1/figures") {
      const intervals = world.intervals(number("from_ms"), number("to_ms"), number("step_s") * 1000);
      json(response, { intervals });
      return;
    }
    if (pathname.startsWith("/v1/records/")) {
      const name = decodeURIComponent(pathname.slice("/v1/records/".length));
      const call = world.ended.find(call => call.call === name) ?? world.calls.get(name);
      if (call) json(response, call);
      else problem(response, 404, "not_found", "no such call");
      return;
    }
    if (pathname.startsWith("/v1/recordings/")) {
      if (pathname.endsWith("/waveform")) {
        json(response, waveform(RECORDING_S, number("points")));
        return;
      }
      response.writeHead(200, { "Content-Type": "audio/wav" });
      response.end(wav(RECORDING_S));
      return;
    }
    if (pathname.startsWith("/v1/agents/") && request.method === "POST") {
      this.#order(request, decodeURIComponent(pathname.slice("/v1/agents/".length)), response);
      return;
    }
    problem(response, 404, "not_found", "there is nothing at this path");
  }

  #status(): object {
    const { world } = this;
    return {
      version: "0.1.0",
      api: 1,
      link_protocol: 1,
      run: RUN,
      uptime_ms: 81_230,
      now_ms: Math.round(Date.now() + this.leadMs),
      seq: world.seq,
      attached: world.attached,
      calls: { live: world.calls.size, ended_total: world.endedTotal },
      spans: { up: 4, total: 5 },
      health: world.health,
    };
  }

  #records(query: URLSearchParams): object {
    const [queue, agent, number, outcome] = ["queue", "agent", "number", "outcome"].map(key =>
      query.get(key),
    );
    const fits = this.world.ended.filter(
      call =>
        (!queue || call.visits.some(visit => visit.queue === queue)) &&
        (!agent || call.visits.some(visit => visit.agent === agent)) &&
        (!number || call.calling.includes(number)) &&
        (!outcome || call.visits.some(visit => visit.outcome === outcome)),
    );
    const limit = Number(query.get("limit") ?? 100);
    const before = query.get("before");
    const from = before === null ? 0 : fits.findIndex(call => call.call === before) + 1;
    const records = fits.slice(from, from + limit);
    const next = from + limit < fits.length ? (records.at(-1)?.call ?? null) : null;
    return { records, total: fits.length, next };
  }

  #order(request: IncomingMessage, agent: string, response: ServerResponse): void {
    let body = "";
    request.on("data", chunk => {
      body += chunk;
    });
    request.on("end", () => {
      const { order, reason = null } = JSON.parse(body) as { order: string; reason?: string };
      this.orders.push(`${agent} ${order} ${reason ?? ""}`.trim());
      if (!this.world.order(agent, order, reason)) {
        problem(response, 409, "refused", `agent ${agent} is in a call`);
        return;
      }
      response.writeHead(202).end();
      this.tell();
    });
  }
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}

function problem(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ error: { code, message } }));
}
