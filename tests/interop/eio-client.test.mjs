/**
 * The Engine.IO client of the library beside the official one, against the official server: both do the same, and what
 * the server sees and what the clients are told is compared. `eio_probe` is the client of the library, see its source.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Server } from "engine.io";
import { Socket as OfficialSocket } from "engine.io-client";
import { eventually, ms, reference, within } from "./support.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const program = resolve(here, process.env.SIO_BUILD_DIR ?? "../../build/release", "tests", "eio_probe");
const running = new Set();
after(() => running.forEach((process) => process.kill("SIGKILL")));

// ------------------------------------------------------------------------------------------------------------- clients

/** The client of the library: `events` as the program prints them. */
class OurClient {
  events = [];

  constructor(port, { transports = ["polling", "websocket"], flags = [] } = {}) {
    const args = [port, "/engine.io/", transports.join(","), ...flags].map(String);
    this.process = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    running.add(this.process);
    this.process.stdin.on("error", () => {}); // it has ended
    this.exited = new Promise((done) => this.process.once("close", (code, signal) => done({ code, signal })));
    this.exited.then(() => running.delete(this.process));
    createInterface({ input: this.process.stdout }).on("line", (line) => this.events.push(JSON.parse(line)));
  }

  send(...messages) {
    const line = (message) =>
      typeof message === "string" ? `text ${Buffer.from(message).toString("hex")}` : `binary ${message.toString("hex")}`;
    this.process.stdin.write(messages.map((message) => `${line(message)}\n`).join(""));
  }

  close() {
    this.process.stdin.write("close\n");
  }

  /** The process has ended by itself, in order. */
  async end() {
    assert.deepEqual(await within(this.exited, "end of eio_probe"), { code: 0, signal: null });
  }
}

/** The official client, with events of the same form. */
class OfficialClient {
  events = [];

  constructor(port, { transports = ["polling", "websocket"], flags = [] } = {}) {
    const note = (event, more) => this.events.push({ event, ...more });
    const data = (data) =>
      typeof data === "string" ? { data } : { binary: true, data: Buffer.from(data).toString("hex") };
    this.socket = new OfficialSocket(`http://127.0.0.1:${port}`, {
      transports: [...transports],
      upgrade: !flags.includes("no-upgrade"),
      forceBase64: flags.includes("force-base64"),
      tryAllTransports: flags.includes("try-all"),
    });
    this.socket.on("open", () => note("open", { transport: this.socket.transport.name }));
    this.socket.on("message", (message = "") => note("message", data(message))); // undefined when it is empty
    this.socket.on("ping", () => note("ping"));
    this.socket.on("upgrade", () => note("upgrade", { transport: this.socket.transport.name }));
    this.socket.on("upgradeError", () => note("upgradeError"));
    this.socket.on("error", () => {});
    this.socket.on("close", (reason) => note("close", { reason }));
  }

  send(...messages) {
    messages.forEach((message) => this.socket.send(message));
  }

  close() {
    this.socket.close();
  }

  async end() {}
}

const has = (client, event, count = 1) =>
  eventually(() => client.events.filter((e) => e.event === event).length >= count, `${event} x ${count}`);

/** What a client was told, without what one of them alone tells, or what depends on time. */
const told = (client) =>
  client.events
    .filter(({ event }) => ["open", "message", "upgrade", "close"].includes(event))
    .map(({ event, transport, data, binary, reason }) =>
      JSON.stringify(event === "close" ? { event, reason } : { event, transport, data, binary })
    );

// -------------------------------------------------------------------------------------------------------------- server

/** An official server that echoes, and records what each session brings. */
async function startServer(t, options) {
  const http = createServer();
  const engine = new Server(options);
  const server = { engine, http, sessions: [], requests: [] };
  engine.attach(http, { path: "/engine.io" });
  http.on("request", ({ method, url, headers }) => server.requests.push({ method, url, headers }));
  http.on("upgrade", ({ method, url, headers }) => server.requests.push({ method, url, headers }));
  engine.on("connection", (socket) => {
    const session = { socket, packets: [], heartbeats: 0 };
    server.sessions.push(session);
    socket.on("packet", ({ type, data }) => {
      session.heartbeats += type === "pong" ? 1 : 0;
      if (type !== "pong") {
        session.packets.push(Buffer.isBuffer(data) ? `${type}:b${data.toString("hex")}` : `${type}:${data ?? ""}`);
      }
    });
    socket.on("message", (data) => socket.send(data));
    socket.on("close", (reason) => (session.reason = reason));
  });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  server.port = http.address().port;
  t.after(() => {
    engine.close();
    http.closeAllConnections();
    http.close();
  });
  return server;
}

/** Runs a scene with each client on a server of its own; what both have seen has to be the same. */
async function compare(t, { options, client, scene, reasons = true }) {
  const results = [];
  for (const Client of [OfficialClient, OurClient]) {
    const server = await startServer(t, options);
    const subject = new Client(server.port, client);
    await scene(subject, server);
    await has(subject, "close");
    await subject.end();
    await eventually(() => server.sessions.every((session) => session.reason), "end of the sessions");
    results.push({
      told: told(subject),
      sessions: server.sessions.map(({ packets, reason }) => ({ packets, ...(reasons && { reason }) })),
    });
  }
  assert.deepEqual(results[1], results[0]);
  return results[1];
}

