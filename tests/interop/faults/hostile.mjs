/**
 * A server that does to clients what no server should, with the means of HTTP, WebSocket, Engine.IO and Socket.IO; on
 * the same port the official server takes over when it is `good`.
 *
 * With SIO_OUTCOMES=FILE in the environment outcomes are written there, and not checked: [file, test, outcome].
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { basename } from "node:path";
import { it } from "node:test";
import { Server } from "socket.io";
import { eventually, frame, ms, opcode } from "../support.mjs";
import { outcomes } from "./outcomes.mjs";
import { assertQuiet, clientFor } from "./support.mjs";

/** Members of the open packet, unless a test has others. */
export const handshake = { sid: "hostile", upgrades: [], pingInterval: 25000, pingTimeout: 20000, maxPayload: 1e6 };

export const openPacket = (more) => `0${JSON.stringify({ ...handshake, ...more })}`;

/** The answer to a WebSocket handshake, with other fields or without (undefined). */
export function switching(request, more = {}, line = "HTTP/1.1 101 Switching Protocols") {
  const accept = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  const fields = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": accept, ...more };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}\r\n`)
  );
  return `${line}\r\n${lines.join("")}\r\n`;
}

/** An answer to a request, byte by byte as told. */
export const answer = (body, fields = `Content-Length: ${Buffer.byteLength(body)}`, line = "HTTP/1.1 200 OK") =>
  `${line}\r\n${fields}${fields && "\r\n"}\r\n${body}`;

/** Repeats `bytes` until the peer hangs up or `limit` bytes are sent; resolves with how many that were. */
export async function flood(socket, bytes, limit = Infinity) {
  const piece = Buffer.from(bytes);
  const batch = Buffer.concat(Array(Math.max(1, Math.floor(65536 / piece.length))).fill(piece));
  let sent = 0;
  while (sent < limit && socket.writable) {
    sent += batch.length;
    if (!socket.write(batch)) {
      await Promise.race([once(socket, "drain"), once(socket, "close"), once(socket, "error")]).catch(() => {});
    }
    await new Promise(setImmediate);
  }
  return sent;
}

/** Sends `bytes` one by one, slowly. */
export function drip(socket, bytes, every = 100) {
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length && socket.writable) {
      socket.write(bytes.slice(at, ++at));
    } else {
      clearInterval(timer);
    }
  }, every);
}

/** A session over WebSocket: `received` are the text messages of the client, `frames` all frames. */
class WebSocketSession {
  frames = [];
  received = [];
  #rest = Buffer.alloc(0);

  constructor(socket, onMessage) {
    this.socket = socket;
    this.onMessage = onMessage;
    socket.on("error", () => {}).on("data", (data) => this.#read(data));
  }

  #read(data) {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const rest = this.#rest;
      const short = rest[1] & 127;
      const head = short < 126 ? 6 : short === 126 ? 8 : 14;
      if (rest.length < head) {
        return;
      }
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
      if (rest.length < head + length) {
        return;
      }
      assert.ok(rest[1] & 128, "a client masks its frames");
      const mask = rest.subarray(head - 4, head);
      const payload = Buffer.from(rest.subarray(head, head + length).map((byte, i) => byte ^ mask[i & 3]));
      this.#rest = rest.subarray(head + length);
      this.frames.push({ code: rest[0] & 15, payload, mask: Buffer.from(mask) });
      if ((rest[0] & 15) === opcode.text) {
        this.received.push(payload.toString());
        this.onMessage(this, payload.toString());
      }
    }
  }

  raw(bytes) {
    this.socket.write(bytes);
    return this;
  }

  frame(code, payload, options) {
    return this.raw(frame(code, payload, { mask: false, ...options }));
  }

  /** Packets of Engine.IO: texts, or binary messages; lists of these, too. */
  send(...lists) {
    const packets = lists.flat(Infinity);
    return this.raw(
      Buffer.concat(
        packets.map((packet) =>
          frame(typeof packet === "string" ? opcode.text : opcode.binary, packet, { mask: false })
        )
      )
    );
  }
}

/** The same over polling. */
class PollingSession {
  received = [];
  #waiting = [];
  #response;

