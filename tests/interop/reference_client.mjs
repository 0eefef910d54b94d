/**
 * The client described in CLIENT.md, on the official packages: the yardstick for the client tests, and one side of the
 * differential ones.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { decode, encode } from "./client-values.mjs";

let manager;
let namespace; // of the URL
let rememberedAuth;
const owed = [];
const others = new Map(); // listeners that can be removed alone, by namespace and event

const print = (...report) => console.log(JSON.stringify(report));

const statuses = {
  "operation has timed out": "SIO_ERR_TIMEOUT",
  "socket has been disconnected": "SIO_ERR_CLOSED",
};

/** Options by their name in C: [official name, value]. */
const translations = {
  no_trailing_slash: (on) => ["addTrailingSlash", !on],
  query: (text) => ["query", Object.fromEntries(new URLSearchParams(text))],
  no_upgrade: (on) => ["upgrade", !on],
  remember_upgrade: (on) => ["rememberUpgrade", on],
  try_all_transports: (on) => ["tryAllTransports", on],
  force_base64: (on) => ["forceBase64", on],
  timestamp_always: (on) => ["timestampRequests", on],
  no_timestamp: (on) => ["timestampRequests", !on],
  timestamp_param: (name) => ["timestampParam", name],
  cookies: (on) => ["withCredentials", on],
  protocols: (text) => ["protocols", text.split(", ")],
  request_timeout_ms: (ms) => ["requestTimeout", ms],
  no_reconnection: (on) => ["reconnection", !on],
  reconnection_attempts: (count) => ["reconnectionAttempts", count],
  reconnection_delay_ms: (ms) => ["reconnectionDelay", ms],
  reconnection_delay_max_ms: (ms) => ["reconnectionDelayMax", ms],
  randomization_percent: (percent) => ["randomizationFactor", percent === "never" ? 0 : percent / 100],
  open_timeout_ms: (ms) => ["timeout", ms],
  no_auto_connect: (on) => ["autoConnect", !on],
  ack_timeout_ms: (ms) => ["ackTimeout", ms],
  headers: (lines) => ["extraHeaders", Object.fromEntries(lines.map((line) => line.split(/: */)))],
  ca_file: (file) => ["ca", readFileSync(file)],
  ca_pem: (pem) => ["ca", pem],
  cert_file: (file) => ["cert", readFileSync(file)],
  key_file: (file) => ["key", readFileSync(file)],
  insecure: (on) => ["rejectUnauthorized", !on],
};

const translate = (options) =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => translations[name]?.(value) ?? [name, value]));

function socketOptions({ auth, auth_fn, ...rest }, nsp) {
  const options = translate(rest);
  if (auth_fn) {
    options.auth = (give) => {
      rememberedAuth = give;
      print("auth", nsp);
    };
  } else if (auth) {
    options.auth = JSON.parse(auth);
  }
  return options;
}

function nspOf(name) {
  if (name === null) {
    return namespace;
  }
  return name[0] === "/" ? name : `/${name}`;
}

const socketOf = (nsp) => manager.socket(nspOf(nsp), manager.defaults);

function handler(socket, nsp, event, how) {
  return (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    print(how === "other" ? "other" : "event", nsp, event, encode(args), Boolean(ack));
    if (how === "reply") {
      ack?.(...args);
    } else if (how === "later") {
      owed.push(ack);
    } else if (how === "disconnect") {
      socket.disconnect();
    } else if (how === "close") {
      manager._close();
    } else if (how === "echo") {
      socket.emit(event, ...args);
    }
  };
}

/** A catch-all listener. */
function catcher(nsp, kind) {
  return (event, ...args) => {
    const wantsAck = kind !== "outgoing" && typeof args.at(-1) === "function" && Boolean(args.pop());
    print(kind, nsp, event, encode(args), wantsAck);
  };
}

function answered(nsp, tag, timed) {
  return (...args) => {
    const error = timed ? args.shift() : null;
    print("ack", nsp, tag, error ? (statuses[error.message] ?? error.message) : "", encode(args));
  };
}

const notice = (kind, more) =>
  print("notice", kind, {
    status: "", reason: "", cause: "", attempt: 0, delay: null, text: "", ...more,
  });

function watch() {
  manager.on("open", () => {
    notice("open", { text: manager.engine.transport.name });
    manager.engine.on("upgrade", ({ name }) => notice("upgrade", { text: name }));
    manager.engine.on("upgradeError", ({ message }) => notice("upgradeError", { text: message }));
  });
  manager.on("close", (reason) => notice("close", { reason }));
  manager.on("error", ({ message }) => notice("error", { text: message }));
  manager.on("ping", () => notice("ping"));
  manager.on("reconnect_attempt", (attempt) => notice("reconnect_attempt", { attempt }));
  manager.on("reconnect", (attempt) => notice("reconnect", { attempt }));
  manager.on("reconnect_error", ({ message }) => notice("reconnect_error", { text: message }));
  manager.on("reconnect_failed", () => notice("reconnect_failed"));
}

