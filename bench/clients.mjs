// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// What the official client in Node costs as a load generator, beside `sio bench` (build/release/bin/sio bench --help):
// the same jobs, the same figures, as one line of JSON.
//
//   node bench/clients.mjs [--mode idle|echo|ack] [--connections N] [--window N] [--payload BYTES] [--seconds S] URL

import { parseArgs } from "node:util";
import { packages } from "./servers/packages.mjs";

const { io } = packages("socket.io-client");
const number = (text) => Number(text);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: "string", default: "idle" },
    connections: { type: "string", default: "1000" },
    window: { type: "string", default: "1" },
    payload: { type: "string", default: "32" },
    seconds: { type: "string", default: "1" },
  },
});
const [count, window, payload, seconds] = ["connections", "window", "payload", "seconds"].map((name) =>
  number(values[name])
);
const HANDSHAKES = 64; // under way at once, as `sio bench` has them
const text = "x".repeat(payload);

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

let received = 0;
let running = false;

/** Sends the next message when one comes back. */
function load(socket) {
  const came = () => {
    received++;
    if (running) {
      send();
    }
  };
  const send = values.mode === "ack" ? () => socket.emit("ack", text, came) : () => socket.emit("echo", text);
  socket.on("echo", came);
  return send;
}

const connect = () =>
  new Promise((resolve, reject) => {
    const socket = io(positionals[0], { transports: ["websocket"], forceNew: true, reconnection: false });
    socket.once("connect", () => resolve(socket)).once("connect_error", reject);
  });

globalThis.gc?.();
const before = { rss: process.memoryUsage().rss, cpu: cpu(), at: performance.now() };
const sockets = [];
let begun = 0;
await Promise.all(
  Array.from({ length: HANDSHAKES }, async () => {
    while (begun < count) {
      begun++;
      sockets.push(await connect());
    }
  })
);
const connected = { cpu: cpu(), at: performance.now() };
globalThis.gc?.(); // with node --expose-gc: what is not garbage
const result = {
  mode: values.mode,
  connections: count,
  connect_per_s: Math.round((count / (connected.at - before.at)) * 1000),
  connect_cpu_us: Math.round((connected.cpu - before.cpu) / count),
  bytes_per_connection: Math.round((process.memoryUsage().rss - before.rss) / count),
  resident: process.memoryUsage().rss,
};
const sends = values.mode === "idle" ? [] : sockets.map(load);
const from = { cpu: cpu(), at: performance.now() };
running = true;
for (const send of sends) {
  for (let i = 0; i < window; i++) {
    send();
  }
}
await new Promise((done) => setTimeout(done, seconds * 1000));
running = false;
const elapsed = (performance.now() - from.at) / 1000;
result.cores = Number(((cpu() - from.cpu) / 1e6 / elapsed).toFixed(3));
if (values.mode !== "idle") {
  result.messages_per_s = Math.round(received / elapsed);
  result.cpu_us_per_message = Number(((cpu() - from.cpu) / received).toFixed(3));
}
console.log(JSON.stringify(result));
process.exit(0);