  send(...lists) {
    const texts = lists
      .flat(Infinity)
      .map((packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`));
    for (const text of texts) {
      this.#waiting.push(text); /* there may be a million of them */
    }
    this.#flush();
    return this;
  }

  poll(response) {
    this.#response = response;
    this.#flush();
  }

  #flush() {
    if (this.#response && this.#waiting.length > 0) {
      this.#response.end(this.#waiting.join("\x1e"));
      this.#response = undefined;
      this.#waiting = [];
    }
  }
}

/**
 * The server. What it does is in `hooks`, all optional:
 *
 *     connection(socket)           takes a new connection, before anything is read of it
 *     handshake(socket, request)   answers the first GET of polling by bytes of its own
 *     poll(socket, request, n)     answers the n-th GET of a session by bytes of its own, if it returns true
 *     post(socket, request, body)  answers a POST, likewise
 *     upgrade(socket, request)     answers the handshake of WebSocket by bytes of its own
 *     probe(session, message)      is told of messages on a WebSocket that is to take a session over
 *     open                         the open packet
 *     opened(session)              after the open packet
 *     connected(session)           answers CONNECT
 */
export class HostileServer {
  good = false;
  accepted = 0;
  sessions = [];
  requests = [];
  #sockets = new Set();
  #polls = 0;

  static async start(t, hooks) {
    const server = new HostileServer();
    server.hooks = hooks;
    server.#makeGood();
    server.http = http.createServer((request, response) => server.#answer(request, response));
    server.http.on("upgrade", (request, socket) => server.#upgrade(request, socket));
    server.http.on("clientError", () => {});
    server.front = net.createServer((socket) => server.#accept(socket));
    server.front.listen(0, "127.0.0.1");
    await once(server.front, "listening");
    server.port = server.front.address().port;
    server.origin = `http://127.0.0.1:${server.port}`;
    t.after(() => server.#stop());
    return server;
  }

  #makeGood() {
    this.goodHttp = http.createServer();
    this.io = new Server(this.goodHttp);
    this.io.on("connection", (socket) => socket.on("seq", (n, acknowledge) => acknowledge(n)));
  }

  #accept(socket) {
    this.accepted++;
    this.#sockets.add(socket.setNoDelay(true).on("error", () => {}));
    socket.on("close", () => this.#sockets.delete(socket));
    if (this.good) {
      this.goodHttp.emit("connection", socket);
    } else if (this.hooks.connection) {
      this.hooks.connection(socket);
    } else {
      this.http.emit("connection", socket);
    }
  }

  async #answer(request, response) {
    const { hooks } = this;
    const { socket } = request;
    const hasSession = /[?&]sid=/.test(request.url);
    this.requests.push({ method: request.method, url: request.url, headers: request.headers });
    response.setHeader("Content-Type", "text/plain; charset=UTF-8");
    if (request.method === "POST") {
      const body = Buffer.concat(await request.toArray().catch(() => [])).toString();
      if (!hooks.post?.(socket, request, body)) {
        response.end("ok");
      }
      for (const packet of body.split("\x1e")) {
        this.#take(this.polling, packet);
      }
    } else if (!hasSession) {
      this.polling = new PollingSession();
      this.sessions.push(this.polling);
      if (hooks.handshake) {
        hooks.handshake(socket, request);
      } else {
        response.end(hooks.open ?? openPacket());
        this.hooks.opened?.(this.polling);
      }
    } else if (!hooks.poll?.(socket, request, this.#polls++)) {
      this.polling.poll(response);
    }
  }

  #upgrade(request, socket) {
    this.requests.push({ method: request.method, url: request.url, headers: request.headers });
    if (this.hooks.upgrade) {
      this.hooks.upgrade(socket, request);
      return;
    }
    socket.write(switching(request));
    if (/[?&]sid=/.test(request.url)) {
      this.probe = new WebSocketSession(socket, (session, message) => this.hooks.probe?.(session, message));
      return;
    }
    const session = new WebSocketSession(socket, (...args) => this.#take(...args));
    this.sessions.push(session);
    session.send(this.hooks.open ?? openPacket());
    this.hooks.opened?.(session);
  }

  #take(session, packet) {
    if (session instanceof PollingSession) {
      session.received.push(packet);
    }
    if (!packet.startsWith("40")) {
      this.hooks.packet?.(session, packet);
    } else if (this.hooks.connected) {
      this.hooks.connected(session);
    } else {
      session.send('40{"sid":"s"}');
    }
  }

  /** The official server has the port from now on. */
  turnGood() {
    this.good = true;
    this.#sockets.forEach((socket) => socket.destroy());
  }

  #stop() {
    this.front.close();
    this.io.close();
    this.#sockets.forEach((socket) => socket.destroy());
  }
}