const commands = {
  client(url, { socket = {}, tls = {}, ...options } = {}) {
    const first = io(url, { ...translate({ ...options, ...tls }), autoConnect: false, forceNew: true });
    manager = first.io;
    namespace = first.nsp;
    delete manager.nsps[namespace]; // it is made by the command
    manager.defaults = socketOptions(socket, "/");
    manager.waits = options.no_auto_connect;
    watch();
  },
  socket(name, options) {
    const nsp = nspOf(name);
    const known = manager.nsps[nsp];
    const socket = known ?? manager.socket(nsp, { ...manager.defaults, ...(options && socketOptions(options, nsp)) });
    socket.on("connect", () => print("connect", nsp, socket.id, Boolean(socket.recovered)));
    socket.on("connect_error", (error) => {
      const status = socket.active ? "" : "SIO_ERR_REFUSED";
      print("connect_error", nsp, error.message, error.data ?? null, socket.active, status);
    });
    socket.on("disconnect", (reason) => print("disconnect", nsp, reason, ""));
    if (!known && !manager.waits) {
      socket.connect();
    }
  },
  on(nsp, event, how) {
    const socket = socketOf(nsp);
    const fn = handler(socket, nspOf(nsp), event, how);
    if (how === "other") {
      others.set(`${nsp} ${event}`, fn);
    }
    socket.on(event, fn);
  },
  once(nsp, event, how) {
    const socket = socketOf(nsp);
    socket.once(event, handler(socket, nspOf(nsp), event, how));
  },
  any(nsp, how) {
    const fn = catcher(nspOf(nsp), how ?? "any");
    if (how === "other") {
      others.set(`${nsp} any`, fn);
    }
    socketOf(nsp).onAny(fn);
  },
  any_outgoing(nsp, how) {
    const fn = catcher(nspOf(nsp), how ?? "outgoing");
    if (how === "other") {
      others.set(`${nsp} outgoing`, fn);
    }
    socketOf(nsp).onAnyOutgoing(fn);
  },
  off(nsp, event, how) {
    const socket = socketOf(nsp);
    const count = () => socket.listenersAny().length + socket.listenersAnyOutgoing().length;
    const before = event === null ? count() : socket.listeners(event).length;
    if (how === "other" && event === null) {
      socket.offAny(others.get(`${nsp} any`)).offAnyOutgoing(others.get(`${nsp} outgoing`));
    } else if (how === "other") {
      socket.off(event, others.get(`${nsp} ${event}`));
    } else if (event === null) {
      socket.offAny().offAnyOutgoing();
    } else {
      socket.off(event);
    }
    print("removed", before - (event === null ? count() : socket.listeners(event).length));
  },
  emit(nsp, event, args, isVolatile) {
    const socket = socketOf(nsp);
    (isVolatile ? socket.volatile : socket).emit(event, ...decode(args));
  },
  emit_ack(nsp, event, args, tag, timeout, isVolatile) {
    const socket = socketOf(nsp);
    const sender = isVolatile ? socket.volatile : socket;
    const timed = timeout > 0 || socket._opts.ackTimeout > 0 || socket._opts.retries > 0;
    const fn = answered(nspOf(nsp), tag, timed);
    (timeout > 0 ? sender.timeout(timeout) : sender).emit(event, ...decode(args), fn);
  },
  reply(args) {
    owed.shift()(...decode(args));
  },
  give_auth(json) {
    rememberedAuth(JSON.parse(json) ?? undefined);
  },
  set_auth(nsp, json) {
    socketOf(nsp).auth = JSON.parse(json);
  },
  connect(nsp) {
    socketOf(nsp).connect();
  },
  disconnect(nsp, close) {
    if (close) {
      manager._close();
    } else {
      socketOf(nsp).disconnect();
    }
  },
  open() {
    manager.open();
  },
  close() {
    manager._close();
  },
  trace() {},
  state(nsp) {
    const socket = socketOf(nsp);
    const engine = manager.engine;
    const open = manager._readyState === "open";
    print("state", nspOf(nsp), {
      state: manager._readyState,
      transport: open ? engine.transport.name : "",
      sid: open ? engine.id : "",
      id: socket.id ?? "",
      connected: Number(socket.connected),
      active: Number(socket.active),
      recovered: Number(socket.connected && socket.recovered),
      pending: 0,
    });
  },
  free() {
    manager?._close();
    manager = undefined;
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [name, ...args] = JSON.parse(line);
    try {
      commands[name](...args);
      print("result", "");
    } catch (error) {
      print("result", error.message);
    }
  })
  .on("close", () => process.exit(0));
