/**
 * The server described in SERVER.md, on the official packages: the yardstick that the suite itself is checked against.
 */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import { listenOnLoopback } from "./reference_loopback.mjs";

const text = { type: "string" };
const flag = { type: "boolean" };

function readFlags() {
  try {
    return parseArgs({
      options: {
        port: text, path: text, "no-trailing-slash": flag,
        "ping-interval": text, "ping-timeout": text, "upgrade-timeout": text, "connect-timeout": text,
        "max-payload": text, transports: text, "no-upgrade": flag,
        cors: { type: "string", multiple: true }, "cors-credentials": flag, "cors-methods": text,
        "cors-allow-headers": text, "cors-expose-headers": text, "cors-max-age": text,
        cookie: text, "allow-request": flag, "initial-packet": text, "generate-id": flag, headers: flag,
        "cleanup-empty": flag, "http-compression-threshold": text, "no-http-compression": flag,
        "no-serve-client": flag,
      },
    }).values;
  } catch (error) {
    console.error(error.message);
    process.exit(64);
  }
}

const flags = readFlags();
const number = (name) => (flags[name] === undefined ? undefined : Number(flags[name]));
const list = (name) => flags[name]?.split(",");
const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

async function allowRequest(request, done) {
  const { "x-reject": now, "x-reject-later": later, "x-allow-later": allowLater } = request.headers;
  if (later !== undefined || allowLater !== undefined) {
    await sleep(20);
  }
  const refusal = now ?? later;
  done(refusal === undefined ? null : refusal || undefined, refusal === undefined);
}

function compression() {
  if (flags["no-http-compression"]) {
    return false;
  }
  return flags["http-compression-threshold"] && { threshold: number("http-compression-threshold") };
}

const io = new Server(
  defined({
    path: flags.path,
    addTrailingSlash: flags["no-trailing-slash"] ? false : undefined,
    pingInterval: number("ping-interval"),
    pingTimeout: number("ping-timeout"),
    upgradeTimeout: number("upgrade-timeout"),
    connectTimeout: number("connect-timeout"),
    maxHttpBufferSize: number("max-payload"),
    transports: list("transports"),
    allowUpgrades: flags["no-upgrade"] ? false : undefined,
    cookie: flags.cookie && { name: flags.cookie },
    allowRequest: flags["allow-request"] && allowRequest,
    initialPacket: flags["initial-packet"],
    cleanupEmptyChildNamespaces: flags["cleanup-empty"],
    httpCompression: compression(),
    serveClient: flags["no-serve-client"] ? false : undefined,
    cors:
      flags.cors &&
      defined({
        origin: flags.cors.length === 1 ? flags.cors[0] : flags.cors,
        credentials: flags["cors-credentials"],
        methods: list("cors-methods"),
        allowedHeaders: list("cors-allow-headers"),
        exposedHeaders: list("cors-expose-headers"),
        maxAge: number("cors-max-age"),
      }),
  })
);

/** The broadcast operator that the `opts` of SERVER.md describe. */
function select(target, { to = [], except = [], volatile, local, timeout }) {
  let operator = target.to(to).except(except);
  operator = volatile ? operator.volatile : operator;
  operator = local ? operator.local : operator;
  return timeout === undefined ? operator : operator.timeout(timeout);
}

const sorted = (rooms) => [...rooms].sort();

function announce(socket) {
  console.log(`connect ${socket.nsp.name} ${socket.id}`);
  socket.on("disconnect", (reason) => console.log(`disconnect ${socket.nsp.name} ${socket.id} ${reason}`));
}

function serveCommonEvents(socket) {
  announce(socket);
  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("ack", (...args) => args.pop()(...args));
  socket.on("twice", (ack) => {
    ack("first");
    ack("second");
  });
  socket.on("cast", (...args) => socket.nsp.emit("cast", ...args));
  socket.on("tell", (opts, event, args, ack) => {
    select(socket.broadcast, opts).emit(event, ...args);
    ack();
  });
  socket.on("ask", (timeout, event, args, ack) => {
    socket.timeout(timeout).emit(event, ...args, (error, ...answers) => ack(error?.message ?? null, answers));
  });
  socket.on("burst", (count) => {
    for (let i = 0; i < count; i++) {
      socket.emit("burst", i);
    }
  });
  socket.on("volatile", (count) => {
    for (let i = 0; i < count; i++) {
      socket.volatile.emit("volatile", i);
    }
    socket.emit("volatile-end");
  });
  socket.on("join", (rooms, ack) => {
    socket.join(rooms);
    ack();
  });
  socket.on("leave", (room, ack) => {
    socket.leave(room);
    ack();
  });
  socket.on("rooms", (ack) => ack(sorted(socket.rooms)));
  socket.on("handshake", (ack) => {
    const { auth, query, headers, url, address, secure, xdomain } = socket.handshake;
    ack({ auth, query: query.q ?? null, header: headers["x-test"] ?? null, url, address, secure, xdomain });
  });
  socket.on("kick", (close) => socket.disconnect(close));
}

