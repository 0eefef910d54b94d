// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The side-by-side benchmark: the same jobs on sio, on the official Socket.IO server, on plain ws, and on the least
// that a server can do. README.md says what is measured, by which rules, and how to read it.
//
//   node bench/run.mjs [--quick] [--jobs echo-1,cast-8] [--servers floor,sio] [--rounds N] [--seconds S] [--json FILE]

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { packages } from "./servers/packages.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const build = resolve(here(".."), process.env.SIO_BUILD_DIR ?? "build/release");

const MESSAGE = { unit: "us CPU per message", digits: 2, of: (result) => result.server_us_per_message };
const DELIVERY = { ...MESSAGE, unit: "us CPU per delivery" };
const LATENCY = { unit: "us until answered, 99th percentile", digits: 0, of: (result) => result.latency_us.p99 };
const MEMORY = { unit: "bytes per connection", digits: 0, of: (result) => result.bytes_per_connection };
const CONNECTION = { unit: "us CPU per connection", digits: 1, of: (result) => result.server_us_per_connection };

/** `mode` and `args` are those of the load client; a plain WebSocket server has the same modes, with "ws" before. */
const define = (id, title, mode, args, metric) => {
  return { id, title, mode, plain: mode === "ack" ? "wsecho" : `ws${mode}`, args, metric };
};

const JOBS = [
  define("echo-1", "echo, 1 in flight, 32 B", "echo", "-c 100 -w 1 -s 32", MESSAGE),
  define("echo-32", "echo, 32 in flight, 32 B", "echo", "-c 100 -w 32 -s 32", MESSAGE),
  define("echo-1k", "echo, 32 in flight, 1 KiB", "echo", "-c 100 -w 32 -s 1024", MESSAGE),
  define("ack-1", "acknowledgement, 1 in flight", "ack", "-c 100 -w 1 -s 32", MESSAGE),
  define("ack-32", "acknowledgement, 32 in flight", "ack", "-c 100 -w 32 -s 32", MESSAGE),
  define("paced", "echo, 10,000 messages/s", "echo", "-c 100 -r 10000 -s 32", LATENCY),
  define("cast-1", "broadcast to 1,000, 1 in flight", "cast", "-c 1000 -w 1 -s 32", DELIVERY),
  define("cast-8", "broadcast to 1,000, 8 in flight", "cast", "-c 1000 -w 8 -s 32", DELIVERY),
  define("idle", "idle connection, of 10,000", "idle", "-c 10000", MEMORY),
  define("connect", "new connection", "connect", "-c 1000", CONNECTION),
];

const node = (script) => [process.execPath, here(script)];

const SERVERS = [
  { id: "floor", title: "floor", plain: true, command: [resolve(build, "bench/floor")] },
  { id: "sio", title: "sio", plain: false, command: [resolve(build, "examples/bench_server")] },
  { id: "ws", title: "ws (Node)", plain: true, command: node("servers/ws.mjs") },
  { id: "socketio", title: "socket.io (Node)", plain: false, command: node("servers/socketio.mjs") },
];

// ---------------------------------------------------------------------------------------------------------- options

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    jobs: { type: "string" },
    servers: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    json: { type: "string" },
  },
});

const rounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const seconds = Number(options.seconds ?? (options.quick ? 1 : 3));
const warmUp = options.quick ? 0.5 : 1;

/** Those of `all` that a comma-separated option names; all without the option. */
function chosen(all, option) {
  if (option === undefined) {
    return all;
  }
  const names = option.split(",");
  const unknown = names.filter((name) => !all.some(({ id }) => id === name));
  if (unknown.length > 0) {
    quit(`unknown: ${unknown.join(", ")}; there are ${all.map(({ id }) => id).join(", ")}`);
  }
  return all.filter(({ id }) => names.includes(id));
}

function quit(message) {
  console.error(`bench: ${message}`);
  process.exit(2);
}

// -------------------------------------------------------------------------------------------------------- processes

const pinned = os.availableParallelism() >= 2 && spawnSync("taskset", ["-V"]).status === 0;
const running = new Set();

