// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// `sio bench` against examples/bench_server and against official servers that lose, change and refuse: its sums and its
// exit status, not its times. The program is SIO_BIN, else bin/sio of SIO_BUILD_DIR.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Server } from "socket.io";
import { eventually, ms, reference, within } from "./support.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const build = resolve(here, process.env.SIO_BUILD_DIR ?? "../../build/release");
const program = resolve(here, process.env.SIO_BIN ?? `${build}/bin/sio`);
const PATIENCE = ms(20_000);
const quick = ["--duration", `${ms(200)}ms`, "--warmup", `${ms(50)}ms`, "-c", "10"];

/** Starts it. */
function start(t, args) {
  const child = spawn(program, ["bench", ...args.map(String)]);
  t.after(() => child.kill("SIGKILL"));
  child.texts = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (child.texts.stdout += data));
  child.stderr.on("data", (data) => (child.texts.stderr += data));
  child.closed = once(child, "close");
  return child;
}

/** Waits for its end. */
async function ended(child) {
  const [status, signal] = await within(child.closed, `end of ${child.spawnargs.join(" ")}`, PATIENCE);
  assert.equal(signal, null, child.texts.stderr);
  return { status, ...child.texts };
}

/** Runs it to its end. */
function bench(t, args) {
  return ended(start(t, args));
}

/** The same, with its result as an object. */
async function result(t, args) {
  const { status, stdout, stderr } = await bench(t, ["--json", ...args]);
  return { status, stderr, ...JSON.parse(stdout) };
}

/** Everything has come back, and the parts of the result agree with each other. */
function assertWhole(r, { connections = 10, copies = 1 } = {}) {
  assert.equal(r.status, 0, r.stderr);
  assert.equal(r.connected.count, connections);
  assert.ok(r.sent > 0);
  assert.equal(r.expected, r.sent * copies);
  assert.equal(r.received, r.expected);
  assert.deepEqual([r.missing, r.wrong, r.refused, r.lost], [0, 0, 0, 0]);
  assert.ok(r.measured.messages > 0 && r.measured.messages <= r.received);
  assert.equal(r.measured.interrupted, false);
  assert.ok(r.latency_us.count > 0 && r.latency_us.count <= r.received);
  const { p50, p90, p99, p999, max } = r.latency_us;
  assert.deepEqual([p50, p90, p99, p999, max], [p50, p90, p99, p999, max].sort((a, b) => a - b));
  assert.ok(p50 > 0);
}

