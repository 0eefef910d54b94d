/**
 * The client on networks that fail: what it says, how soon, and that nothing is lost without a word, comes twice or out
 * of order. Events go both ways, numbered, while the fault is there.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventually, ms } from "../support.mjs";
import {
  Relay,
  acks,
  assertAscending,
  assertQuiet,
  clientFor,
  news,
  received,
  serverFor,
  upTo,
  wireFor,
} from "./support.mjs";

/** The heartbeat of the server, and when its absence has to be noticed. */
const INTERVAL = 1000;
const TIMEOUT = 1000;
const heartbeat = { pingInterval: ms(INTERVAL), pingTimeout: ms(TIMEOUT) };
const NOTICED = ms(INTERVAL + TIMEOUT + 1000);

const transports = ["websocket", "polling", "polling,websocket"];

/** A client that has begun to talk to `server`, over its final transport. */
async function talk(t, origin, options, prefix) {
  const client = clientFor(t, origin, options, prefix);
  await client.connected({ deadline: ms(20000) });
  if (options.transports === "polling,websocket") {
    await client.line({ kind: "upgrade" }, { deadline: ms(20000) });
  }
  await client.works();
  return client;
}

/** Emits on both sides until `stop()`. */
function chatter(t, client, server) {
  const timer = setInterval(() => {
    client.emit(1);
    server.command("1");
  }, 20);
  const stop = () => clearInterval(timer);
  t.after(stop);
  return { stop };
}

/** Waits for the end of a connection within the time of its heartbeat; `expected` is its close notice. */
async function assertLost(client, from, began, expected) {
  const close = await client.line({ kind: "close" }, { from, deadline: NOTICED + ms(5000) });
  for (const [name, value] of Object.entries(expected)) {
    assert.match(String(close[name]), value, JSON.stringify(close));
  }
  assert.ok(close.at - began <= NOTICED, `noticed after ${close.at - began} ms`);
  const disconnect = await client.line({ kind: "disconnect" }, { from });
  assert.equal(disconnect.reason, close.reason);
  assert.equal(disconnect.cause, close.cause);
}

/** After it all: the client is connected, and works. */
async function assertBack(client, from) {
  await client.connected({ from, deadline: ms(20000) });
  await client.line({ kind: "reconnect" }, { from });
  await client.works();
}

/** What holds of numbered events whatever happened on the way, when nothing is retried. */
async function assertAtMostOnce(client, ...servers) {
  /* What a server printed before it answered may be read behind what the client printed then. */
  const toldOf = (n) => servers.some((server) => received(server).includes(n));
  await eventually(() => acks(client).every(toldOf), "the servers' word of all that was answered", ms(5000));
  const got = servers.flatMap(received);
  assertAscending(got, "events that the server got");
  assertAscending(news(client), "events that the client got");
  assertAscending(acks(client), "acknowledgements");
  const told = client.lines.filter((line) => line.kind === "ack" || line.kind === "emit_error").map((line) => line.n);
  assert.equal(new Set(told).size, told.length, "an event was acknowledged twice");
}

/** With retries every event arrives; again only after a loss, and never behind a later one. */
async function assertAtLeastOnce(client, count, ...servers) {
  await eventually(() => acks(client).length >= count, "all acknowledgements", ms(30000));
  assert.deepEqual(acks(client), upTo(count));
  await eventually(() => new Set(servers.flatMap(received)).size >= count, "the servers' word of them", ms(5000));
  const got = servers.flatMap(received);
  assert.deepEqual([...new Set(got)], upTo(count));
  for (let i = 1; i < got.length; i++) {
    assert.ok(got[i] >= got[i - 1], `event ${got[i]} after ${got[i - 1]}`);
  }
}

// -------------------------------------------------------------------------------------------------------- connections

