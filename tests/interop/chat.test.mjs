// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// demo/chat/PROTOCOL.md, rule by rule, without a browser: against `sio serve`, or with SIO_REFERENCE=1 against
// demo/chat/reference.mjs.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ChatServer } from "./chat_server.mjs";
import { call, client, collect, connected, eventually, next } from "./support.mjs";

let server;
let count = 0;

const key = () => `key-${String(count++).padStart(8, "0")}`;
const room = () => `room ${count++}`;

/** A connection; with a name, introduced. */
async function visit(t, name) {
  const socket = await connected(client(t, { origin: server.url.slice(0, -1) }));
  if (name !== undefined) {
    const answer = await ask(socket, "hello", name);
    assert.equal(answer.ok, true);
  }
  return socket;
}

/** Emits and returns the one object that acknowledges it. */
async function ask(socket, event, ...args) {
  const answers = await call(socket, event, ...args);
  assert.equal(answers.length, 1);
  return answers[0];
}

const refused = (error) => ({ ok: false, error });

const labels = {
  good: ["a", "x".repeat(24), "é".repeat(24), "\u{1f600}".repeat(24), "a b", "<b>&amp;", "#", "__proto__", "日本"],
  bad: [
    "",
    " ",
    "x".repeat(25),
    "\u{1f600}".repeat(25),
    " a",
    "a ",
    "a\u0000",
    "a\nb",
    "a\u007f",
    "a\u0085b",
    "a\u200bb",
    "a\u202eb",
    "a\u2066b",
    "\ufeffa",
    "\ud800",
    5,
    true,
    null,
    {},
    ["a"],
    new Uint8Array([97]),
  ],
};

const texts = {
  good: ["x", "x".repeat(1000), "\u{1f600}".repeat(1000), " x ", "a\n\tb", "\u202eabc", "<script>"],
  bad: ["", " \n\t", "x".repeat(1001), "\u{1f600}".repeat(1001), "a\u0000", "a\rb", "a\u009f", "\udc00", 1, null, []],
};

const keys = {
  good: ["abcdefgh", "A_z-0123", "k".repeat(32)],
  bad: ["", "abcdefg", "k".repeat(33), "abc defgh", "abcdefgé", "abcdefgh\n", 12345678, null],
};

