/**
 * Socket.IO as the official client sees it, over each way of reaching the server: connecting, events, acknowledgements,
 * binary, namespaces and middlewares. Broadcasts and the ends of connections have files of their own.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
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
  startServer,
  upgraded,
} from "./support.mjs";

/** Sends `args` to the server's echo and returns what comes back. */
async function echo(socket, ...args) {
  const answer = next(socket, "echo");
  socket.emit("echo", ...args);
  return answer;
}

/** The error that an attempt to connect ends with. */
async function refusal(t, server, nsp, options) {
  const socket = client(t, server, nsp, options);
  const [error] = await next(socket, "connect_error");
  assert.equal(socket.connected, false);
  return error;
}

const jsonValues = [
  ["null", null],
  ["booleans", [true, false]],
  ["integers", [0, 1, -1, 255, 65536, 2147483647, -2147483648, 4294967296]],
  ["the largest exact integers", [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]],
  ["reals", [0.1, -1.5, 1e-7, 1e21, 5e-324, Number.MAX_VALUE]],
  ["an empty string", ""],
  ["text with quotes and backslashes", 'a "b" \\ / c'],
  ["control characters", "\u0000\u0001\b\f\n\r\t\u001e\u001f\u007f"],
  ["two, three and four byte characters", "é ß Ж € ไทย 漢字 😀 👩‍👩‍👧‍👦"],
  ["line separators of JavaScript", "\u2028\u2029"],
  ["non-characters and a byte order mark", "\ufeff\uffff\ufffe"],
  ["an empty array", []],
  ["an empty object", {}],
  ["nesting", { a: [{ b: [[{ c: null }]] }], "": { "": "" } }],
  ["keys that JavaScript treats specially", JSON.parse('{"__proto__":1,"constructor":2,"toString":3,"length":4}')],
  ["keys in their order", { z: 1, a: 2, m: 3 }],
  ["the text of a placeholder", { _placeholder: false, num: 0 }],
];

const binaryValues = [
  ["one buffer", Buffer.from([1, 2, 3])],
  ["all byte values", Buffer.from(Array.from({ length: 256 }, (unused, i) => i))],
  ["an empty buffer", Buffer.alloc(0)],
  ["buffers in an array", [Buffer.from("a"), "b", Buffer.from("c")]],
  [
    "buffers in nested objects",
    { file: { name: "x", parts: [{ data: Buffer.from("one") }, { data: Buffer.from("two") }] } },
  ],
  ["as many attachments as are allowed", Array.from({ length: 10 }, (unused, i) => Buffer.from([i]))],
  ["a buffer of 64 KiB", Buffer.alloc(65536, 7)],
];