describe("connections that break", () => {
  /* A request to GET that meets a broken connection is made again; the session may be gone by then. */
  const gone = /^xhr (poll|post) error: status 400, Session ID unknown$/;
  const breaks = {
    "are reset": {
      break: (relay) => relay.reset(),
      close: { reason: /^transport close$/, cause: /^CONNECTION_LOST$/, text: /: connection reset by peer$/ },
      polling: {
        reason: /^transport error$/,
        cause: /^HTTP_STATUS$|^CONNECT_FAILED$/,
        text: new RegExp(`ECONNRESET|${gone.source}`),
      },
    },
    "are closed": {
      break: (relay) => relay.end(),
      close: { reason: /^transport close$/, cause: /^CONNECTION_LOST$/, text: /: no Close frame came$/ },
      polling: {
        reason: /^transport error$/,
        cause: /^HTTP_STATUS$|^CONNECTION_LOST$/,
        text: new RegExp(`the server closed|${gone.source}`),
      },
    },
    "pass nothing on any more": {
      break: (relay) => (relay.silent = true),
      close: { reason: /^ping timeout$/, cause: /^HEARTBEAT$/, text: /^ping timeout$/ },
    },
  };
  for (const [name, fault] of Object.entries(breaks)) {
    for (const transport of transports) {
      it(`${name} (${transport})`, async (t) => {
        const server = await serverFor(t, heartbeat);
        const relay = await Relay.to(t, server.port);
        const client = await talk(t, relay.origin, { transports: transport });
        const talking = chatter(t, client, server);
        await eventually(() => news(client).length > 5, "events");
        const expected = transport === "polling" && fault.polling;
        if (expected) {
          talking.stop(); /* else the session would outlive a fault that comes between two requests */
          await eventually(() => quietSince(client, 200), "silence");
        }
        const from = client.mark;
        const began = performance.now();
        fault.break(relay);
        await assertLost(client, from, began, expected || fault.close);
        relay.silent = false;
        relay.reset();
        await assertBack(client, from);
        talking.stop();
        await client.works();
        await assertAtMostOnce(client, server);
      });
    }
  }

  for (const transport of transports) {
    it(`lose nothing with retries, and ask again in order (${transport})`, async (t) => {
      const server = await serverFor(t, heartbeat);
      const relay = await Relay.to(t, server.port);
      const options = { transports: transport, retries: 20, "ack-timeout": ms(1000) };
      const client = await talk(t, relay.origin, options);
      const talking = chatter(t, client, server);
      for (let round = 0; round < 4; round++) {
        const already = acks(client).length;
        await eventually(() => acks(client).length > already + 3, "acknowledgements", ms(10000));
        const from = client.mark;
        if (round % 2 === 0) {
          relay.reset();
        } else {
          relay.end();
        }
        await client.line((line) => line.kind === "connect" || line.kind === "ack", { from, deadline: ms(20000) });
      }
      talking.stop();
      await client.works({ deadline: ms(30000) });
      await assertAtLeastOnce(client, client.emitted, server);
    });
  }

  it("are restored by servers that can, with what was missed, once and in order", async (t) => {
    const server = await serverFor(t, { ...heartbeat, connectionStateRecovery: {} });
    const relay = await Relay.to(t, server.port);
    const client = await talk(t, relay.origin, { transports: "websocket" });
    const talking = chatter(t, client, server);
    for (let round = 0; round < 3; round++) {
      const count = news(client).length;
      await eventually(() => news(client).length > count + 3, "events");
      const from = client.mark;
      relay.reset();
      const { recovered } = await client.connected({ from });
      assert.ok(recovered);
    }
    talking.stop();
    server.command("1");
    const from = client.mark;
    await client.line((line) => line.name === "news", { from });
    await eventually(() => quietSince(client, 200), "the last event");
    assert.deepEqual(news(client), upTo(news(client).length));
  });
});

const quietSince = (client, duration) => performance.now() - client.lines.at(-1).at > duration;

// ------------------------------------------------------------------------------------------------------------ servers

