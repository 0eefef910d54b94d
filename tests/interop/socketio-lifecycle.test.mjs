/**
 * How connections end and begin again: disconnecting from either side, lost peers, limits, the server's end, and
 * reconnection of the official client.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Manager } from "socket.io-client";
import {
  RawWebSocket,
  call,
  client,
  collect,
  connect,
  connected,
  eventually,
  modes,
  ms,
  next,
  relayTo,
  serverFor,
  startServer,
  upgraded,
} from "./support.mjs";

const KB = 1000;

/** Breaks the client's connections until it has noticed: between two requests a polling client sees nothing. */
function breakNetwork(relay, socket) {
  return eventually(() => {
    relay.cut();
    return !socket.connected;
  }, "a broken connection");
}

for (const [mode, transport] of Object.entries(modes)) {
  describe(`Socket.IO connections, ${mode} client`, () => {
    let server;
    before(async () => (server = await startServer()));
    after(() => server.stop());

    const open = async (t, nsp, options, way = server) => {
      const socket = await connect(t, way, nsp, { ...transport, ...options });
      if (mode === "upgrading") {
        await upgraded(socket);
      }
      return socket;
    };

    describe("disconnecting", () => {
      it("by the client ends the socket on both sides, and everything after it", async (t) => {
        const socket = await open(t);
        const { id } = socket;
        const closed = next(socket, "disconnect");
        socket.disconnect();
        assert.deepEqual((await closed)[0], "io client disconnect");
        assert.equal(await server.disconnectReason(id), "client namespace disconnect");
      });

      it("by the server leaves the connection to other namespaces", async (t) => {
        const root = await open(t);
        const chat = await connected(root.io.socket("/chat"));
        const { id } = chat;
        const closed = next(chat, "disconnect");
        chat.emit("kick", false);
        assert.equal((await closed)[0], "io server disconnect");
        assert.equal(chat.active, false);
        assert.equal(await server.disconnectReason(id), "server namespace disconnect");
        assert.deepEqual(await call(root, "ack", 1), [1]);
      });

      it("by the server together with the connection ends every namespace", async (t) => {
        const root = await open(t);
        const chat = await connected(root.io.socket("/chat"));
        const ids = [root.id, chat.id];
        const closed = [root, chat].map((socket) => next(socket, "disconnect"));
        root.emit("kick", true);
        assert.deepEqual(
          (await Promise.all(closed)).map(([reason]) => reason),
          ["io server disconnect", "io server disconnect"]
        );
        for (const id of ids) {
          assert.equal(await server.disconnectReason(id), "server namespace disconnect");
        }
      });

      it("and connecting again gives a new socket on the same client", async (t) => {
        const socket = await open(t);
        const { id } = socket;
        socket.disconnect();
        socket.connect();
        await connected(socket);
        assert.notEqual(socket.id, id);
        assert.deepEqual(await call(socket, "ack", "again"), ["again"]);
      });

      it("by closing the connection is a transport close for the server", async (t) => {
        const socket = await open(t);
        const { id } = socket;
        const closed = next(socket, "disconnect");
        socket.io.engine.close();
        assert.equal((await closed)[0], "forced close");
        assert.equal(await server.disconnectReason(id), "transport close");
      });

      it("by a broken network is noticed on both sides, and frees the session", async (t) => {
        /* A polling client may be cut off between two polls: only the heartbeat tells the server then. */
        const beating = await serverFor(t, "--ping-interval", ms(200), "--ping-timeout", ms(200));
        const reasons = mode === "polling" ? /^(transport (close|error)|ping timeout)$/ : /^transport (close|error)$/;
        const control = await connect(t, beating, "/control");
        const relay = await relayTo(t, beating);
        const socket = await open(t, "/", {}, relay);
        const { id } = socket;
        const closed = next(socket, "disconnect");
        await breakNetwork(relay, socket);
        assert.match((await closed)[0], /^transport (close|error)$/);
        assert.match(await beating.disconnectReason(id), reasons);
        await eventually(async () => (await call(control, "sessions"))[0] === 1, "session gone");
      });

      it("frees the session", async (t) => {
        const control = await connect(t, server, "/control");
        const sessions = async () => (await call(control, "sessions"))[0];
        await eventually(async () => (await sessions()) === 1, "earlier sessions gone");
        const [one, two] = await Promise.all([open(t), open(t)]);
        assert.equal(await sessions(), 3);
        one.disconnect();
        two.emit("kick", true);
        await eventually(async () => (await sessions()) === 1, "sessions gone");
      });
    });

    describe("large messages", () => {
      const sizes = { text: () => "é".repeat(450 * KB), binary: () => Buffer.alloc(700 * KB, 1) };
      for (const [kind, make] of Object.entries(sizes)) {
        it(`below the limit of 1 MB pass both ways: ${kind}`, async (t) => {
          const socket = await open(t);
          const message = make();
          const answer = next(socket, "echo");
          socket.emit("echo", message);
          const [same] = await answer;
          assert.ok(Buffer.from(same).equals(Buffer.from(message)));
        });
      }

      it("are limited one by one, not together", async (t) => {
        const socket = await open(t);
        const many = collect(socket, "echo");
        for (let i = 0; i < 3; i++) {
          socket.emit("echo", "y".repeat(600 * KB));
        }
        assert.ok((await many.until(3)).every(([text]) => text.length === 600 * KB));
      });

      it("above 1 MB end the connection of their sender, and nobody else's", async (t) => {
        const [socket, other] = [await open(t), await open(t)];
        const { id } = socket;
        const closed = next(socket, "disconnect");
        socket.emit("echo", "x".repeat(1001 * KB));
        const [reason] = await closed;
        assert.equal(reason, mode === "polling" ? "transport error" : "transport close");
        /* Over polling the request is refused, and it is the client that closes. */
        assert.match(
          await server.disconnectReason(id),
          mode === "polling" ? /^transport (error|close)$/ : /^transport error$/
        );
        assert.deepEqual(await call(other, "ack", 1), [1]);
      });
    });

    it("serves 200 clients at once", async (t) => {
      const sockets = await Promise.all(Array.from({ length: 200 }, () => connect(t, server, "/", transport)));
      assert.equal(new Set(sockets.map(({ id }) => id)).size, 200);
      const answers = await Promise.all(sockets.map((socket, i) => call(socket, "ack", i)));
      assert.deepEqual(
        answers.flat(),
        sockets.map((socket, i) => i)
      );
      const heard = sockets.map((socket) => next(socket, "cast"));
      sockets[0].emit("cast", "everybody");
      assert.ok((await Promise.all(heard)).every(([word]) => word === "everybody"));
    });

    it("keeps an idle connection through many heartbeats", async (t) => {
      const lively = await serverFor(t, "--ping-interval", ms(40), "--ping-timeout", ms(2000));
      const socket = await connect(t, lively, "/", transport);
      const pings = collect(socket.io, "ping");
      await pings.until(8);
      assert.deepEqual(await call(socket, "ack", 1), [1]);
    });

    it("lets the client see a server that has stopped answering", async (t) => {
      const frozen = await serverFor(t, "--ping-interval", ms(50), "--ping-timeout", ms(150));
      const socket = await connect(t, frozen, "/", transport);
      const closed = next(socket, "disconnect");
      frozen.process.kill("SIGSTOP");
      try {
        assert.equal((await closed)[0], "ping timeout");
      } finally {
        frozen.process.kill("SIGCONT");
      }
    });

    it("tells every socket that the server shuts down, then ends", async (t) => {
      const ending = await serverFor(t);
      const control = await connect(t, ending, "/control");
      const [one, two] = [await connect(t, ending, "/", transport), await connect(t, ending, "/chat", transport)];
      const ids = [one.id, two.id];
      const closed = [one, two].map((socket) => next(socket, "disconnect"));
      control.emit("close");
      for (const [reason] of await Promise.all(closed)) {
        assert.match(reason, /^transport (close|error)$/);
      }
      for (const id of ids) {
        assert.equal(await ending.disconnectReason(id), "server shutting down");
      }
      assert.deepEqual(await ending.exited, { code: 0, signal: null });
    });

    it("resumes by itself when the server was killed and started again", async (t) => {
      const first = await serverFor(t);
      const socket = await connect(t, first, "/", {
        ...transport,
        reconnection: true,
        reconnectionDelay: 20,
        reconnectionDelayMax: 100,
      });
      const { id } = socket;
      const closed = next(socket, "disconnect");
      await first.kill("SIGKILL");
      assert.match((await closed)[0], /^transport (close|error)$/);
      const echoes = collect(socket, "echo");
      socket.emit("echo", "while away");
      await next(socket.io, "reconnect_attempt");
      const again = next(socket, "connect");
      await serverFor(t, "--port", first.port);
      await again;
      assert.notEqual(socket.id, id);
      assert.deepEqual(await echoes.until(1), [["while away"]]);
    });

    it("resumes by itself with a new socket when the network was broken", async (t) => {
      const relay = await relayTo(t, server);
      const socket = await open(t, "/", { reconnection: true, reconnectionDelay: 20 }, relay);
      const { id } = socket;
      await breakNetwork(relay, socket);
      await connected(socket);
      assert.notEqual(socket.id, id);
      assert.deepEqual(await call(socket, "ack", "back"), ["back"]);
    });
  });
}