for (const [mode, transport] of Object.entries(modes)) {
  describe(`Socket.IO, ${mode} client`, () => {
    let server;
    before(async () => (server = await startServer()));
    after(() => server.stop());

    const open = (t, nsp, options) => connect(t, server, nsp, { ...transport, ...options });
    const refused = (t, nsp, options) => refusal(t, server, nsp, { ...transport, ...options });

    describe("connecting", () => {
      it("gives both sides the same socket id, of 20 characters", async (t) => {
        const socket = await open(t);
        assert.match(socket.id, /^[\w-]{20}$/);
        await server.line(new RegExp(`^connect / ${socket.id}$`));
      });

      it("keeps the socket id apart from the session id, which authorises requests", async (t) => {
        const socket = await open(t);
        assert.notEqual(socket.id, socket.io.engine.id);
      });

      it("hands auth, query and headers of the client to the application", async (t) => {
        const socket = await open(t, "/", {
          auth: { token: "é", nested: { list: [1, null] } },
          query: { q: "a b&c=d é" },
          extraHeaders: { "x-test": "of the client" },
        });
        const [facts] = await call(socket, "handshake");
        const { url, address, ...rest } = facts;
        assert.deepEqual(rest, {
          auth: { token: "é", nested: { list: [1, null] } },
          query: "a b&c=d é",
          header: "of the client",
          secure: false,
          xdomain: false,
        });
        assert.match(url, /^\/socket\.io\/\?/);
        assert.match(address, /^(::ffff:)?127\.0\.0\.1$/);
      });

      it("takes auth from a function, and an empty object when there is none", async (t) => {
        const [computed] = await call(await open(t, "/", { auth: (done) => done({ n: 1 }) }), "handshake");
        assert.deepEqual(computed.auth, { n: 1 });
        const [none] = await call(await open(t), "handshake");
        assert.deepEqual(none.auth, {});
      });

      it("ends on the transport that the client prefers", async (t) => {
        const { engine } = (await open(t)).io;
        const wanted = transport.transports.at(-1);
        await eventually(() => engine.transport.name === wanted, "transport");
      });
    });

    describe("events", () => {
      for (const [what, value] of jsonValues) {
        it(`carry ${what}`, async (t) => {
          const [answer] = await echo(await open(t), value);
          assert.deepStrictEqual(answer, value);
          assert.equal(JSON.stringify(answer), JSON.stringify(value));
        });
      }

      it("carry no argument, and many", async (t) => {
        const socket = await open(t);
        assert.deepEqual(await echo(socket), []);
        const many = Array.from({ length: 500 }, (unused, i) => i);
        assert.deepEqual(await echo(socket, ...many), many);
      });

      it("may have any name that is not reserved", async (t) => {
        const socket = await open(t, "/any");
        for (const name of ["", "é 😀", 'quote"\\', "a,b", "/x", "51-", "x".repeat(1000)]) {
          socket.emit(name, name.length);
          assert.deepEqual(await next(socket, "any"), [name, [name.length]]);
        }
      });

      it("that nobody listens to are ignored", async (t) => {
        const socket = await open(t);
        socket.emit("nobody", 1);
        assert.deepEqual(await echo(socket, "still here"), ["still here"]);
      });

      it("arrive in the order in which they were sent, in both directions", async (t) => {
        const socket = await open(t);
        const echoes = collect(socket, "echo");
        for (let i = 0; i < 500; i++) {
          socket.emit("echo", i);
        }
        await echoes.until(500);
        assert.deepEqual(
          echoes.flat(),
          Array.from({ length: 500 }, (unused, i) => i)
        );
        const burst = collect(socket, "burst");
        socket.emit("burst", 1000);
        await burst.until(1000);
        assert.deepEqual(
          burst.flat(),
          Array.from({ length: 1000 }, (unused, i) => i)
        );
      });

      it("emitted before the connection is there are sent once it is", async (t) => {
        const socket = client(t, server, "/", transport);
        const echoes = collect(socket, "echo");
        socket.emit("echo", "first");
        socket.emit("echo", "second");
        assert.deepEqual(await echoes.until(2), [["first"], ["second"]]);
      });

      it("all reach a catch-all listener", async (t) => {
        const socket = await open(t, "/any");
        const seen = collect(socket, "any");
        socket.emit("one");
        socket.emit("two", 2, { three: [3] });
        socket.emit("bytes", Buffer.from([1]));
        assert.deepEqual(await seen.until(3), [
          ["one", []],
          ["two", [2, { three: [3] }]],
          ["bytes", [Buffer.from([1])]],
        ]);
      });

      it("marked volatile reach a client that is ready, in order, and never delay ordinary ones", async (t) => {
        const socket = await open(t);
        const volatile = collect(socket, "volatile");
        await eventually(async () => {
          volatile.length = 0;
          const end = next(socket, "volatile-end");
          socket.emit("volatile", 3);
          await end;
          return volatile.length > 0;
        }, "a volatile event");
        assert.deepEqual(volatile.flat(), [0, 1, 2].slice(0, volatile.length));
      });
    });

    describe("acknowledgements", () => {
      it("carry any number of arguments back to the client", async (t) => {
        const socket = await open(t);
        assert.deepEqual(await call(socket, "ack"), []);
        assert.deepEqual(await call(socket, "ack", 1, "two", { three: [null] }), [1, "two", { three: [null] }]);
      });

      it("are given once, however often the server answers", async (t) => {
        const socket = await open(t);
        const answers = [];
        socket.emit("twice", (answer) => answers.push(answer));
        await call(socket, "ack");
        assert.deepEqual(answers, ["first"]);
      });

      it("find their own event among hundreds", async (t) => {
        const socket = await open(t);
        const numbers = Array.from({ length: 300 }, (unused, i) => i);
        const answers = await Promise.all(numbers.map((i) => call(socket, "ack", i)));
        assert.deepEqual(
          answers,
          numbers.map((i) => [i])
        );
      });

      it("that never come end by the client's timeout", async (t) => {
        const socket = await open(t);
        await assert.rejects(socket.timeout(ms(50)).emitWithAck("nobody"), /operation has timed out/);
      });

      it("of the client reach the server", async (t) => {
        const socket = await open(t);
        socket.on("question", (a, b, answer) => answer(a + b, "sum", { of: [a, b] }));
        assert.deepEqual(await call(socket, "ask", ms(2000), "question", [1, 2]), [null, [3, "sum", { of: [1, 2] }]]);
      });

      it("of the client that come late are a timeout for the server, and then ignored", async (t) => {
        const socket = await open(t);
        let answerLate;
        socket.on("question", (answer) => (answerLate = answer));
        assert.deepEqual(await call(socket, "ask", ms(50), "question", []), ["operation has timed out", []]);
        answerLate("too late");
        assert.deepEqual(await call(socket, "ack", "still here"), ["still here"]);
      });

      it("carry binary both ways", async (t) => {
        const socket = await open(t);
        const bytes = Buffer.from([0, 255, 30]);
        assert.deepEqual(await call(socket, "ack", { deep: [bytes] }, "x"), [{ deep: [bytes] }, "x"]);
        socket.on("question", (data, answer) => answer({ got: data }));
        assert.deepEqual(await call(socket, "ask", ms(2000), "question", [bytes]), [null, [{ got: bytes }]]);
      });
    });

    describe("binary", () => {
      for (const [what, value] of binaryValues) {
        it(`carries ${what}`, async (t) => {
          assert.deepStrictEqual(await echo(await open(t), value), [value]);
        });
      }

      it("carries typed arrays and array buffers as bytes", async (t) => {
        const socket = await open(t);
        const numbers = Uint16Array.from([1, 2]);
        const bytes = Buffer.from(numbers.buffer);
        assert.deepEqual(await echo(socket, numbers, numbers.buffer), [bytes, bytes]);
      });

      it("stays in step with text events sent around it", async (t) => {
        const socket = await open(t);
        const echoes = collect(socket, "echo");
        const sent = [];
        for (let i = 0; i < 50; i++) {
          sent.push([i], [Buffer.from([i]), Buffer.from([i, i])]);
        }
        sent.forEach((args) => socket.emit("echo", ...args));
        assert.deepEqual([...(await echoes.until(sent.length))], sent);
      });
    });

    describe("namespaces", () => {
      it("have sockets, ids and listeners of their own on one shared connection", async (t) => {
        const root = await open(t);
        const chat = await connected(root.io.socket("/chat"));
        const room = await connected(root.io.socket("/room-7"));
        assert.equal(new Set([root.id, chat.id, room.id]).size, 3);
        const atRoot = collect(root, "echo");
        assert.deepEqual(await echo(chat, "chat"), ["chat"]);
        assert.deepEqual(await call(room, "ack", "room"), ["room"]);
        await call(root, "ack");
        assert.deepEqual([...atRoot], []);
      });

      it("can be left one by one and joined again, without harm to the others", async (t) => {
        const root = await open(t);
        const chat = await connected(root.io.socket("/chat"));
        const { id } = chat;
        chat.disconnect();
        assert.equal(await server.disconnectReason(id), "client namespace disconnect");
        assert.deepEqual(await call(root, "ack", "root lives"), ["root lives"]);
        chat.connect();
        await connected(chat);
        assert.notEqual(chat.id, id);
        assert.deepEqual(await echo(chat, "again"), ["again"]);
      });

      it("that do not exist are refused, and the connection goes on", async (t) => {
        const root = await open(t);
        const nowhere = root.io.socket("/nowhere");
        const [error] = await next(nowhere, "connect_error");
        assert.equal(error.message, "Invalid namespace");
        assert.equal(error.data, undefined);
        assert.deepEqual(await call(root, "ack", 1), [1]);
      });

      it("match a regular expression", async (t) => {
        const socket = client(t, server, "/room-42", transport);
        assert.deepEqual(await next(socket, "hello"), ["/room-42"]);
        assert.deepEqual(await call(socket, "ack", 1), [1]);
        for (const wrong of ["/room-", "/room-1x", "/room-1/2", "/a/room-1"]) {
          assert.equal((await refused(t, wrong)).message, "Invalid namespace", wrong);
        }
      });

      it("are allowed or refused by a callback, at once or later", async (t) => {
        for (const auth of [{ allow: true }, { allow: true, later: true }]) {
          const socket = client(t, server, "/dyn-1", { ...transport, auth });
          assert.deepEqual(await next(socket, "hello"), ["/dyn-1"]);
        }
        for (const auth of [{}, { allow: false, later: true }]) {
          assert.equal((await refused(t, "/dyn-2", { auth })).message, "Invalid namespace");
        }
      });

      it("made for one client are shared by the next", async (t) => {
        const [one, two] = [await open(t, "/room-5"), await open(t, "/room-5")];
        const elsewhere = await open(t, "/room-6");
        const heard = collect(elsewhere, "cast");
        const arrived = next(two, "cast");
        one.emit("cast", "in five");
        assert.deepEqual(await arrived, ["in five"]);
        elsewhere.emit("cast", "in six");
        assert.deepEqual([...(await heard.until(1))], [["in six"]]);
      });
    });

    describe("middlewares", () => {
      for (const token of ["good", "later"]) {
        it(`let a client in, token ${token}`, async (t) => {
          const socket = client(t, server, "/auth", { ...transport, auth: { token } });
          assert.deepEqual(await next(socket, "welcome"), [{ token }]);
        });
      }

      for (const token of ["bad", "later-bad"]) {
        it(`refuse a client with a message and data, token ${token}`, async (t) => {
          const error = await refused(t, "/auth", { auth: { token } });
          assert.equal(error.message, "not authorized");
          assert.deepEqual(error.data, { code: 401, why: ["bad token"] });
        });
      }

      it("refuse without data, and in their order", async (t) => {
        const missing = await refused(t, "/auth");
        assert.equal(missing.message, "token missing");
        assert.equal(missing.data, undefined);
        const first = await refused(t, "/auth", { auth: { token: "x", second: true } });
        assert.equal(first.message, "token missing");
        const second = await refused(t, "/auth", { auth: { token: "good", second: true } });
        assert.equal(second.message, "refused by the second");
      });

      it("let a refused client try again on the same connection", async (t) => {
        const root = await open(t);
        const socket = root.io.socket("/auth", { auth: { token: "bad" } });
        await next(socket, "connect_error");
        socket.auth = { token: "good" };
        socket.connect();
        assert.deepEqual(await next(socket, "welcome"), [{ token: "good" }]);
      });

      it("keep a refused client out of the namespace", async (t) => {
        const control = await connect(t, server, "/control");
        const members = async () => (await call(control, "sockets", "/auth"))[0];
        await eventually(async () => (await members()) === 0, "empty namespace");
        await refused(t, "/auth", { auth: { token: "bad" } });
        assert.equal(await members(), 0);
      });

      it("of a socket refuse single events, and the application is told", async (t) => {
        const socket = await open(t, "/guarded");
        socket.emit("forbidden", 1);
        assert.deepEqual(await next(socket, "refused"), ["event forbidden"]);
        assert.deepEqual(await echo(socket, "allowed"), ["allowed"]);
      });

      it("of a socket may decide later", async (t) => {
        const socket = await open(t, "/guarded");
        const answer = next(socket, "later");
        socket.emit("later", 1, [2]);
        assert.deepEqual(await answer, [1, [2]]);
      });
    });
  });
}

