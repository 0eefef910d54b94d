/**
 * The client under test in trouble: the process fault_client, the official server beside it, and the ways between them
 * that can be broken. As in ../support.mjs, nothing waits for a fixed time, but where the test is that nothing happens.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ms, reset, within } from "../support.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const programs = resolve(here, process.env.SIO_BUILD_DIR ?? "../../../build/release", "tests");

export const isServer = (line) => line.port !== undefined;

/** A child process that prints lines of JSON, kept in `lines` with the time of their arrival. */
export class Child {
  lines = [];
  errors = "";
  #wake = new Set();

  constructor(command) {
    this.process = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
    running.add(this);
    this.exited = new Promise((done) => {
      this.process.once("error", (error) => done({ error }));
      this.process.once("close", (code, signal) => done({ code, signal }));
    });
    this.exited.then(() => {
      running.delete(this);
      this.#wake.forEach((check) => check());
    });
    this.process.stdin.on("error", () => {});
    this.process.stderr.on("data", (data) => (this.errors += data));
    createInterface({ input: this.process.stdout }).on("line", (text) => {
      this.lines.push({ ...parse(text), at: performance.now() });
      this.#wake.forEach((check) => check());
    });
  }

  /** One line of its standard input. */
  command(line) {
    this.process.stdin.write(`${line}\n`);
  }

  /** Resolves with the first line from number `from` on that `match` accepts (a function, or members of the line). */
  async line(match, { from = 0, deadline = ms(8000) } = {}) {
    const accepts = typeof match === "function" ? match : (line) => fits(line, match);
    let check;
    let next = from;
    const found = new Promise((resolve, reject) => {
      check = () => {
        while (next < this.lines.length && !accepts(this.lines[next])) {
          next++;
        }
        const line = this.lines[next];
        if (line) {
          resolve(line);
        } else if (!running.has(this)) {
          reject(new Error(`it has ended: ${this.errors}`));
        }
      };
    });
    this.#wake.add(check);
    check();
    try {
      return await within(found, `line ${match instanceof Function ? match : JSON.stringify(match)}`, deadline);
    } catch (error) {
      const last = this.lines.slice(-12).map((line) => JSON.stringify(line));
      throw new Error(`${error.message}; its last lines:\n${last.join("\n")}\n${this.errors}`, { cause: error });
    } finally {
      this.#wake.delete(check);
    }
  }

  /** The number of the next line: for `from`. */
  get mark() {
    return this.lines.length;
  }

  /** Share of a processor that the process takes for `duration`. */
  async load(duration) {
    const began = performance.now();
    const before = this.cpuSeconds();
    await new Promise((done) => setTimeout(done, duration));
    return ((this.cpuSeconds() - before) * 1000) / (performance.now() - began);
  }

  /** Seconds of processor time that it has taken. */
  cpuSeconds() {
    return cpuSeconds(this.process.pid);
  }

  async kill(signal = "SIGKILL") {
    this.process.kill(signal);
    return within(this.exited, `end on ${signal}`);
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}

const fits = (line, members) =>
  Object.entries(members).every(([name, value]) =>
    value instanceof RegExp ? value.test(line[name]) : line[name] === value
  );

function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** No process outlives the tests, however these end. */
const running = new Set();
process.on("exit", () => running.forEach((child) => child.process.kill("SIGKILL")));

// ------------------------------------------------------------------------------------------------------------- client

/** The client: see tests/programs/fault_client.c for its lines and commands. */
export class FaultClient extends Child {
  /** `options` are those of the program; `prefix` is a command that runs it. */
  constructor(url, options = {}, prefix = []) {
    const flags = Object.entries({ delay: 100, "delay-max": 200, ...options }).flatMap(([name, value]) => [
      `--${name}`,
      String(value),
    ]);
    super([...prefix, resolve(programs, "fault_client"), url, ...flags]);
  }

  connected(options) {
    return this.line({ kind: "connect" }, options);
  }

  /** Bytes that the library holds, and the most that it held since the last question. */
  async memory() {
    const from = this.mark;
    this.command("memory");
    return this.line({ kind: "memory" }, { from });
  }

  /** How many numbered events it was told to emit. */
  emitted = 0;

  emit(count) {
    this.emitted += count;
    this.command(`emit ${count}`);
  }

  /** An event goes to the server and its answer comes back. */
  async works(options) {
    this.emit(1);
    await this.line({ kind: "ack", status: "", n: this.emitted }, options);
  }

