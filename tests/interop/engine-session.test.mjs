/**
 * An Engine.IO session from its first packet to its last: polling, the upgrade to WebSocket, heartbeat, closing. The
 * requests are made by hand; Socket.IO packets serve as the messages.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Socket as EngineClient } from "engine.io-client";
import {
  Connection,
  PollingSession,
  RawWebSocket,
  SEPARATOR,
  closePayload,
  eventually,
  modes,
  ms,
  next,
  opcode,
  serverFor,
  sharedServer,
  target,
  unknownSession,
  upgradeRequest,
} from "./support.mjs";

const echoed = (...words) => words.map((word) => `42["echo","${word}"]`);
const binaryEcho = ['451-["echo",{"_placeholder":true,"num":0}]', "bAQIDBA=="];
const transportEnd = /^transport (error|close)$/;

/** A polling session that has joined `/`; `id` is its socket. */
async function joined(server) {
  const session = await PollingSession.open(server);
  session.id = await session.join();
  return session;
}

/** Polls until the packet `last` has come; returns all packets. */
async function pollUntil(session, last) {
  const packets = [];
  while (packets.at(-1) !== last) {
    packets.push(...(await session.poll()));
  }
  return packets;
}

/** A poll on a connection of its own, so that it can be cut; it has been read once another request is answered. */
async function pendingPoll(session) {
  const connection = await Connection.connect(session.server);
  connection.write(`GET ${session.target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.equal((await session.post("3")).body, "ok");
  return connection;
}

/** Opens the WebSocket of an upgrade, not yet probed. */
const openUpgrade = ({ sid, server }) => RawWebSocket.open(server, { query: { sid } });

/** Opens and probes the WebSocket of an upgrade. */
async function probed(session) {
  const websocket = await openUpgrade(session);
  websocket.text("2probe");
  assert.equal(await websocket.readText(), "3probe");
  return websocket;
}

describe("Engine.IO polling", () => {
  const shared = sharedServer();

  it("answers a poll with all packets that wait, in order", async () => {
    const session = await joined(shared.server);
    await session.post(echoed("one"));
    await session.post(echoed("two", "three"));
    assert.deepEqual(await pollUntil(session, echoed("three")[0]), echoed("one", "two", "three"));
  });

  it("answers a post with `ok`", async () => {
    const session = await joined(shared.server);
    const { status, headers, body } = await session.post(echoed("x"));
    assert.deepEqual([status, body], [200, "ok"]);
    assert.match(headers["content-type"], /^text\/html\b/);
    assert.equal(headers["content-length"], "2");
    assert.equal(headers["cache-control"], "no-store");
  });

  it("keeps a poll waiting until there is a packet", async () => {
    const session = await joined(shared.server);
    const waiting = await pendingPoll(session);
    await session.post(echoed("worth waiting for"));
    const { status, body } = await waiting.readResponse();
    assert.deepEqual([status, body], [200, echoed("worth waiting for")[0]]);
    waiting.close();
  });

  it("carries binary as base64, both ways", async () => {
    const session = await joined(shared.server);
    await session.post(binaryEcho);
    assert.deepEqual(await pollUntil(session, binaryEcho[1]), binaryEcho);
  });

  it("takes the packets of one binary message from several posts", async () => {
    const session = await joined(shared.server);
    await session.post(binaryEcho[0]);
    await session.post(binaryEcho[1]);
    assert.deepEqual(await pollUntil(session, binaryEcho[1]), binaryEcho);
  });

  it("takes a body in chunks, cut anywhere, within a character as well", async () => {
    const session = await joined(shared.server);
    const body = Buffer.from(echoed("é€😀")[0]);
    const connection = await Connection.connect(shared.server);
    connection.write(`POST ${session.target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (const byte of body) {
      connection.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")]));
      await new Promise(setImmediate);
    }
    connection.write("0\r\n\r\n");
    assert.equal((await connection.readResponse()).body, "ok");
    assert.deepEqual(await session.poll(), echoed("é€😀"));
    connection.close();
  });

  it("takes a request byte by byte", async () => {
    const session = await joined(shared.server);
    const [body] = echoed("ü");
    const length = Buffer.byteLength(body);
    const connection = await Connection.connect(shared.server);
    const post = `POST ${session.target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`;
    for (const byte of Buffer.from(post)) {
      connection.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    assert.equal((await connection.readResponse()).body, "ok");
    assert.deepEqual(await session.poll(), echoed("ü"));
    connection.close();
  });

  it("serves many requests on one connection, pipelined ones in their order", async () => {
    const session = await joined(shared.server);
    const connection = await Connection.connect(shared.server);
    for (let i = 0; i < 5; i++) {
      const [body] = echoed(`n${i}`);
      connection.write(
        `POST ${session.target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
          `GET ${session.target} HTTP/1.1\r\nHost: x\r\n\r\n`
      );
      assert.equal((await connection.readResponse()).body, "ok");
      assert.equal((await connection.readResponse()).body, body);
    }
    connection.close();
  });

  it("ends the connection when the request asks for that", async () => {
    const connection = await Connection.connect(shared.server);
    connection.write(`GET ${target()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const { status, headers } = await connection.readResponse();
    assert.equal(status, 200);
    assert.equal(headers.connection.toLowerCase(), "close");
    await connection.ended();
  });

  it("invites a body that waits to be asked for", async () => {
    const session = await joined(shared.server);
    const [body] = echoed("expected");
    const connection = await Connection.connect(shared.server);
    connection.write(
      `POST ${session.target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`
    );
    assert.equal((await connection.readHead()).status, 100);
    connection.write(body);
    assert.equal((await connection.readResponse()).body, "ok");
    assert.deepEqual(await session.poll(), [body]);
    connection.close();
  });

  it("takes a body of exactly the limit and refuses a greater one", async (t) => {
    const server = await serverFor(t, "--max-payload", 1000);
    const session = await joined(server);
    const [body] = echoed("x".repeat(1000 - echoed("")[0].length));
    assert.equal(body.length, 1000);
    assert.equal((await session.post(body)).body, "ok");
    assert.deepEqual(await session.poll(), [body]);
    const connection = await Connection.connect(server);
    connection.write(`POST ${session.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n${body}x`);
    assert.equal((await connection.readHead()).status, 413);
    connection.close();
    const chunked = await joined(server);
    const another = await Connection.connect(server);
    another.write(
      `POST ${chunked.target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${body}x\r\n0\r\n\r\n`
    );
    assert.equal((await another.readHead()).status, 413);
    another.close();
    /* Whether the session outlives the refusal is the server's choice; the others do in any case. */
    await joined(server);
  });

  it("has no room for a second poll: both end, and the session", async () => {
    const session = await joined(shared.server);
    const first = await pendingPoll(session);
    const second = await session.get();
    assert.ok(second.status >= 400, String(second.status));
    const { status, body } = await first.readResponse();
    assert.deepEqual([status, body], [200, "1"]);
    assert.equal(await shared.server.disconnectReason(session.id), "transport error");
    assert.equal((await session.get()).body, unknownSession);
    first.close();
  });

  it("has no room for a second post: it ends the session", async () => {
    const session = await joined(shared.server);
    const first = await Connection.connect(shared.server);
    first.write(`POST ${session.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n42[`);
    await eventually(async () => (await session.post("3")).status >= 400, "a second post refused");
    assert.equal(await shared.server.disconnectReason(session.id), "transport error");
    assert.equal((await session.post("3")).body, unknownSession);
    first.close();
  });

  for (const [how, end] of [
    ["closed", "close"],
    ["reset", "reset"],
  ]) {
    it(`ends the session when the connection of a waiting poll is ${how}`, async () => {
      const session = await joined(shared.server);
      const waiting = await pendingPoll(session);
      waiting[end]();
      assert.match(await shared.server.disconnectReason(session.id), transportEnd);
      assert.equal((await session.get()).body, unknownSession);
    });

    it(`ends the session when the connection of an unfinished post is ${how}`, async () => {
      const session = await joined(shared.server);
      const unfinished = await Connection.connect(shared.server);
      unfinished.write(
        `POST ${session.target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n42[`
      );
      assert.equal((await unfinished.readHead()).status, 100);
      unfinished[end]();
      assert.match(await shared.server.disconnectReason(session.id), transportEnd);
      assert.equal((await session.get()).body, unknownSession);
    });
  }

  it("refuses a binary body and ends the session", async () => {
    const session = await joined(shared.server);
    const { status } = await session.post(Buffer.from([0, 1]), {
      headers: { "content-type": "application/octet-stream" },
    });
    assert.equal(status, 400);
    assert.equal(await shared.server.disconnectReason(session.id), "transport error");
    assert.equal((await session.get()).body, unknownSession);
  });
});

describe("Engine.IO closing", () => {
  const shared = sharedServer();

  it("by the polling client releases its waiting poll, and what follows is dropped", async () => {
    const session = await joined(shared.server);
    const waiting = await pendingPoll(session);
    assert.equal((await session.post(["1", ...echoed("too late")])).body, "ok");
    const { status, body } = await waiting.readResponse();
    assert.deepEqual([status, body], [200, "6"]);
    assert.equal(await shared.server.disconnectReason(session.id), "transport close");
    assert.equal((await session.get()).body, unknownSession);
    waiting.close();
  });

  it("by the server delivers what it sent before, then the close packet, whether a poll waits or not", async () => {
    for (const waits of [true, false]) {
      const session = await joined(shared.server);
      const waiting = waits && (await pendingPoll(session));
      await session.post([...echoed("last words"), '42["kick",true]']);
      assert.equal(await shared.server.disconnectReason(session.id), "server namespace disconnect");
      const packets = waits ? (await waiting.readResponse()).body.split(SEPARATOR) : [];
      if (packets.at(-1) !== "1") {
        packets.push(...(await pollUntil(session, "1")));
      }
      assert.deepEqual(
        packets.filter((packet) => packet !== "6"),
        [...echoed("last words"), "41", "1"]
      );
      await session.gone();
      waiting?.close?.();
    }
  });

  for (const [what, payload] of [
    ["without a status", Buffer.alloc(0)],
    ["with status 1000", closePayload(1000)],
    ["with status 1001 and a reason", closePayload(1001, "going away")],
  ]) {
    it(`by a Close frame ${what} is answered by one`, async () => {
      const session = await RawWebSocket.joined(shared.server);
      session.send(opcode.close, payload);
      const { code } = await session.readFrame();
      assert.equal(code, opcode.close);
      await session.ended();
      assert.equal(await shared.server.disconnectReason(session.id), "transport close");
    });
  }

  for (const how of ["close", "reset"]) {
    it(`by a TCP ${how} without a Close frame is noticed at once`, async () => {
      const session = await RawWebSocket.joined(shared.server);
      session[how]();
      assert.match(await shared.server.disconnectReason(session.id), transportEnd);
    });
  }

  it("by the server is a Close frame behind everything sent before", async () => {
    const session = await RawWebSocket.joined(shared.server);
    session.text(echoed("last words")[0]).text('42["kick",true]');
    assert.equal(await session.readText(), echoed("last words")[0]);
    assert.equal(await session.readText(), "41");
    const { code } = await session.closed({ skip: false });
    /* The official server gives no status; one of RFC 6455 that says the same is as good. */
    assert.ok([1000, 1001, 1005].includes(code), String(code));
    await session.ended();
  });

  it("is final: packets behind it are not processed", async () => {
    const session = await RawWebSocket.joined(shared.server);
    const control = await RawWebSocket.joined(shared.server);
    session.send(opcode.close).text('42["cast","from the dead"]');
    assert.equal(await shared.server.disconnectReason(session.id), "transport close");
    await control.echoes();
    control.close();
    session.close();
  });
});

describe("Engine.IO upgrade", () => {
  const shared = sharedServer();

  it("probes, releases the waiting poll, and goes on over WebSocket", async () => {
    const session = await joined(shared.server);
    const waiting = await pendingPoll(session);
    const websocket = await probed(session);
    const { status, body } = await waiting.readResponse();
    assert.deepEqual([status, body], [200, "6"]);
    websocket.text("5");
    await websocket.echoes();
    websocket.close();
    assert.match(await shared.server.disconnectReason(session.id), transportEnd);
    waiting.close();
  });

  it("releases every poll that arrives while it is under way", async () => {
    const session = await joined(shared.server);
    const websocket = await probed(session);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await session.poll(), ["6"]);
    }
    websocket.text("5");
    await websocket.echoes();
    websocket.close();
  });

  it("answers a poll that still waits at its end", async () => {
    const session = await joined(shared.server);
    const websocket = await probed(session);
    const waiting = await Connection.connect(shared.server);
    waiting.write(`GET ${session.target} HTTP/1.1\r\nHost: x\r\n\r\n`);
    websocket.text("5");
    await websocket.echoes();
    const { status, body } = await waiting.readResponse();
    /* A noop or a close when the poll came before the end of the upgrade, a refusal when it came after. */
    assert.ok(status === 200 ? ["1", "6"].includes(body) : status === 400, `${status} ${body}`);
    waiting.close();
    websocket.close();
  });

  it("lets messages flow over polling until it is complete", async () => {
    const session = await joined(shared.server);
    const websocket = await probed(session);
    await session.post(echoed("by post"));
    assert.deepEqual(
      (await pollUntil(session, echoed("by post")[0])).filter((packet) => packet !== "6"),
      echoed("by post")
    );
    websocket.text("5");
    await websocket.echoes();
    websocket.close();
  });

  it("hands what waits for a poll to the WebSocket, in order and before anything newer", async () => {
    const session = await joined(shared.server);
    await session.post(['42["burst",50]', ...binaryEcho]);
    const websocket = await probed(session);
    websocket.text("5").text('42["echo","newest"]');
    for (let i = 0; i < 50; i++) {
      assert.equal(await websocket.readText(), `42["burst",${i}]`);
    }
    assert.equal(await websocket.readText(), binaryEcho[0]);
    assert.deepEqual(await websocket.readBinary(), Buffer.from([1, 2, 3, 4]));
    assert.equal(await websocket.readText(), '42["echo","newest"]');
    websocket.close();
  });

  it("takes probe, end and messages in one segment", async () => {
    const session = await joined(shared.server);
    const websocket = await openUpgrade(session);
    websocket.socket.cork();
    websocket.text("2probe").text("5").text(echoed("at once")[0]);
    websocket.socket.uncork();
    assert.equal(await websocket.readText(), "3probe");
    assert.equal(await websocket.readText(), echoed("at once")[0]);
    websocket.close();
  });

  it("leaves no way back to polling", async () => {
    const session = await joined(shared.server);
    const websocket = await probed(session);
    websocket.text("5");
    await websocket.echoes();
    for (const response of [await session.get(), await session.post(echoed("x"))]) {
      assert.equal(response.status, 400);
      assert.equal(response.body, '{"code":3,"message":"Bad request"}');
    }
    await websocket.echoes();
    websocket.close();
  });

  for (const when of ["under way", "complete"]) {
    it(`does not begin a second time while one is ${when}`, async () => {
      const session = await joined(shared.server);
      const websocket = await probed(session);
      if (when === "complete") {
        websocket.text("5");
        await websocket.echoes();
      }
      const second = await RawWebSocket.connect(shared.server);
      second.write(upgradeRequest(target({ transport: "websocket", sid: session.sid })));
      const { status } = await second.readHead();
      if (status === 101) {
        await second.closed({ skip: false });
      } else {
        assert.equal(status, 400);
      }
      if (when === "under way") {
        websocket.text("5");
      }
      await websocket.echoes();
      websocket.close();
      second.close();
    });
  }

  for (const [what, spoil] of [
    ["begins with a message", (websocket) => websocket.text(echoed("x")[0])],
    ["begins with another ping", (websocket) => websocket.text("2")],
    ["begins with a binary message", (websocket) => websocket.binary(Buffer.from([1]))],
    ["begins with garbage", (websocket) => websocket.text("garbage")],
    ["is a broken frame", (websocket) => websocket.send(3, "x")],
    ["is closed by a Close frame", (websocket) => websocket.send(opcode.close)],
    ["is closed without a word", (websocket) => websocket.close()],
    ["is reset", (websocket) => websocket.reset()],
    ["is reset after the probe", (websocket) => websocket.text("2probe").reset()],
  ]) {
    it(`that ${what} leaves the session on polling, ready for another`, async () => {
      const session = await joined(shared.server);
      const websocket = await openUpgrade(session);
      spoil(websocket);
      if (!websocket.socket.destroyed) {
        await websocket.closed({ skip: false });
      }
      await session.post(echoed("still polling"));
      assert.deepEqual(
        (await pollUntil(session, echoed("still polling")[0])).filter((packet) => packet !== "6"),
        echoed("still polling")
      );
      const another = await eventually(() => probed(session), "another probe");
      another.text("5");
      await another.echoes();
      another.close();
    });
  }

  it("that takes too long is given up, the session goes on over polling", async (t) => {
    const server = await serverFor(t, "--upgrade-timeout", ms(100));
    const session = await joined(server);
    const silent = await openUpgrade(session);
    await silent.closed({ skip: false });
    const slow = await probed(session);
    await slow.closed();
    await session.post(echoed("still polling"));
    assert.deepEqual(
      (await pollUntil(session, echoed("still polling")[0])).filter((packet) => packet !== "6"),
      echoed("still polling")
    );
  });

  it("ends with its session, whoever ends that", async () => {
    for (const packet of ["1", '42["kick",true]']) {
      const session = await joined(shared.server);
      const websocket = await probed(session);
      await session.post(packet);
      if (packet !== "1") {
        await pollUntil(session, "1");
      }
      await websocket.closed();
      await session.gone();
    }
  });
});

describe("Engine.IO heartbeat", () => {
  const shared = sharedServer("--ping-interval", ms(100), "--ping-timeout", ms(150));

  it("is a ping after every interval, over WebSocket", async () => {
    const session = await RawWebSocket.joined(shared.server);
    let last = performance.now();
    for (let i = 0; i < 4; i++) {
      assert.equal(await session.readText(), "2");
      assert.ok(performance.now() - last > ms(90) - (i ? 0 : ms(60)), "not early");
      last = performance.now();
      session.text("3");
    }
    session.close();
  });

  it("is a ping after every interval, over polling", async () => {
    const session = await joined(shared.server);
    for (let i = 0; i < 4; i++) {
      assert.deepEqual(await session.poll(), ["2"]);
      assert.equal((await session.post("3")).body, "ok");
    }
  });

  it("goes on across an upgrade", async () => {
    const session = await joined(shared.server);
    assert.deepEqual(await session.poll(), ["2"]);
    await session.post("3");
    const websocket = await probed(session);
    websocket.text("5");
    for (let i = 0; i < 3; i++) {
      assert.equal(await websocket.readText(), "2");
      websocket.text("3");
    }
    websocket.close();
  });

  it("that is not answered ends a WebSocket session after interval and timeout, not before", async () => {
    const start = performance.now();
    const session = await RawWebSocket.joined(shared.server);
    await session.closed();
    assert.ok(performance.now() - start > ms(240), "too early");
    assert.equal(await shared.server.disconnectReason(session.id), "ping timeout");
  });

  it("that is not answered ends a polling session, even one that never polls", async () => {
    const start = performance.now();
    const session = await joined(shared.server);
    assert.equal(await shared.server.disconnectReason(session.id), "ping timeout");
    assert.ok(performance.now() - start > ms(240), "too early");
    assert.equal((await session.get()).body, unknownSession);
  });

  it("counts from the handshake", async () => {
    const session = await PollingSession.open(shared.server);
    await session.gone();
  });

  it("runs from server to client only: a client's ping ends the session", async (t) => {
    const server = await serverFor(t);
    const websocket = await RawWebSocket.joined(server);
    websocket.text("2");
    await websocket.closed();
    assert.equal(await server.disconnectReason(websocket.id), "transport error");
    const polling = await joined(server);
    await polling.post("2").catch(() => {});
    assert.equal(await server.disconnectReason(polling.id), "transport error");
  });
});

describe("The official Engine.IO client", () => {
  const shared = sharedServer();

  /** Opens a client, joins `/` and has `messages` echoed; returns what comes back. */
  async function roundTrip(t, options, messages) {
    const engine = new EngineClient(shared.server.origin, { path: "/socket.io/", ...options });
    t.after(() => engine.close());
    const received = [];
    engine.on("message", (data) => received.push(data));
    await next(engine, "open");
    engine.send("0");
    await eventually(() => received.length === 1, "the namespace");
    messages.forEach((message) => engine.send(message));
    await eventually(() => received.length === 1 + messages.length, "the echo");
    return received.slice(1);
  }

  for (const [mode, transport] of Object.entries(modes)) {
    for (const forceBase64 of [false, true]) {
      it(`is served over ${mode}${forceBase64 ? ", asking for base64" : ""}`, async (t) => {
        const messages = ['2["echo","é"]', binaryEcho[0].slice(1), Buffer.from([1, 2, 3, 4])];
        assert.deepEqual(await roundTrip(t, { ...transport, forceBase64 }, messages), messages);
      });
    }
  }

  it("that asks for base64 is sent no binary frame", async () => {
    const session = await RawWebSocket.joined(shared.server, "", { query: { b64: "1" } });
    session.text(binaryEcho[0]).binary(Buffer.from([1, 2, 3, 4]));
    assert.equal(await session.readText(), binaryEcho[0]);
    assert.equal(await session.readText(), binaryEcho[1]);
    session.close();
  });
});