describe("sio bench", { skip: reference }, () => {
  let server;
  let url;
  before(async () => {
    server = spawn(resolve(build, "examples/bench_server"), ["0"], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await within(once(createInterface({ input: server.stdout }), "line"), "the server's port", PATIENCE);
    url = `http://127.0.0.1:${line.split(" ")[1]}`;
  });
  after(() => server?.kill());

  for (const transport of ["websocket", "polling", "polling,websocket"]) {
    for (const load of [["--window", 1], ["--window", 7], ["--rate", 500]]) {
      it(`counts every echo: ${transport}, ${load.join(" ")}`, async (t) => {
        const r = await result(t, [...quick, "--transport", transport, ...load, url]);
        assertWhole(r);
        assert.equal(r.transport, transport);
        assert.equal(r.mode, "echo");
      });
    }
  }

  it("counts every acknowledgement", async (t) => {
    assertWhole(await result(t, [...quick, "--mode", "ack", "--window", 5, url]));
    assertWhole(await result(t, [...quick, "--mode", "ack", "--rate", 500, "--threads", 3, url]));
  });

  it("counts every delivery of a broadcast, on all threads", async (t) => {
    const r = await result(t, [...quick, "--mode", "cast", "--window", 2, "--threads", 3, url]);
    assertWhole(r, { copies: 10 });
    assertWhole(await result(t, [...quick, "--mode", "cast", "--rate", 100, url]), { copies: 10 });
  });

  for (const payload of [0, 1, 1000, 200_000]) {
    it(`sends and checks ${payload} bytes`, async (t) => {
      const r = await result(t, [...quick, "-c", 4, "--payload", payload, "--window", 3, "--threads", 2, url]);
      assertWhole(r, { connections: 4 });
      assert.equal(r.payload, payload);
    });
  }

  it("divides connections among threads, whatever their numbers", async (t) => {
    const r = await result(t, [...quick, "-c", 7, "--threads", 4, "--ramp", 500, url]);
    assertWhole(r, { connections: 7 });
    assert.equal(r.threads, 4);
  });

  it("keeps a rate", async (t) => {
    const r = await result(t, ["--duration", "1s", "--warmup", 0, "-c", 4, "--rate", 200, url]);
    assertWhole(r, { connections: 4 });
    assert.ok(r.latency_us.count >= 199 && r.latency_us.count <= 201, `${r.latency_us.count} of 200 were due`);
    assert.equal(r.sent_late_us.count, r.latency_us.count);
  });

  it("tells what the server's process has used", async (t) => {
    const r = await result(t, [...quick, "--server-pid", server.pid, url]);
    assertWhole(r);
    assert.ok(r.server.cpu_us_per_message > 0);
    assert.ok(r.server.resident > 1e6);
    assert.ok(r.connected.server_cpu_us > 0);
    assert.ok(r.generator.cpu_us_per_message > 0);
  });

  it("holds connections that do nothing", async (t) => {
    const r = await result(t, ["--mode", "idle", "-c", 200, "--duration", "100ms", url]);
    assert.equal(r.status, 0, r.stderr);
    assert.equal(r.connected.count, 200);
    assert.deepEqual([r.sent, r.received, r.lost], [0, 0, 0]);
  });

  it("prints a table for people, with versions", async (t) => {
    const { status, stdout } = await bench(t, [...quick, "--server-pid", server.pid, url]);
    assert.equal(status, 0);
    assert.match(stdout, /^sio \d+\.\d+\.\d+, libuv \d+\.\d+\.\d+, \S+/);
    const [, received, expected] = /^received +(\d+) of (\d+)$/m.exec(stdout);
    assert.equal(received, expected);
    assert.match(stdout, /^messages +\d+ in [\d.]+ s: \d+ per second$/m);
    assert.match(stdout, /^latency +p50 .*, p90 .*, p99 .*, p99\.9 .*, max .*, mean /m);
    assert.match(stdout, /^server +[\d.]+ us of CPU per message, /m);
  });

  describe("with servers that do not do what they should", () => {
    /** An official server; `set` gets its namespaces and what is needed to end it. */
    async function official(t, set) {
      const listener = http.createServer();
      const io = new Server(listener);
      set(io);
      listener.listen(0, "127.0.0.1");
      await once(listener, "listening");
      t.after(() => io.close());
      return `http://127.0.0.1:${listener.address().port}`;
    }

    it("counts echoes of the official server", async (t) => {
      const origin = await official(t, (io) => io.on("connection", (s) => s.on("echo", (x) => s.emit("echo", x))));
      assertWhole(await result(t, [...quick, "--window", 4, origin]));
    });

    it("names its own events and namespaces", async (t) => {
      const origin = await official(t, (io) => io.of("/n").on("connection", (s) => s.on("say", (x) => s.emit("say", x))));
      const r = await result(t, [...quick, "--event", "say", "--namespace", "/n", origin]);
      assertWhole(r);
      assert.equal(r.event, "say");
    });

    it("ends early, but in order, when it is interrupted", async (t) => {
      let echoed;
      const busy = new Promise((resolve) => (echoed = resolve));
      const answer = (s) => s.on("echo", (x) => (s.emit("echo", x), echoed()));
      const origin = await official(t, (io) => io.on("connection", answer));
      const child = start(t, ["--json", "-d", "60s", "--warmup", 0, "-c", 10, origin]);
      await within(busy, "the first message", PATIENCE);
      child.kill("SIGINT");
      const { status, stdout } = await ended(child);
      const r = JSON.parse(stdout);
      assert.equal(status, 0);
      assert.equal(r.measured.interrupted, true);
      assert.ok(r.received > 0);
      assert.equal(r.received, r.expected);
    });

    it("says how many messages are missing", async (t) => {
      let count = 0;
      const answer = (s) => s.on("ack", (x, done) => (++count % 10 === 0 ? undefined : done(x)));
      const origin = await official(t, (io) => io.on("connection", answer));
      const r = await result(t, [...quick, "--mode", "ack", "--rate", 500, "--timeout", "500ms", origin]);
      assert.equal(r.status, 5);
      assert.ok(r.missing > 0);
      assert.equal(r.received + r.missing, r.sent);
      assert.equal(r.missing, Math.floor(r.sent / 10));
    });

    it("says soon that nothing comes back, and what the server has to do", async (t) => {
      const origin = await official(t, () => {});
      for (const [mode, duty] of [["echo", "send back"], ["ack", "acknowledge"]]) {
        const child = start(t, ["--mode", mode, "--json", "-d", "60s", "-c", 3, origin]);
        const told = () => child.texts.stderr.includes(`the server has to ${duty} the event '${mode}'`);
        await eventually(told, "what is wrong", PATIENCE);
        child.kill("SIGINT");
        await eventually(() => /waiting for 3 messages that have not come back/.test(child.texts.stderr), "the wait", PATIENCE);
        child.kill("SIGINT");
        const { status, stdout } = await ended(child);
        assert.equal(status, 5);
        assert.deepEqual([JSON.parse(stdout).received, JSON.parse(stdout).missing], [0, 3]);
      }
    });

    it("says how many came back changed", async (t) => {
      const answer = (s) => s.on("echo", (x) => s.emit("echo", `${x.slice(0, -1)}y`));
      const origin = await official(t, (io) => io.on("connection", answer));
      const r = await result(t, [...quick, origin]);
      assert.equal(r.status, 1);
      assert.equal(r.wrong, r.received);
    });

    it("notices messages that nobody has asked for", async (t) => {
      const answer = (s) => s.on("echo", (x) => s.emit("echo", x) && s.emit("echo", x));
      const origin = await official(t, (io) => io.on("connection", answer));
      const r = await result(t, [...quick, "--rate", 200, origin]);
      assert.equal(r.status, 1);
      assert.ok(r.wrong > 0);
    });

    it("tells of a namespace that is refused", async (t) => {
      const origin = await official(t, (io) => io.use((s, next) => next(new Error("not allowed"))));
      const { status, stdout, stderr } = await bench(t, [...quick, origin]);
      assert.equal(status, 4);
      assert.equal(stdout, "");
      assert.match(stderr, /refused by the server: not allowed/);
    });

    it("tells of connections that are lost", async (t) => {
      const cut = (s) => s.on("echo", () => s.conn.close());
      const origin = await official(t, (io) => io.on("connection", cut));
      const r = await result(t, [...quick, "-d", "1s", origin]);
      assert.equal(r.status, 6);
      assert.equal(r.lost, 10);
      assert.match(r.stderr, /disconnected from \//);
    });

    it("tells of a server that is not there", async (t) => {
      const { status, stderr } = await bench(t, [...quick, "http://127.0.0.1:1"]);
      assert.equal(status, 3);
      assert.match(stderr, /ECONNREFUSED|refused/);
    });
  });

  it("refuses wrong command lines", async (t) => {
    for (const args of [[], ["--rate", 1, "--window", 1, url], ["--mode", "shout", url], ["-c", 0, url], [url, url]]) {
      const { status, stdout, stderr } = await bench(t, args);
      assert.equal(status, 2, args.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, /Try 'sio bench --help'/);
    }
    assert.equal((await bench(t, ["--server-pid", 2 ** 31 - 2, url])).status, 1);
  });

  it("explains itself, in lines that fit", async (t) => {
    const { status, stdout } = await bench(t, ["--help"]);
    assert.equal(status, 0);
    assert.deepEqual(stdout.split("\n").filter((line) => line.length > 79), []);
    for (const word of ["--connections", "--ramp", "--threads", "--rate", "--window", "--duration", "--payload", "--mode",
      "--server-pid", "--json", "--warmup", "--namespace", "--transport", "Examples:"]) {
      assert.ok(stdout.includes(word), word);
    }
  });
});