describe("chat protocol", { timeout: 120_000 }, () => {
  before(async () => {
    server = await ChatServer.start();
  });

  after(() => server?.stop());

  it("introduces a user by a good name only, and only once", async (t) => {
    const socket = await visit(t);
    for (const name of labels.bad) {
      assert.deepEqual(await ask(socket, "hello", name), refused("invalid"), JSON.stringify(name));
    }
    assert.deepEqual(await ask(socket, "hello"), refused("invalid"));
    const answer = await ask(socket, "hello", "Ada", "and more");
    assert.deepEqual(answer.user, { id: socket.id, name: "Ada" });
    const names = answer.rooms.map(({ name }) => name);
    for (const name of ["general", "ideas", "random"]) {
      assert.ok(names.includes(name), name);
    }
    assert.deepEqual(await ask(socket, "hello", "Eve"), refused("already-introduced"));
    for (const name of labels.good) {
      await visit(t, name);
    }
  });

  it("takes nothing from who is not introduced", async (t) => {
    const socket = await visit(t);
    assert.deepEqual(await ask(socket, "join", "general"), refused("not-introduced"));
    assert.deepEqual(await ask(socket, "leave", "general"), refused("not-introduced"));
    assert.deepEqual(await ask(socket, "message", "general", "x", key()), refused("not-introduced"));
    assert.deepEqual(await ask(socket, "join", ""), refused("invalid"));
  });

  it("joins rooms by good names only", async (t) => {
    const socket = await visit(t, "Ada");
    for (const name of labels.bad.slice(0, 15)) {
      assert.deepEqual(await ask(socket, "join", name), refused("invalid"), JSON.stringify(name));
    }
    const other = await visit(t, "Eve");
    for (const name of labels.bad.slice(15)) {
      assert.deepEqual(await ask(other, "join", name), refused("invalid"), JSON.stringify(name));
    }
    const name = room();
    const answer = await ask(other, "join", name);
    assert.deepEqual(answer, { ok: true, members: [{ id: other.id, name: "Eve" }], history: [] });
    assert.deepEqual(await ask(other, "join", name), answer);
  });

  it("tells who comes and goes, and how many are there", async (t) => {
    const [ada, eve, eliza] = [await visit(t, "Ada"), await visit(t, "Eve"), await visit(t, "Eliza")];
    const stranger = await visit(t);
    const heard = collect(stranger, "room");
    const name = room();
    const sizes = collect(eliza, "room");
    await ask(ada, "join", name);

    const joined = next(ada, "joined");
    const { members } = await ask(eve, "join", name);
    assert.deepEqual(members.map(({ id }) => id).sort(), [ada.id, eve.id].sort());
    const [where, who, time] = await joined;
    assert.deepEqual([where, who], [name, { id: eve.id, name: "Eve" }]);
    assert.ok(Math.abs(time - Date.now()) < 60_000);

    const left = next(ada, "left");
    assert.deepEqual(await ask(eve, "leave", name), { ok: true });
    assert.deepEqual((await left).slice(0, 2), [name, { id: eve.id, name: "Eve" }]);
    assert.deepEqual(await ask(eve, "leave", name), refused("not-a-member"));

    await ask(eve, "join", name);
    const lost = next(ada, "left");
    const { id } = eve;
    eve.io.engine.close();
    assert.deepEqual((await lost).slice(0, 2), [name, { id, name: "Eve" }]);

    const gone = next(eliza, "gone");
    ada.disconnect();
    assert.deepEqual(await gone, [name]);
    const mine = sizes.filter(([of]) => of === name).map(([, size]) => size);
    assert.deepEqual(mine, [1, 2, 1, 2, 1]);
    await call(stranger, "hello", "Now");
    assert.deepEqual([...heard], []);
  });

  it("passes a good message to the others of the room", async (t) => {
    const [ada, eve] = [await visit(t, "Ada"), await visit(t, "Eve")];
    const name = room();
    await ask(ada, "join", name);
    await ask(eve, "join", name);
    const own = collect(ada, "message");
    const arrived = collect(eve, "message");

    const sent = [];
    for (const text of texts.good) {
      const message = { key: key(), room: name, user: { id: ada.id, name: "Ada" }, text };
      const answer = await ask(ada, "message", name, text, message.key);
      assert.equal(answer.ok, true, JSON.stringify(text));
      sent.push([{ ...message, time: answer.time }]);
    }
    assert.deepEqual(await arrived.until(sent.length), sent);
    assert.deepEqual([...own], []);
  });

  it("refuses messages against the rules", async (t) => {
    const name = room();
    const attempts = [
      ...texts.bad.map((text) => [name, text, key()]),
      ...keys.bad.map((bad) => [name, "x", bad]),
      ["", "x", key()],
      [name],
      [],
    ];
    let socket;
    for (const [index, args] of attempts.entries()) {
      if (index % 15 === 0) {
        socket = await visit(t, "Ada");
        await ask(socket, "join", name);
      }
      assert.deepEqual(await ask(socket, "message", ...args), refused("invalid"), JSON.stringify(args));
    }
    for (const good of keys.good) {
      assert.equal((await ask(socket, "message", name, "x", good)).ok, true);
    }
    const other = await visit(t, "Eve");
    assert.deepEqual(await ask(other, "message", name, "x", key()), refused("not-a-member"));
    assert.deepEqual(await ask(other, "message", room(), "x", key()), refused("not-a-member"));
  });

  it("delivers a repeated message once", async (t) => {
    const [ada, eve] = [await visit(t, "Ada"), await visit(t, "Eve")];
    const name = room();
    await ask(ada, "join", name);
    await ask(eve, "join", name);
    const arrived = collect(eve, "message");
    const id = key();
    const first = await ask(ada, "message", name, "once", id);
    assert.deepEqual(await ask(ada, "message", name, "once", id), first);
    await ask(ada, "message", name, "last", key());
    await arrived.until(2);
    assert.deepEqual(arrived.map(([{ text }]) => text), ["once", "last"]);
  });

  it("keeps the last 50 messages for who joins later", async (t) => {
    const name = room();
    const holder = await visit(t, "Holder");
    await ask(holder, "join", name);
    for (let sent = 0; sent < 55; ) {
      const socket = await visit(t, "Ada");
      await ask(socket, "join", name);
      for (const end = Math.min(55, sent + 18); sent < end; sent++) {
        assert.equal((await ask(socket, "message", name, `text ${sent}`, key())).ok, true);
      }
    }
    const { history } = await ask(await visit(t, "Eve"), "join", name);
    assert.deepEqual(history.map(({ text }) => text), Array.from({ length: 50 }, (_, index) => `text ${index + 5}`));
    assert.deepEqual(Object.keys(history[0]).sort(), ["key", "room", "text", "time", "user"]);
  });

  it("passes typing on to the others of the room", async (t) => {
    const [ada, eve] = [await visit(t, "Ada"), await visit(t, "Eve")];
    const name = room();
    await ask(ada, "join", name);
    await ask(eve, "join", name);
    const own = collect(ada, "typing");
    const arrived = collect(eve, "typing");
    for (const args of [[name, "yes"], [name], [], ["", true], [room(), true], [name, null], [{}, true]]) {
      ada.emit("typing", ...args);
    }
    ada.emit("typing", name, true);
    ada.emit("typing", name, false);
    await arrived.until(2);
    const user = { id: ada.id, name: "Ada" };
    assert.deepEqual([...arrived], [[name, user, true], [name, user, false]]);
    assert.deepEqual([...own], []);
  });

  it("does not let the name of a room reach a single socket, or all", async (t) => {
    const [ada, mallory] = [await visit(t, "Ada"), await visit(t, "Mallory")];
    const name = room();
    await ask(ada, "join", name);
    await ask(mallory, "join", name);
    const arrived = collect(ada, "message");
    for (const label of [ada.id, "introduced", `chat:${name}`.slice(0, 24)]) {
      await ask(mallory, "join", label);
      assert.equal((await ask(mallory, "message", label, "psst", key())).ok, true);
    }
    await ask(mallory, "message", name, "hello", key());
    await arrived.until(1);
    assert.deepEqual(arrived.map(([{ text }]) => text), ["hello"]);
  });

  it("bounds the rooms of a socket", async (t) => {
    const socket = await visit(t, "Ada");
    const names = Array.from({ length: 8 }, room);
    for (const name of names) {
      assert.equal((await ask(socket, "join", name)).ok, true);
    }
    assert.deepEqual(await ask(socket, "join", room()), refused("too-many-rooms"));
    assert.equal((await ask(socket, "join", names[0])).ok, true);
    await ask(socket, "leave", names[0]);
    assert.equal((await ask(socket, "join", room())).ok, true);
  });

  it("bounds the rooms in all, and forgets the empty ones", async (t) => {
    const watcher = await visit(t);
    const { rooms } = await ask(watcher, "hello", "Watcher");
    const sockets = [];
    let answer = { ok: true };
    for (let made = rooms.length; answer.ok; made++) {
      assert.ok(made <= 100);
      if ((made - rooms.length) % 8 === 0) {
        sockets.push(await visit(t, "Ada"));
      }
      answer = await ask(sockets.at(-1), "join", room());
      if (!answer.ok) {
        assert.equal(made, 100);
      }
    }
    assert.deepEqual(answer, refused("too-many-rooms"));
    sockets.forEach((socket) => socket.disconnect());
    await eventually(async () => (await ask(await visit(t), "hello", "Eve")).rooms.length <= rooms.length);
  });

  it("slows down who is too fast", async (t) => {
    const socket = await visit(t, "Ada");
    const name = room();
    await ask(socket, "join", name);
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(socket, "message", name, "x", key())));
    const passed = answers.filter(({ ok }) => ok).length;
    assert.ok(passed >= 19 && passed <= 25, `${passed} passed`);
    assert.deepEqual(answers.at(-1), refused("too-fast"));
    await eventually(async () => (await ask(socket, "message", name, "x", key())).ok, "a token");
  });

  it("survives what it does not know, and does without acknowledgements", async (t) => {
    const socket = await visit(t);
    socket.emit("hello");
    socket.emit("hello", "Ada");
    for (const event of ["nonsense", "constructor", "toString", "room", "gone"]) {
      socket.emit(event, "general", 1);
    }
    const name = room();
    socket.emit("join", name);
    socket.emit("message", name, "x", key());
    const { history } = await ask(socket, "join", name);
    assert.deepEqual(history.map(({ text }) => text), ["x"]);
  });
});