function mostResident(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)[1]) * 1024;
  return bytes("VmSize") > 2 ** 40 ? 0 : bytes("VmHWM"); /* sanitizers keep what was freed */
}

/** The file of tests that runs: names its part of the table. */
const file = basename(process.argv[1], ".test.mjs");

/** Short ones, but longer than it takes to see that the client is idle. */
const timeouts = (quiet) => {
  const duration = quiet ? 3000 : 1500;
  return { "open-timeout": duration, "connect-timeout": duration, "attachment-timeout": duration };
};

/**
 * A test for each transport: the client is attacked by `hooks`, fails as outcomes.mjs says (`expected: "harmless"`: it
 * does not, and gets the event "alive"), stays within `memory`, and gets along with the good server afterwards. With
 * `quiet` it has to be idle meanwhile; it may take `seconds` of a processor; `command` is given to it when its socket is connected.
 */
export function attack(
  name,
  {
    transports = ["polling", "websocket"],
    options = {},
    memory = 1.5e6,
    quiet = false,
    seconds = Infinity,
    expected,
    command,
    then,
    ...hooks
  }
) {
  for (const transport of transports) {
    it(`${name} (${transport})`, async (t) => {
      const server = await HostileServer.start(t, hooks);
      const client = clientFor(t, server.origin, { transports: transport, ...timeouts(quiet), ...options });
      if (quiet) {
        await eventually(async () => server.accepted > 0 && (await client.load(100)) === 0, "its waiting");
        await assertQuiet(client, 1000);
      }
      if (command) {
        await client.connected();
        client.command(command);
      }
      await assertOutcome(client, `${name} (${transport})`, expected);
      assert.ok(client.cpuSeconds() < seconds, `${client.cpuSeconds()} s of a processor`);
      const { peak } = await client.memory();
      assert.ok(peak < memory, `${peak} bytes of memory`);
      const resident = mostResident(client.process.pid);
      assert.ok(resident < 20e6 + memory * 2, `${resident} bytes are resident`);
      await then?.(client, server);
      await assertSurvived(client, server);
    });
  }
}

function outcomeOf(line) {
  if (line.name === "alive") {
    return "harmless";
  }
  const outcome = [line.status || line.reason, line.cause, line.text].filter(Boolean).join(" ");
  return `${line.kind}: ${outcome.replace(/127\.0\.0\.1:\d+/, "SERVER")}`;
}

/** What the table has for a test, by its name with or without its transport. */
function expectedOf(test) {
  const [, name, transport] = /^(.*) \(([a-z,]+)\)$/s.exec(test);
  const error = transport === "polling" ? "xhr poll error" : "websocket error";
  return Object.entries(outcomes[file])
    .filter(([, tests]) => tests.includes(name) || tests.includes(test))
    .map(([outcome]) => outcome.replace("@", error));
}

async function assertOutcome(client, test, expected) {
  const kinds = ["error", "close", "connect_error", "upgradeError", "disconnect"];
  const isOutcome = (line) => kinds.includes(line.kind) || line.name === "alive";
  const text = outcomeOf(await client.line(isOutcome, { deadline: ms(15000) }));
  if (expected === "harmless") {
    assert.equal(text, expected);
    return;
  }
  if (process.env.SIO_OUTCOMES) {
    appendFileSync(process.env.SIO_OUTCOMES, `${JSON.stringify([file, test, text])}\n`);
    return;
  }
  const wanted = expectedOf(test);
  const fits = (one) => one === text || (one.endsWith("*") && text.startsWith(one.slice(0, -1)));
  assert.ok(wanted.some(fits), `it fails with\n${text}\nand is expected to fail with\n${wanted.join("\n")}`);
}

async function assertSurvived(client, server) {
  const from = client.mark;
  server.turnGood();
  if (
    client.lines.some((line) => line.kind === "connect_error" && line.active === false) ||
    client.lines.some((line) => line.kind === "disconnect" && line.reason === "io server disconnect")
  ) {
    client.command("connect");
  }
  /* The ids of the official server have 20 characters. */
  const isGood = (line) => line.kind === "connect" && line.id.length === 20;
  await client.line(isGood, { from, deadline: ms(15000) });
  await client.works();
}