describe("servers that fail", () => {
  for (const transport of transports) {
    it(`are stopped, and go on (${transport})`, async (t) => {
      const server = await serverFor(t, heartbeat);
      const client = await talk(t, server.origin, { transports: transport, "open-timeout": ms(1000) });
      const from = client.mark;
      client.emit(3);
      const began = performance.now();
      server.process.kill("SIGSTOP");
      await assertQuiet(client, 1500);
      await assertLost(client, from, began, { reason: /^ping timeout$/, cause: /^HEARTBEAT$/ });
      await client.line({ kind: "reconnect_error", status: "SIO_ERR_TIMEOUT" }, { from });
      client.emit(3); /* they wait for the next connection */
      server.process.kill("SIGCONT");
      await assertBack(client, from);
      await assertAtMostOnce(client, server);
      assert.deepEqual(acks(client).slice(-4), [5, 6, 7, 8]);
    });

    it(`are killed, and come back on their port (${transport})`, async (t) => {
      const server = await serverFor(t, heartbeat);
      const client = await talk(t, server.origin, { transports: transport, delay: 300, "delay-max": 300 });
      const from = client.mark;
      const began = performance.now();
      await server.kill();
      await assertLost(client, from, began, { reason: /^transport (close|error)$/ });
      const refused = await client.line({ kind: "reconnect_error" }, { from });
      assert.equal(refused.status, "ECONNREFUSED");
      assert.match(refused.text, /connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
      const { status, text, active } = await client.line({ kind: "connect_error" }, { from });
      assert.deepEqual({ status, text, active }, { status: "ECONNREFUSED", text: refused.text, active: true });
      await assertQuiet(client);
      const second = await serverFor(t, { ...heartbeat, port: server.port });
      await assertBack(client, from);
      await assertAtMostOnce(client, server, second);
    });
  }

  it("whose port is closed are told of at once", async (t) => {
    const server = await serverFor(t);
    await server.kill();
    const began = performance.now();
    const client = clientFor(t, server.origin, { attempts: 1 });
    const error = await client.line({ kind: "error" });
    assert.ok(error.at - began < ms(1000));
    assert.equal(error.status, "ECONNREFUSED");
    assert.equal(error.cause, "CONNECT_FAILED");
    assert.equal(error.text, `xhr poll error: connect ECONNREFUSED 127.0.0.1:${server.port}`);
    await client.line({ kind: "reconnect_failed" });
  });

  it("whose name does not exist are told of", async (t) => {
    const client = clientFor(t, "http://no-such-host.invalid:3000", { attempts: 1, "open-timeout": ms(20000) });
    const error = await client.line({ kind: "error" }, { deadline: ms(25000) });
    assert.match(error.status, /^EAI_(NONAME|AGAIN|FAIL|NODATA)$/);
    assert.equal(error.cause, "CONNECT_FAILED");
    const explained = error.status === "EAI_NONAME" ? " (name not known)" : "";
    assert.equal(error.text, `xhr poll error: getaddrinfo ${error.status} no-such-host.invalid:3000${explained}`);
  });
});

describe("waiting", () => {
  for (const transport of transports) {
    it(`takes no time of the processor, connected or not (${transport})`, async (t) => {
      const server = await serverFor(t);
      const client = await talk(t, server.origin, { transports: transport, delay: 30000, "delay-max": 30000 });
      await assertQuiet(client, 3000);
      const from = client.mark;
      await server.kill();
      await client.line({ kind: "close" }, { from });
      await assertQuiet(client);
    });
  }
});

// ------------------------------------------------------------------------------------------------------------ packets

describe("slow ways", () => {
  for (const transport of transports) {
    it(`of 200 ms keep the order (${transport})`, async (t) => {
      const server = await serverFor(t, { pingInterval: ms(2000), pingTimeout: ms(2000) });
      const relay = await Relay.to(t, server.port);
      relay.delay = 200;
      const client = await talk(t, relay.origin, { transports: transport });
      client.emit(200);
      server.command("200");
      await eventually(
        () => [acks(client), received(server)].every((all) => all.length === 201) && news(client).length === 200,
        "all",
        ms(15000),
      );
      assert.deepEqual(acks(client), upTo(201));
      assert.deepEqual(received(server), upTo(201));
      assert.deepEqual(news(client), upTo(200));
    });

    it(`of one byte at a time are all the same (${transport})`, async (t) => {
      const server = await serverFor(t);
      const relay = await Relay.to(t, server.port);
      relay.piece = 1;
      const client = await talk(t, relay.origin, { transports: transport });
      client.emit(50);
      server.command("50");
      await eventually(
        () => [acks(client), received(server)].every((all) => all.length === 51) && news(client).length === 50,
        "all",
        ms(15000),
      );
      assert.deepEqual(received(server), upTo(51));
      assert.deepEqual(news(client), upTo(50));
    });
  }
});

describe("a wire", () => {
  /** As above, over a network of its own; `wire` can be broken. */
  function onWire(name, body) {
    for (const transport of ["websocket", "polling"]) {
      it(`${name} (${transport})`, async (t) => {
        const wire = await wireFor(t);
        if (typeof wire === "string") {
          t.skip(`network namespaces cannot be made here (root?): ${wire.trim()}`);
          return;
        }
        const start = (options) => serverFor(t, { ...heartbeat, host: "10.77.0.1", ...options }, wire.atServer);
        await body(t, { wire, start, transport });
      });
    }
  }

  onWire("that is cut is noticed, and used again", async (t, { wire, start, transport }) => {
    const server = await start();
    const client = await talk(t, server.origin, { transports: transport, "open-timeout": ms(2000) }, wire.atClient);
    const talking = chatter(t, client, server);
    await eventually(() => news(client).length > 5, "events");
    const from = client.mark;
    const began = performance.now();
    await wire.set("loss 100");
    await assertLost(client, from, began, { reason: /^ping timeout$/, cause: /^HEARTBEAT$/, text: /^ping timeout$/ });
    talking.stop();
    await client.line({ kind: "reconnect_error", status: "SIO_ERR_TIMEOUT" }, { from });
    await assertQuiet(client, 1500);
    await wire.set("loss 0");
    await assertBack(client, from);
    await assertAtMostOnce(client, server);
  });

  onWire("that is pulled out at the client is noticed, and used again", async (t, { wire, start, transport }) => {
    const server = await start();
    const client = await talk(t, server.origin, { transports: transport, delay: 300 }, wire.atClient);
    const from = client.mark;
    const began = performance.now();
    await wire.set("down");
    await assertLost(client, from, began, { reason: /^ping timeout$|^transport error$/ });
    await client.line({ kind: "reconnect_error", status: /^E(NETUNREACH|HOSTUNREACH)$/ }, { from });
    await wire.set("up");
    await assertBack(client, from);
    await assertAtMostOnce(client, server);
  });

  onWire("behind which the server is gone without a word", async (t, { wire, start, transport }) => {
    const server = await start();
    const client = await talk(t, server.origin, { transports: transport, "open-timeout": ms(2000) }, wire.atClient);
    const from = client.mark;
    const began = performance.now();
    await wire.set("mute 100");
    await server.kill(); /* its FIN is lost */
    client.emit(3);
    await assertLost(client, from, began, { reason: /^ping timeout$/, cause: /^HEARTBEAT$/ });
    await client.line({ kind: "ack", status: "SIO_ERR_CLOSED", n: 2 }, { from });
    const second = await start({ port: server.port });
    await wire.set("mute 0");
    await assertBack(client, from);
    await assertAtMostOnce(client, server, second);
  });

  onWire("that loses 30 % of all packets loses no events with retries", async (t, { wire, start, transport }) => {
    const server = await start({ pingInterval: ms(5000), pingTimeout: ms(10000) });
    const options = { transports: transport, retries: 20, "ack-timeout": ms(8000), "open-timeout": ms(20000) };
    const client = await talk(t, server.origin, options, wire.atClient);
    await wire.set("loss 30");
    client.emit(10);
    await eventually(() => acks(client).length === 11, "all acknowledgements", ms(80000));
    await assertAtLeastOnce(client, 11, server);
  });

  onWire("that loses 30 % of all packets keeps order without them", async (t, { wire, start, transport }) => {
    const server = await start({ pingInterval: ms(5000), pingTimeout: ms(10000) });
    const client = await talk(t, server.origin, { transports: transport, "open-timeout": ms(20000) }, wire.atClient);
    await wire.set("loss 30");
    for (let i = 0; i < 10; i++) {
      client.emit(5);
      server.command("5");
      await eventually(
        () => client.lines.filter((line) => line.kind === "ack").length >= 5 * (i + 1),
        "acks",
        ms(60000)
      );
    }
    await wire.set("loss 0");
    await eventually(() => quietSince(client, 300), "the last event", ms(20000));
    await assertAtMostOnce(client, server);
  });

  onWire("of 200 ms delays, but keeps all", async (t, { wire, start, transport }) => {
    const server = await start({ pingInterval: ms(2000), pingTimeout: ms(2000) });
    await wire.set("delay 200");
    const client = await talk(t, server.origin, { transports: transport }, wire.atClient);
    client.emit(100);
    server.command("100");
    await eventually(
      () => [acks(client), received(server)].every((all) => all.length === 101) && news(client).length === 100,
      "all",
      ms(15000),
    );
    assert.deepEqual(received(server), upTo(101));
    assert.deepEqual(news(client), upTo(100));
  });
});