  /** Ends it in order: it has to say goodbye, with nothing left behind; sanitizers have to be silent. */
  async finish() {
    if (!running.has(this) && this.finished) {
      return;
    }
    this.finished = true;
    this.command("quit");
    const how = await within(this.exited, "end of the client", ms(10000)).catch(() => this.kill("SIGABRT"));
    assert.deepEqual(how, { code: 0, signal: null }, this.errors);
    assert.doesNotMatch(this.errors, /Sanitizer|runtime error/);
    const end = this.lines.at(-1);
    assert.equal(end.kind, "end");
    assert.equal(end.now, 0, "memory of the library is left");
  }
}

/** A client that is ended after the test `t`. */
export function clientFor(t, url, options, prefix) {
  const client = new FaultClient(url, options, prefix);
  t.after(() => client.finish());
  return client;
}

/** Waiting costs nothing: no more than one per cent of a processor. */
export async function assertQuiet(client, duration = 2000) {
  const load = await client.load(duration);
  assert.ok(load <= 0.01, `it takes ${(100 * load).toFixed(1)} % of a processor while it waits`);
}

/** Numbers of the acknowledgements that came, in their order; `status` as of sio_errname(), "" for answers. */
export const acks = (client, status = "") =>
  client.lines.filter((line) => line.kind === "ack" && line.status === status).map((line) => line.n);

/** Numbers of the events that came from the server. */
export const news = (client) =>
  client.lines.filter((line) => line.kind === "event" && line.name === "news").map((line) => line.args[0]);

/** Numbers of the events that the server has got. */
export const received = (server) => server.lines.filter((line) => line.seq !== undefined).map((line) => line.seq);

export function assertAscending(numbers, what) {
  for (let i = 1; i < numbers.length; i++) {
    assert.ok(numbers[i] > numbers[i - 1], `${what}: ${numbers[i]} after ${numbers[i - 1]}`);
  }
}

/** The numbers from 1 to `count`. */
export const upTo = (count) => Array.from({ length: count }, (_, i) => i + 1);

// ------------------------------------------------------------------------------------------------------------- server

/** Starts the official server; the test `t` ends it. */
export async function serverFor(t, options = {}, prefix = []) {
  const server = new Child([
    ...prefix,
    process.execPath,
    resolve(here, "numbered_server.mjs"),
    JSON.stringify(options),
  ]);
  t.after(() => server.kill());
  server.port = (await server.line(isServer, { deadline: ms(15000) })).port;
  server.origin = `http://${options.host ?? "127.0.0.1"}:${server.port}`;
  return server;
}

/**
 * A relay to `port` that can be broken: `silent` (it takes bytes, and passes nothing on), `reset()`, `end()`,
 * `delay` in ms, `piece` (bytes that are passed on at once).
 */
export class Relay {
  silent = false;
  delay = 0;
  piece = Infinity;
  #pairs = new Set();

  static async to(t, port) {
    const relay = new Relay();
    relay.server = net.createServer((inside) => relay.#join(inside, port));
    relay.server.listen(0, "127.0.0.1");
    await once(relay.server, "listening");
    relay.origin = `http://127.0.0.1:${relay.server.address().port}`;
    t.after(() => {
      relay.server.close();
      relay.reset();
    });
    return relay;
  }

  #join(inside, port) {
    const outside = net.connect({ port, host: "127.0.0.1", noDelay: true });
    const pair = { inside, outside };
    this.#pairs.add(pair);
    inside.setNoDelay(true);
    this.#pass(inside, outside);
    this.#pass(outside, inside);
    const close = () => {
      this.#pairs.delete(pair);
      if (!this.silent) {
        inside.destroy();
        outside.destroy();
      }
    };
    for (const socket of [inside, outside]) {
      socket.on("error", () => {}).on("close", close);
    }
  }

  #pass(from, to) {
    from.on("data", (data) => {
      for (let at = 0; at < data.length; at += Math.min(this.piece, data.length)) {
        this.#write(to, data.subarray(at, at + Math.min(this.piece, data.length)));
      }
    });
    from.on("end", () => this.silent || setTimeout(() => to.end(), this.delay));
  }

  #write(to, data) {
    if (this.silent) {
      return;
    }
    if (this.delay > 0) {
      setTimeout(() => to.writable && to.write(data), this.delay);
    } else if (to.writable) {
      to.write(data);
    }
  }

  /** Breaks all connections: with a RST to the client. */
  reset() {
    for (const { inside, outside } of this.#pairs) {
      reset(inside);
      outside.destroy();
    }
  }

  /** Closes all connections in order. */
  end() {
    for (const { inside, outside } of this.#pairs) {
      inside.end();
      outside.destroy();
    }
  }
}

// --------------------------------------------------------------------------------------------------------------- wire

/** The network of tests/programs/faulty_wire.c; the result is a text that says why there is none. */
export async function wireFor(t) {
  const wire = new Wire([resolve(programs, "faulty_wire")]);
  t.after(() => wire.kill());
  const line = await Promise.race([wire.line((found) => /^wire /.test(found.text)), wire.exited]);
  if (line.text === undefined) {
    assert.equal(line.code, 77, wire.errors);
    return wire.errors;
  }
  const [, server, client] = line.text.split(" ");
  wire.atServer = ["nsenter", `--net=${server}`];
  wire.atClient = ["nsenter", `--net=${client}`];
  return wire;
}

class Wire extends Child {
  /** "loss 30", "delay 200", "mute 100", "down", "up" */
  async set(command) {
    const from = this.mark;
    this.command(command);
    await this.line({ text: "ok" }, { from });
  }
}