describe("Socket.IO, a client that upgrades", () => {
  let server;
  before(async () => (server = await startServer()));
  after(() => server.stop());

  it("loses, doubles and reorders nothing while both sides keep sending", async (t) => {
    const relay = await relayTo(t, server, { holdUpgrades: true });
    const socket = await connect(t, relay, "/", modes.upgrading);
    const echoes = collect(socket, "echo");
    let sent = 0;
    const send = () => socket.emit("echo", sent++, "x".repeat(sent % 200));
    const sender = setInterval(send, 1);
    t.after(() => clearInterval(sender));
    await echoes.until(20);
    assert.equal(socket.io.engine.transport.name, "polling");
    await relay.release();
    await upgraded(socket);
    await echoes.until(sent + 20);
    clearInterval(sender);
    await echoes.until(sent);
    assert.deepEqual(
      echoes.map(([i]) => i),
      Array.from({ length: sent }, (unused, i) => i)
    );
  });

  it("keeps its socket, its rooms and its namespaces", async (t) => {
    const relay = await relayTo(t, server, { holdUpgrades: true });
    const socket = await connect(t, relay, "/", modes.upgrading);
    const { id } = socket;
    await call(socket, "join", "kept");
    const chat = await connected(socket.io.socket("/chat"));
    await relay.release();
    await upgraded(socket);
    assert.equal(socket.id, id);
    assert.deepEqual(await call(socket, "rooms"), [[id, "kept"].sort()]);
    assert.deepEqual(await call(chat, "ack", 1), [1]);
    assert.ok(!server.lines.some((line) => line.startsWith(`disconnect / ${id}`)));
  });
});