describe("A connection on which no namespace is joined", () => {
  it("is closed after the connect timeout", async (t) => {
    const server = await serverFor(t, "--connect-timeout", ms(100));
    const session = await RawWebSocket.session(server);
    await session.closed();
  });

  it("is closed even when it keeps answering pings, or was refused a namespace", async (t) => {
    const server = await serverFor(t, "--connect-timeout", ms(200), "--ping-interval", ms(50));
    const session = await RawWebSocket.session(server);
    session.text("40/nowhere,");
    assert.equal(await session.readText(), '44/nowhere,{"message":"Invalid namespace"}');
    assert.equal(await session.readText(), "2");
    session.text("3");
    await session.closed();
  });

  it("stays open once a namespace was joined, and when the last one was left", async (t) => {
    const server = await serverFor(t, "--connect-timeout", ms(100), "--ping-interval", ms(150));
    const session = await RawWebSocket.joined(server);
    session.text("41");
    assert.equal(await server.disconnectReason(session.id), "client namespace disconnect");
    assert.equal(await session.readText(), "2");
    session.text("3");
    assert.equal(await session.readText(), "2");
    session.close();
  });
});

describe("Dynamic namespaces", () => {
  const members = async (control, name) => (await call(control, "sockets", name))[0];

  it("outlive their sockets by default", async (t) => {
    const server = await serverFor(t);
    const control = await connect(t, server, "/control");
    assert.equal(await members(control, "/room-1"), null);
    const socket = await connect(t, server, "/room-1");
    assert.equal(await members(control, "/room-1"), 1);
    socket.disconnect();
    await eventually(async () => (await members(control, "/room-1")) === 0, "an empty namespace");
  });

  it("go with their last socket when that is asked for, and can come back; static ones stay", async (t) => {
    const server = await serverFor(t, "--cleanup-empty");
    const control = await connect(t, server, "/control");
    const manager = new Manager(server.origin, { transports: ["websocket"], reconnection: false });
    t.after(() => manager._close());
    const [one, two] = [manager.socket("/room-1"), client(t, server, "/room-1")];
    await Promise.all([connected(one), connected(two)]);
    const chat = await connected(manager.socket("/chat"));
    one.disconnect();
    await eventually(async () => (await members(control, "/room-1")) === 1, "one left");
    two.disconnect();
    await eventually(async () => (await members(control, "/room-1")) === null, "the end of the namespace");
    chat.disconnect();
    await eventually(async () => (await members(control, "/chat")) === 0, "an empty namespace");
    const again = client(t, server, "/room-1");
    assert.deepEqual(await next(again, "hello"), ["/room-1"]);
  });
});
