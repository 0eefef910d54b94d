// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The chat demo's server on the official Socket.IO for Node: the reference of PROTOCOL.md, for working on the page and
// for checking the browser tests themselves (SIO_REFERENCE=1). `sio serve` is the same in C.
//
//   node demo/chat/reference.mjs [--port N] [--host ADDRESS]        port 0: any free one
//
// Packages are looked up from tests/interop; SIO_NODE_PACKAGE names another package.json to start from.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const require = createRequire(
  process.env.SIO_NODE_PACKAGE ?? fileURLToPath(new URL("../../tests/interop/package.json", import.meta.url)),
);
const { Server } = require("socket.io");

const LIMITS = { rooms: 100, roomsOfSocket: 8, members: 500, history: 50, burst: 20, perSecond: 5 };
const PERMANENT = ["general", "ideas", "random"];
const FILES = {
  __proto__: null,
  "/": ["index.html", "text/html; charset=utf-8"],
  "/index.html": ["index.html", "text/html; charset=utf-8"],
  "/style.css": ["style.css", "text/css; charset=utf-8"],
  "/app.js": ["app.js", "text/javascript; charset=utf-8"],
  "/favicon.svg": ["favicon.svg", "image/svg+xml"],
};

// ---------------------------------------------------------------- values

// eslint-disable-next-line no-control-regex
const NOT_IN_LABEL = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
// eslint-disable-next-line no-control-regex
const NOT_IN_TEXT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

function isString(value, characters, bytes) {
  return (
    typeof value === "string" &&
    value.length > 0 &&
    value.length <= 2 * characters && // cheap bound before the exact ones
    [...value].length <= characters &&
    Buffer.byteLength(value) <= bytes &&
    !/\p{Surrogate}/u.test(value) // lone ones; String.isWellFormed() is Node 20's
  );
}

const isLabel = (value) =>
  isString(value, 24, 96) && !NOT_IN_LABEL.test(value) && !value.startsWith(" ") && !value.endsWith(" ");
const isText = (value) => isString(value, 1000, 4000) && !NOT_IN_TEXT.test(value) && /[^ \n\t]/.test(value);
const isKey = (value) => typeof value === "string" && /^[A-Za-z0-9_-]{8,32}$/.test(value);

// ---------------------------------------------------------------- rooms

/** name -> { name, members: Map(socket id -> user), history: [message] } */
const rooms = new Map(PERMANENT.map((name) => [name, newRoom(name)]));

function newRoom(name) {
  return { name, members: new Map(), history: [] };
}

const channel = (name) => `chat:${name}`;

/** Tells everybody the number of members, and removes a room that nobody needs. */
function announce(room) {
  if (room.members.size === 0 && !PERMANENT.includes(room.name)) {
    rooms.delete(room.name);
    io.to("introduced").emit("gone", room.name);
  } else {
    io.to("introduced").emit("room", room.name, room.members.size);
  }
}

function join(socket, name) {
  const { user } = socket.data;
  let room = rooms.get(name);
  if (!room?.members.has(user.id)) {
    if (socket.data.rooms.size >= LIMITS.roomsOfSocket) return refuse("too-many-rooms");
    if (!room && rooms.size >= LIMITS.rooms) return refuse("too-many-rooms");
    if (room && room.members.size >= LIMITS.members) return refuse("room-full");
    if (!room) {
      room = newRoom(name);
      rooms.set(name, room);
    }
    room.members.set(user.id, user);
    socket.data.rooms.add(room);
    socket.to(channel(name)).emit("joined", name, user, Date.now());
    socket.join(channel(name));
    announce(room);
  }
  return { ok: true, members: [...room.members.values()], history: room.history };
}

function leave(socket, room) {
  const { user } = socket.data;
  room.members.delete(user.id);
  socket.data.rooms.delete(room);
  socket.leave(channel(room.name));
  io.to(channel(room.name)).emit("left", room.name, user, Date.now());
  announce(room);
  return { ok: true };
}