const settings = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  "the upgrade": {},
  "polling with base64": { transports: ["polling"], flags: ["force-base64"] },
  "websocket with base64": { transports: ["websocket"], flags: ["force-base64"] },
};

const opened = async (subject, client) => {
  await has(subject, "open");
  if (!client.transports) {
    await has(subject, "upgrade");
  }
};

// --------------------------------------------------------------------------------------------------------------- tests

describe("the Engine.IO client beside the official one", { skip: reference && "needs the library" }, () => {
  for (const [name, client] of Object.entries(settings)) {
    it(`exchanges messages over ${name}`, async (t) => {
      const messages = ["hello", "", "ünïcödé 😀", Buffer.from([0, 1, 255]), Buffer.alloc(0), "x".repeat(70000)];
      const { told } = await compare(t, {
        client,
        scene: async (subject) => {
          await opened(subject, client);
          subject.send(...messages);
          await has(subject, "message", messages.length);
          subject.close();
        },
      });
      assert.equal(told.at(-1), '{"event":"close","reason":"forced close"}');
    });

    it(`sends what is queued before it closes, over ${name}`, async (t) => {
      const { sessions } = await compare(t, {
        client,
        scene: async (subject, server) => {
          await opened(subject, client);
          server.sessions[0].socket.removeAllListeners("message");
          subject.send(...Array.from({ length: 500 }, (_, i) => `message ${i}`));
          subject.close();
        },
      });
      assert.ok(sessions[0].packets.includes("message:message 499"));
    });

    it(`answers heartbeats over ${name}`, async (t) => {
      await compare(t, {
        client,
        options: { pingInterval: ms(30), pingTimeout: ms(2000) },
        scene: async (subject, server) => {
          await has(subject, "ping", 5);
          await eventually(() => server.sessions[0].heartbeats >= 4, "pongs");
          await opened(subject, client);
          subject.close();
        },
      });
    });

    it(`tells that the server has closed, over ${name}`, async (t) => {
      await compare(t, {
        client,
        scene: async (subject, server) => {
          await opened(subject, client);
          server.sessions[0].socket.close();
        },
      });
    });
  }

  it("splits what is sent by polling where maxPayload demands it", async (t) => {
    const { sessions } = await compare(t, {
      client: settings.polling,
      options: { maxHttpBufferSize: 1000 },
      scene: async (subject) => {
        await has(subject, "open");
        subject.send(...Array.from({ length: 100 }, (_, i) => (i % 3 ? "y".repeat(i * 9) : Buffer.alloc(i * 6, i))));
        await has(subject, "message", 100);
        subject.close();
      },
    });
    assert.equal(sessions[0].packets.filter((packet) => packet.startsWith("message:")).length, 100);
  });

  it("keeps the order of messages through the upgrade", async (t) => {
    const server = await startServer(t);
    const subject = new OurClient(server.port);
    await has(subject, "open");
    for (let sent = 0; sent < 2000; sent += 20) {
      subject.send(...Array.from({ length: 20 }, (_, i) => `${sent + i}`));
      await new Promise((done) => setImmediate(done));
    }
    await has(subject, "message", 2000);
    await has(subject, "upgrade");
    subject.close();
    await subject.end();
    const messages = subject.events.filter(({ event }) => event === "message").map(({ data }) => Number(data));
    assert.deepEqual(messages, [...messages.keys()]);
  });

  it("asks with the same targets", async (t) => {
    const targets = [];
    for (const Client of [OfficialClient, OurClient]) {
      const server = await startServer(t);
      const subject = new Client(server.port);
      await has(subject, "upgrade");
      subject.close();
      await has(subject, "close");
      await subject.end();
      const { socket } = server.sessions[0];
      const plain = ({ method, url }) => `${method} ${url.replace(/&t=\w{8}(&|$)/, "&t=T$1").replace(socket.id, "SID")}`;
      targets.push([...new Set(server.requests.map(plain))].sort());
    }
    assert.deepEqual(targets[1], targets[0]);
  });

  it("goes to the next transport when the first is refused", async (t) => {
    await compare(t, {
      client: { flags: ["try-all"] },
      options: { transports: ["websocket"] },
      scene: async (subject) => {
        await has(subject, "open");
        subject.send("hello");
        await has(subject, "message");
        subject.close();
      },
    });
  });

  it("says why it was refused", async (t) => {
    const server = await startServer(t, { allowRequest: (request, done) => done("not today", false) });
    for (const [transport, text] of [
      ["polling", "xhr poll error: status 403, not today"],
      ["websocket", "websocket error: status 400"],
    ]) {
      const subject = new OurClient(server.port, { transports: [transport] });
      await has(subject, "close");
      const { reason, cause, status, text: said } = subject.events.at(-1);
      assert.deepEqual(
        { reason, cause, status, said },
        { reason: "transport error", cause: "HTTP_STATUS", status: "SIO_ERR_HTTP", said: text }
      );
      await subject.end();
    }
  });

  it("leaves a server whose heartbeat fails", async (t) => {
    for (const client of [settings.polling, settings.websocket]) {
      await compare(t, {
        client,
        reasons: false, // the official client takes leave of a server that it takes for dead
        options: { pingInterval: ms(100), pingTimeout: ms(50) },
        scene: async (subject, server) => {
          await has(subject, "open");
          clearTimeout(server.sessions[0].socket.pingIntervalTimer);
          await has(subject, "close");
          server.sessions[0].socket.close(true);
        },
      });
    }
  });
});