async function checkToken(socket, next) {
  const { token } = socket.handshake.auth;
  if (token === "later" || token === "later-bad") {
    await sleep(20);
  }
  if (token === "good" || token === "later") {
    next();
  } else if (token === "bad" || token === "later-bad") {
    next(Object.assign(new Error("not authorized"), { data: { code: 401, why: ["bad token"] } }));
  } else {
    next(new Error("token missing"));
  }
}

function greetWithName(socket) {
  serveCommonEvents(socket);
  socket.emit("hello", socket.nsp.name);
}

function guard(socket) {
  serveCommonEvents(socket);
  socket.use(async ([event], next) => {
    if (event === "later") {
      await sleep(20);
    }
    next(event === "forbidden" ? new Error("event forbidden") : undefined);
  });
  socket.on("error", (error) => socket.emit("refused", error.message));
  socket.on("later", (...args) => socket.emit("later", ...args));
}

function serveControl(socket) {
  announce(socket);
  const on = (event, handler) =>
    socket.on(event, (nsp, opts, ...rest) => handler(select(io.of(nsp), opts), opts, ...rest));

  on("emit", (target, opts, event, args, ack) => {
    if (opts.timeout === undefined) {
      target.emit(event, ...args);
      ack(null, []);
    } else {
      target.emit(event, ...args, (error, answers) => ack(error?.message ?? null, answers));
    }
  });
  on("fetch", async (target, opts, ack) => {
    const sockets = await target.fetchSockets();
    ack(sockets.map(({ id, rooms }) => ({ id, rooms: sorted(rooms) })).sort((a, b) => (a.id < b.id ? -1 : 1)));
  });
  on("join", (target, opts, rooms, ack) => {
    target.socketsJoin(rooms);
    ack();
  });
  on("leave", (target, opts, rooms, ack) => {
    target.socketsLeave(rooms);
    ack();
  });
  on("drop", (target, opts, close, ack) => {
    target.disconnectSockets(close);
    ack();
  });
  socket.on("sockets", (nsp, ack) => ack(io._nsps.get(nsp)?.sockets.size ?? null));
  socket.on("sessions", (ack) => ack(io.engine.clientsCount));
  socket.on("close", () => io.close(() => process.exit(0)));
}

const http = createServer((request, response) => response.writeHead(404).end());
io.attach(http);

if (flags["generate-id"]) {
  const ownId = io.engine.generateId;
  io.engine.generateId = async (request) => {
    const id = request.headers["x-id"];
    if (id === "fail") {
      throw new Error("no id");
    }
    return id ?? ownId(request);
  };
}
if (flags.headers) {
  io.engine.on("initial_headers", (headers) => (headers["x-initial"] = "yes"));
  io.engine.on("headers", (headers) => (headers["x-every"] = "yes"));
}

io.on("connection", serveCommonEvents);
io.of("/chat").on("connection", serveCommonEvents);
io.of("/auth")
  .use(checkToken)
  .use((socket, next) => next(socket.handshake.auth.second ? new Error("refused by the second") : undefined))
  .on("connection", (socket) => {
    serveCommonEvents(socket);
    socket.emit("welcome", socket.handshake.auth);
  });
io.of("/guarded").on("connection", guard);
io.of("/any").on("connection", (socket) => {
  announce(socket);
  socket.onAny((event, ...args) => socket.emit("any", event, args));
});
io.of(/^\/room-\d+$/).on("connection", greetWithName);
io.of(async (name, auth, next) => {
  if (auth.later) {
    await sleep(20);
  }
  next(null, name.startsWith("/dyn-") && auth.allow === true);
}).on("connection", greetWithName);
io.of("/control").on("connection", serveControl);

process.on("SIGTERM", () => process.exit(0));
console.log(`listening ${await listenOnLoopback(http, Number(flags.port ?? 0))}`);