/** A process on a core of its own, if there are two. */
function start(core, [file, ...args]) {
  const command = pinned ? ["taskset", "-c", String(core), file, ...args] : [file, ...args];
  const child = spawn(command[0], command.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  running.add(child);
  child.output = "";
  child.errors = "";
  child.stdout.on("data", (data) => (child.output += data));
  child.stderr.on("data", (data) => (child.errors += data));
  child.on("error", (error) => (child.errors += error.message));
  child.exited = once(child, "close").then(([code]) => {
    running.delete(child);
    return code;
  });
  return child;
}

process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => process.exit(1));
}

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves as soon as the server takes connections. */
async function listening(server, port) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    if (server.exitCode !== null || server.signalCode !== null) {
      break;
    }
    const socket = net.connect(port, "127.0.0.1");
    const open = await once(socket, "connect").then(
      () => true,
      () => false, // "error"
    );
    socket.destroy();
    if (open) {
      return;
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`${server.spawnargs.join(" ")} does not listen: ${server.errors}`);
}

async function stop(server) {
  server.kill("SIGTERM");
  const patience = setTimeout(() => server.kill("SIGKILL"), 3000);
  await server.exited;
  clearTimeout(patience);
}

// ------------------------------------------------------------------------------------------------------ measurement

/** One run of the load client against a fresh server: its line of JSON. */
async function measure(job, server) {
  const port = await freePort();
  const mode = server.plain ? job.plain : job.mode;
  const cast = mode === "wscast" ? ["cast"] : [];
  const child = start(0, [...server.command, String(port), ...cast]);
  try {
    await listening(child, port);
    const args = ["-m", mode, ...job.args.split(" "), "-p", port, "-P", child.pid, "-d", seconds, "-u", warmUp];
    const load = start(1, [resolve(build, "bench/load"), ...args.map(String)]);
    const status = await load.exited;
    if (status !== 0) {
      const what = load.errors || `messages were lost or wrong: ${load.output}`;
      return { ok: false, error: what.trim() };
    }
    return JSON.parse(load.output);
  } catch (error) {
    return { ok: false, error: error.message };
  } finally {
    await stop(child);
  }
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of every number in a list of equally shaped results. */
function medians(results) {
  const [first] = results;
  return Object.fromEntries(
    Object.entries(first).map(([name, value]) => {
      const all = results.map((result) => result[name]);
      if (typeof value === "number") {
        return [name, median(all)];
      }
      return [name, typeof value === "object" ? medians(all) : value];
    }),
  );
}

function summary(runs) {
  const failed = runs.find(({ ok }) => !ok);
  if (failed) {
    return { ok: false, error: failed.error };
  }
  return { ...medians(runs), limited_by: runs.some((run) => run.limited_by === "load") ? "load" : runs[0].limited_by };
}

function progress(step, steps, text) {
  const line = `[${step}/${steps}] ${text}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

/** All runs, in turns; job id -> server id -> list of results. A job that another one stands for is not run twice. */
async function measureAll(jobs, servers) {
  const runs = new Map();
  const steps = new Set();
  for (const job of jobs) {
    for (const server of servers) {
      steps.add(signature(job, server));
    }
  }
  let step = 0;
  for (const job of jobs) {
    const due = servers.filter((server) => !runs.has(signature(job, server)));
    due.forEach((server) => runs.set(signature(job, server), []));
    for (let round = 1; round <= rounds; round++) {
      for (const server of due) {
        step += 1;
        progress(step, steps.size * rounds, `${job.id}, round ${round}: ${server.title}`);
        runs.get(signature(job, server)).push(await measure(job, server));
      }
    }
  }
  if (process.stderr.isTTY) {
    process.stderr.write("\r\x1b[K");
  }
  return runs;
}

const signature = (job, server) => `${server.id} ${server.plain ? job.plain : job.mode} ${job.args}`;

// ----------------------------------------------------------------------------------------------------------- report

const grouped = (number, digits) =>
  number.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

const times = (a, b) => (a && b ? `${grouped(a / b, a / b < 10 ? 2 : 1)} x` : "-");

function table(head, rows) {
  const lines = [head, head.map((name, column) => (column === 0 ? "---" : "---:")), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cell(result, metric) {
  if (!result.ok) {
    return "failed";
  }
  return grouped(metric.of(result), metric.digits) + (result.limited_by === "load" ? " *" : "");
}

function mainTable(jobs, servers, result) {
  const has = (id) => servers.some((server) => server.id === id);
  const ratios = [
    ["sio : floor", "sio", "floor"],
    ["socket.io : sio", "socketio", "sio"],
  ].filter(([, a, b]) => has(a) && has(b));
  const rows = jobs.map((job) => {
    const value = (id) => {
      const found = result(job, SERVERS.find((server) => server.id === id));
      return found.ok ? job.metric.of(found) : undefined;
    };
    return [
      `${job.title}: ${job.metric.unit}`,
      ...servers.map((server) => cell(result(job, server), job.metric)),
      ...ratios.map(([, a, b]) => (b === "floor" && job.metric === MEMORY ? "-" : times(value(a), value(b)))),
    ];
  });
  return table(["job", ...servers.map(({ title }) => title), ...ratios.map(([name]) => name)], rows);
}

function detailTable(jobs, servers, result) {
  const rows = [];
  const listed = new Set();
  for (const job of jobs) {
    for (const server of servers.filter((server) => !listed.has(signature(job, server)))) {
      listed.add(signature(job, server));
      const found = result(job, server);
      if (!found.ok) {
        rows.push([job.id, server.title, "failed", "", "", "", "", "", ""]);
        continue;
      }
      const rate = found.messages_per_s ?? found.opened_per_s;
      const { p50, p99, p999 } = found.latency_us ?? {};
      rows.push([
        job.id,
        server.title,
        rate === undefined ? "" : grouped(rate, 0),
        ...[p50, p99, p999].map((latency) => (latency === undefined ? "" : grouped(latency, 0))),
        `${grouped(found.server_cpu * 100, 0)} %`,
        `${grouped(found.load_cpu * 100, 0)} %`,
        grouped(found.rss_kb / 1024, 1),
      ]);
    }
  }
  const head = ["job", "server", "per s", "p50 us", "p99 us", "p99.9 us", "server CPU", "load CPU", "RSS MiB"];
  return table(head, rows);
}

function readSetting(path) {
  try {
    return readFileSync(path, "utf8").trim().replace(/\s+/g, " ");
  } catch {
    return "unknown";
  }
}

function machine() {
  const version = (name) => packages(`${name}/package.json`).version;
  const described = spawnSync("git", ["-C", here("."), "describe", "--always", "--dirty"], { encoding: "utf8" });
  const files = readSetting("/proc/self/limits").match(/Max open files (\S+)/);
  return {
    cpu: os.cpus()[0].model.trim(),
    cores: os.availableParallelism(),
    memory_gib: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    load_average: os.loadavg()[0],
    sio: described.status === 0 ? described.stdout.trim() : "unknown",
    node: process.version,
    "socket.io": version("socket.io"),
    ws: version("ws"),
    pinned: pinned ? "server on core 0, load on core 1" : "no (one core, or no taskset)",
    open_files: files?.[1] ?? "unknown",
    somaxconn: readSetting("/proc/sys/net/core/somaxconn"),
    tcp_rmem: readSetting("/proc/sys/net/ipv4/tcp_rmem"),
    tcp_wmem: readSetting("/proc/sys/net/ipv4/tcp_wmem"),
    rounds,
    seconds,
  };
}

// ------------------------------------------------------------------------------------------------------------- main

const jobs = chosen(JOBS, options.jobs);
const servers = chosen(SERVERS, options.servers);
for (const file of [resolve(build, "bench/load"), ...servers.map(({ command }) => command[0])]) {
  if (!existsSync(file)) {
    quit(`${file} is not there: build it, or leave it out by --servers`);
  }
}

const facts = machine();
const runs = await measureAll(jobs, servers);
const result = (job, server) => summary(runs.get(signature(job, server)));

console.log(mainTable(jobs, servers, result));
console.log(`\n${detailTable(jobs, servers, result)}`);
console.log(`\n${Object.entries(facts).map(([name, value]) => `- ${name.replaceAll("_", " ")}: ${value}`).join("\n")}`);

const summaries = jobs.flatMap((job) => servers.map((server) => ({ job, server, ...result(job, server) })));
if (summaries.some(({ limited_by }) => limited_by === "load")) {
  console.log("\n\\* The load client was the bottleneck: the server had room left, so its figure is rather too high.");
}
if (facts.load_average > 0.5) {
  console.log("\nThe machine was busy when this began (see the load average): repeat it on a quiet one.");
}
for (const { job, server, ok, error } of summaries.filter(({ ok }) => !ok)) {
  console.log(`\nfailed: ${job.id} on ${server.title}: ${error}`);
  process.exitCode = 1;
}
if (options.json) {
  const results = summaries.map(({ job, server, ...rest }) => ({ job: job.id, server: server.id, ...rest }));
  writeFileSync(options.json, `${JSON.stringify({ machine: facts, results }, null, 2)}\n`);
}