function post(socket, room, text, key) {
  const known = room.history.find((message) => message.key === key);
  if (known) return { ok: true, time: known.time };

  const message = { key, room: room.name, user: socket.data.user, text, time: Date.now() };
  room.history.push(message);
  if (room.history.length > LIMITS.history) room.history.shift();
  socket.to(channel(room.name)).emit("message", message);
  return { ok: true, time: message.time };
}

// ---------------------------------------------------------------- events

const refuse = (error) => ({ ok: false, error });

/** Takes one token; false when the bucket is empty. */
function charge(data) {
  const now = performance.now();
  data.tokens = Math.min(LIMITS.burst, data.tokens + ((now - data.refilled) / 1000) * LIMITS.perSecond);
  data.refilled = now;
  if (data.tokens < 1) return false;
  data.tokens -= 1;
  return true;
}

/** The room of that name if the socket is in it. */
function ownRoom(socket, name) {
  const room = rooms.get(name);
  return room && socket.data.rooms.has(room) ? room : undefined;
}

const handlers = {
  hello(socket, name) {
    if (!isLabel(name)) return refuse("invalid");
    if (socket.data.user) return refuse("already-introduced");
    socket.data.user = { id: socket.id, name };
    socket.join("introduced");
    const list = [...rooms.values()].map((room) => ({ name: room.name, members: room.members.size }));
    return { ok: true, user: socket.data.user, rooms: list };
  },
  join(socket, name) {
    const problem = check(socket, isLabel(name));
    return problem ?? join(socket, name);
  },
  leave(socket, name) {
    const problem = check(socket, isLabel(name));
    if (problem) return problem;
    const room = ownRoom(socket, name);
    return room ? leave(socket, room) : refuse("not-a-member");
  },
  message(socket, name, text, key) {
    const problem = check(socket, isLabel(name) && isText(text) && isKey(key));
    if (problem) return problem;
    const room = ownRoom(socket, name);
    return room ? post(socket, room, text, key) : refuse("not-a-member");
  },
  typing(socket, name, on) {
    const problem = check(socket, isLabel(name) && typeof on === "boolean");
    if (problem || !ownRoom(socket, name)) return problem;
    socket.to(channel(name)).emit("typing", name, socket.data.user, on);
  },
};

/** What the four events after `hello` have in common. The bucket is charged first, and its answer comes third. */
function check(socket, valid) {
  const paid = !socket.data.user || charge(socket.data);
  if (!valid) return refuse("invalid");
  if (!socket.data.user) return refuse("not-introduced");
  return paid ? undefined : refuse("too-fast");
}

const server = createServer(async (request, response) => {
  const file = FILES[request.url.split("?", 1)[0]];
  if (!file || !["GET", "HEAD"].includes(request.method)) {
    response.writeHead(file ? 405 : 404, { "Content-Type": "text/plain" }).end(file ? "method not allowed\n" : "not found\n");
    return;
  }
  const body = await readFile(new URL(file[0], import.meta.url));
  response.writeHead(200, {
    "Content-Type": file[1],
    "Content-Length": body.length,
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
});

const io = new Server(server);

io.on("connection", (socket) => {
  socket.data = { user: undefined, rooms: new Set(), tokens: LIMITS.burst, refilled: performance.now() };
  for (const [event, handler] of Object.entries(handlers)) {
    socket.on(event, (...args) => {
      const acknowledge = typeof args.at(-1) === "function" ? args.pop() : () => {};
      const answer = handler(socket, ...args);
      if (event !== "typing") acknowledge(answer);
    });
  }
  socket.on("disconnect", () => {
    for (const room of socket.data.rooms) leave(socket, room);
  });
});

const { values } = parseArgs({
  options: { port: { type: "string", default: "3000" }, host: { type: "string", default: "127.0.0.1" } },
});

server.listen(Number(values.port), values.host, () => {
  console.error(`chat reference listening on http://${values.host}:${server.address().port}/`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    io.close(() => process.exit(0));
  });
}
