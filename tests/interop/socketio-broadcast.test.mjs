/**
 * One to many: rooms, broadcasts and their acknowledgements, and operations on selections of sockets, over each way in
 * which the official client reaches a server.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import {
  PollingSession,
  SEPARATOR,
  call,
  collect,
  connect,
  connected,
  eventually,
  modes,
  ms,
  next,
  startServer,
} from "./support.mjs";

/** Connects `count` sockets to `/`, each with the list `heard` of the arguments of its `news` events. */
async function audience(t, server, transport, count) {
  const sockets = await Promise.all(Array.from({ length: count }, () => connect(t, server, "/", transport)));
  for (const socket of sockets) {
    const news = collect(socket, "news");
    Object.defineProperty(socket, "heard", { get: () => news.flat() });
  }
  return sockets;
}

/** Lets `sender` cast one more event: once it is everywhere, all that was sent before it has arrived as well. */
async function settle(sender, sockets) {
  const last = sockets.map((socket) => next(socket, "cast"));
  sender.emit("cast");
  await Promise.all(last);
}

for (const [mode, transport] of Object.entries(modes)) {
  describe(`Socket.IO broadcasts, ${mode} client`, () => {
    let server;
    before(async () => (server = await startServer()));
    after(() => server.stop());

    const join = (socket, ...rooms) => call(socket, "join", rooms);
    const tell = (socket, opts, ...args) => call(socket, "tell", opts, "news", args);
    const people = (t, count) => audience(t, server, transport, count);

    describe("rooms", () => {
      it("begin with the socket's own id, and are joined and left one by one or several at once", async (t) => {
        const [socket] = await people(t, 1);
        const rooms = async () => (await call(socket, "rooms"))[0];
        assert.deepEqual(await rooms(), [socket.id]);
        await call(socket, "join", "one");
        await call(socket, "join", ["two", "three", "two", "é 😀", ""]);
        assert.deepEqual(await rooms(), [socket.id, "one", "two", "three", "é 😀", ""].sort());
        await call(socket, "leave", "two");
        await call(socket, "leave", "never joined");
        assert.deepEqual(await rooms(), [socket.id, "one", "three", "é 😀", ""].sort());
      });

      it("limit a broadcast to their members", async (t) => {
        const [a, b, c] = await people(t, 3);
        await join(b, "x");
        await tell(a, { to: ["x"] }, "for x");
        await settle(a, [a, b, c]);
        assert.deepEqual([a.heard, b.heard, c.heard], [[], ["for x"], []]);
      });

      it("overlap without doubling the message", async (t) => {
        const [a, b, c] = await people(t, 3);
        await join(b, "x", "y");
        await join(c, "y");
        await tell(a, { to: ["x", "y", "nobody's", b.id] }, "once");
        await settle(a, [a, b, c]);
        assert.deepEqual([a.heard, b.heard, c.heard], [[], ["once"], ["once"]]);
      });

      it("can be excepted", async (t) => {
        const [a, b, c, d] = await people(t, 4);
        await join(b, "x", "quiet");
        await join(c, "x");
        await tell(a, { to: ["x"], except: ["quiet"] }, "to x");
        await tell(a, { except: ["x"] }, "to others");
        await tell(a, { except: ["quiet", c.id] }, "to the last");
        await settle(a, [a, b, c, d]);
        assert.deepEqual([a.heard, b.heard, c.heard, d.heard], [[], [], ["to x"], ["to others", "to the last"]]);
      });

      it("named by a socket's id reach that socket alone", async (t) => {
        const [a, b, c] = await people(t, 3);
        await tell(a, { to: [b.id] }, "private");
        await settle(a, [a, b, c]);
        assert.deepEqual([a.heard, b.heard, c.heard], [[], ["private"], []]);
      });

      it("hear nothing more once left", async (t) => {
        const [a, b] = await people(t, 2);
        await join(b, "x");
        await call(b, "leave", "x");
        await tell(a, { to: ["x"] }, "too late");
        await settle(a, [a, b]);
        assert.deepEqual(b.heard, []);
      });

      it("are of one namespace: the same name elsewhere is another room", async (t) => {
        const [a, b] = await people(t, 2);
        const chat = await connected(b.io.socket("/chat"));
        const heard = collect(chat, "news");
        await join(chat, "x");
        await tell(a, { to: ["x"] }, "for / only");
        await settle(a, [a, b]);
        await call(chat, "ack");
        assert.deepEqual([...heard], []);
      });

      it("are left by a socket that disconnects", async (t) => {
        const control = await connect(t, server, "/control");
        const [a, b] = await people(t, 2);
        await join(a, "shared");
        await join(b, "shared");
        a.disconnect();
        await eventually(
          async () => (await call(control, "fetch", "/", { to: ["shared"] }))[0].length === 1,
          "one member"
        );
      });
    });

    describe("a broadcast", () => {
      it("reaches everybody, the sender included, when the namespace sends", async (t) => {
        const [a, b] = await people(t, 2);
        const heard = [a, b].map((socket) => next(socket, "cast"));
        a.emit("cast", "all", { n: 1 });
        assert.deepEqual(await Promise.all(heard), [
          ["all", { n: 1 }],
          ["all", { n: 1 }],
        ]);
      });

      it("leaves the sender out when a socket sends", async (t) => {
        const [a, b, c] = await people(t, 3);
        await join(a, "x");
        await tell(a, {}, "others");
        await tell(a, { to: ["x", a.id] }, "nobody");
        await settle(a, [a, b, c]);
        assert.deepEqual([a.heard, b.heard, c.heard], [[], ["others"], ["others"]]);
      });

      it("carries binary, nested and mixed with text", async (t) => {
        const [a, b, c] = await people(t, 3);
        const message = { name: "é", parts: [Buffer.from([0, 1, 255]), { deep: Buffer.alloc(0) }] };
        await tell(a, {}, message);
        await settle(a, [a, b, c]);
        assert.deepEqual([b.heard, c.heard], [[message], [message]]);
      });

      it("keeps its place among direct messages and other broadcasts", async (t) => {
        const [a, b] = await people(t, 2);
        const order = [];
        b.onAny((event, n) => order.push(n));
        for (let n = 0; n < 100; n++) {
          a.emit("tell", { to: n % 3 ? [] : [b.id] }, "news", [n], () => {});
        }
        await settle(a, [b]);
        assert.deepEqual(
          order.slice(0, -1),
          Array.from({ length: 100 }, (unused, n) => n)
        );
      });

      it("marked local or volatile reaches clients that are ready", async (t) => {
        const [a, b] = await people(t, 2);
        await tell(a, { local: true }, "local");
        await eventually(async () => {
          await tell(a, { volatile: true }, "volatile");
          await settle(a, [b]);
          return b.heard.includes("volatile");
        }, "a volatile broadcast");
        assert.equal(b.heard[0], "local");
      });

      it("to a namespace does not reach another", async (t) => {
        const control = await connect(t, server, "/control");
        const [a] = await people(t, 1);
        const chat = await connected(a.io.socket("/chat"));
        const arrived = next(chat, "news");
        await call(control, "emit", "/chat", {}, "news", ["chat"]);
        assert.deepEqual(await arrived, ["chat"]);
        await call(a, "ack");
        assert.deepEqual(a.heard, []);
      });
    });

    describe("a broadcast with acknowledgements", () => {
      let control;
      const ask = (t, opts, ...args) => call(control, "emit", "/", opts, "question", args);
      const answering = (socket, ...answers) => socket.on("question", (...args) => args.pop()(...answers));
      before(async () => (control = await connect(null, server, "/control")));
      after(() => control.io._close());
      beforeEach(() => eventually(async () => (await call(control, "sockets", "/"))[0] === 0, "an empty namespace"));

      it("collects the first answer of every client", async (t) => {
        const sockets = await people(t, 3);
        sockets.forEach((socket, i) => answering(socket, { number: i }, "ignored"));
        const [error, answers] = await ask(t, { timeout: ms(4000) }, 1);
        assert.equal(error, null);
        assert.deepEqual(answers.map(({ number }) => number).sort(), [0, 1, 2]);
      });

      it("fails when some do not answer in time, with the answers that came", async (t) => {
        const [a, b] = await people(t, 2);
        answering(a, "from a");
        collect(b, "question");
        assert.deepEqual(await ask(t, { timeout: ms(100) }), ["operation has timed out", ["from a"]]);
      });

      it("asks only those selected, and takes binary answers", async (t) => {
        const [a, b] = await people(t, 2);
        await join(a, "asked");
        answering(a, Buffer.from([1, 2]));
        answering(b, "not asked");
        assert.deepEqual(await ask(t, { to: ["asked"], timeout: ms(4000) }, Buffer.from([3])), [
          null,
          [Buffer.from([1, 2])],
        ]);
      });

      it("is answered at once when nobody is there to answer", async (t) => {
        await people(t, 1);
        assert.deepEqual(await ask(t, { to: ["empty"], timeout: ms(4000) }), [null, []]);
      });

      it("ignores an answer that comes after the end", async (t) => {
        const [a] = await people(t, 1);
        let late;
        a.on("question", (answer) => (late = answer));
        assert.deepEqual(await ask(t, { timeout: ms(50) }), ["operation has timed out", []]);
        late("too late");
        assert.deepEqual(await call(a, "ack", 1), [1]);
      });
    });

    describe("selected sockets", () => {
      let control;
      const select = (operation, opts, ...args) => call(control, operation, "/", opts, ...args);
      before(async () => (control = await connect(null, server, "/control")));
      after(() => control.io._close());
      beforeEach(() => eventually(async () => (await call(control, "sockets", "/"))[0] === 0, "an empty namespace"));

      it("are listed with their rooms", async (t) => {
        const [a, b, c] = await people(t, 3);
        await join(a, "x");
        await join(b, "x", "y");
        const described = (socket, ...rooms) => ({ id: socket.id, rooms: [socket.id, ...rooms].sort() });
        const inOrder = (list) => list.sort((one, two) => (one.id < two.id ? -1 : 1));
        const [all] = await select("fetch", {});
        assert.deepEqual(all, inOrder([described(a, "x"), described(b, "x", "y"), described(c)]));
        const [some] = await select("fetch", { to: ["x"], except: ["y"] });
        assert.deepEqual(some, [described(a, "x")]);
        assert.deepEqual(await select("fetch", { to: ["nobody's"] }), [[]]);
      });

      it("can be made to join and leave rooms", async (t) => {
        const [a, b] = await people(t, 2);
        const rooms = async (socket) => (await call(socket, "rooms"))[0];
        await select("join", { to: [a.id] }, ["p", "q"]);
        await select("join", {}, ["r"]);
        await eventually(async () => (await rooms(a)).length === 4 && (await rooms(b)).length === 2, "rooms");
        await select("leave", { to: ["p"] }, ["q", "r"]);
        await eventually(async () => (await rooms(a)).length === 2, "rooms left");
        assert.deepEqual([await rooms(a), await rooms(b)], [[a.id, "p"].sort(), [b.id, "r"].sort()]);
      });

      it("can be disconnected from the namespace", async (t) => {
        const [a, b] = await people(t, 2);
        await join(a, "out");
        const { id } = a;
        const gone = next(a, "disconnect");
        await select("drop", { to: ["out"] }, false);
        assert.equal((await gone)[0], "io server disconnect");
        assert.equal(await server.disconnectReason(id), "server namespace disconnect");
        assert.deepEqual(await call(b, "ack", 1), [1]);
      });

      it("can be disconnected with their connections", async (t) => {
        const [a, b] = await people(t, 2);
        const chat = await connected(a.io.socket("/chat"));
        const gone = [a, chat].map((socket) => next(socket, "disconnect"));
        await select("drop", { to: [a.id] }, true);
        assert.deepEqual(
          (await Promise.all(gone)).map(([reason]) => reason),
          ["io server disconnect", "io server disconnect"]
        );
        assert.deepEqual(await call(b, "ack", 1), [1]);
      });
    });
  });
}

describe("A volatile broadcast", () => {
  it("skips a polling client that has no request waiting, ordinary events wait for it", async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    const control = await connect(t, server, "/control");
    const session = await PollingSession.open(server);
    await session.join();
    await call(control, "emit", "/", { volatile: true }, "skipped", []);
    await call(control, "emit", "/", {}, "kept", []);
    assert.deepEqual((await session.get()).body.split(SEPARATOR), ['42["kept"]']);
  });
});
