// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The commands `sio emit`, `listen`, `connect` and `decode` as their users meet them, against the official server and
// `sio serve`. The program is SIO_BIN, else bin/sio of SIO_BUILD_DIR.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Server } from "socket.io";
import { eventually, ms, reference, within } from "./support.mjs";
import { Terminal } from "./terminal.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const program = resolve(here, process.env.SIO_BIN ?? `${process.env.SIO_BUILD_DIR ?? "../../build/release"}/bin/sio`);
const PATIENCE = ms(10_000);
const NOBODY = "http://127.0.0.1:1"; // a port where nobody listens

let folder;
before(() => (folder = mkdtempSync(join(tmpdir(), "sio-tool-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The environment without what would change the behaviour, and with a place for the history. */
function environment(more = {}) {
  const { DEBUG, http_proxy, https_proxy, all_proxy, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, ...env } = process.env;
  return { ...env, XDG_STATE_HOME: join(folder, "state"), ...more };
}

/** A running command. */
class Tool {
  stdout = "";
  stderr = "";

  constructor(t, args, { env, command = [program, ...args] } = {}) {
    this.child = spawn(command[0], command.slice(1), { env: environment(env) });
    this.child.stdout.on("data", (data) => (this.stdout += data));
    this.child.stderr.on("data", (data) => (this.stderr += data));
    this.child.stdin.on("error", () => {});
    this.exited = once(this.child, "close");
    t.after(() => this.child.kill("SIGKILL"));
  }

  write(text) {
    this.child.stdin.write(text);
  }

  /** Waits for the output, or another text, to match. */
  async says(pattern, what = "stdout") {
    return eventually(() => pattern.exec(this[what]), `${pattern} in ${what}`, PATIENCE).catch((error) => {
      throw new Error(`${error.message}\n${this.stdout}\n${this.stderr}`);
    });
  }

  get lines() {
    return this.stdout.split("\n").slice(0, -1);
  }

  /** Waits for the next line of JSON for which `wanted` holds. */
  json(wanted) {
    const find = () => this.lines.map((line) => JSON.parse(line)).find(wanted);
    return eventually(find, `${wanted} among ${this.lines}`, PATIENCE);
  }

  /** Resolves with the status of the end. */
  async end(signal) {
    if (signal) {
      this.child.kill(signal);
    }
    const [status] = await within(this.exited, `end of ${this.child.spawnargs.join(" ")}\n${this.stderr}`, PATIENCE);
    assert.doesNotMatch(this.stderr, /Sanitizer|runtime error/);
    return status;
  }
}

/** Runs a command to its end. */
async function run(t, args, input = "", options) {
  const tool = new Tool(t, args, options);
  tool.child.stdin.end(input);
  const status = await tool.end();
  return { status, stdout: tool.stdout, stderr: tool.stderr };
}

/** The official server, for the time of a test. */
async function official(t, { listener = http.createServer(), scheme = "http", ...options } = {}) {
  const io = new Server(listener, { transports: ["polling", "websocket"], ...options });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.after(() => io.close());
  return { io, origin: `${scheme}://127.0.0.1:${listener.address().port}` };
}

/** Resolves with the arguments of the next `event` of any client. */
function received(io, event, nsp = "/") {
  return within(
    new Promise((resolve) =>
      io.of(nsp).on("connection", (socket) =>
        socket.on(event, (...args) => {
          if (typeof args.at(-1) === "function") {
            args.pop()("taken");
          }
          resolve(args);
        }),
      ),
    ),
    `event ${event}`,
    PATIENCE,
  );
}

const skip = reference && "the official packages have no such command";

describe("sio emit", { skip }, () => {
  for (const transport of ["polling", "websocket", "polling,websocket"]) {
    it(`sends JSON, texts and bytes over ${transport}`, async (t) => {
      const { io, origin } = await official(t);
      const args = received(io, "news");
      const file = join(folder, "bytes");
      writeFileSync(file, Buffer.from([0, 255, 1]));
      const words = ['{"a":[1,null]}', "text with blanks", "42", '"42"', `@${file}`, "@@x", '[{"base64":"AQI="}]', "-5"];
      const { status, stdout, stderr } = await run(t, ["emit", "--ack", "--transport", transport, origin, "news", ...words]);
      assert.deepEqual([status, stdout, stderr], [0, '["taken"]\n', ""]);
      assert.deepEqual(await args, [
        { a: [1, null] },
        "text with blanks",
        42,
        "42",
        Buffer.from([0, 255, 1]),
        "@x",
        [Buffer.from([1, 2])],
        -5,
      ]);
    });
  }

  it("sends every argument as a text with --text", async (t) => {
    const { io, origin } = await official(t);
    const args = received(io, "message");
    const words = ["@/etc/hostname", "@-", '{"base64":"AQ=="}', "42", "--ack"];
    assert.equal((await run(t, ["emit", "--ack", "--text", origin, "message", ...words])).status, 0);
    assert.deepEqual(await args, words);
  });

  it("sends the bytes of its input", async (t) => {
    const { io, origin } = await official(t);
    const args = received(io, "upload");
    assert.equal((await run(t, ["emit", "--ack", origin, "upload", "@-"], "from a pipe\n")).status, 0);
    assert.deepEqual(await args, [Buffer.from("from a pipe\n")]);
  });

  it("does not wait for an answer that it was not told to wait for", async (t) => {
    const { io, origin } = await official(t);
    let taken = false;
    received(io, "news").then(() => (taken = true));
    // A server that is very slow to read may find the event and the end together, and drop the event.
    for (let attempt = 0; !taken && attempt < 5; attempt++) {
      assert.deepEqual(await run(t, ["emit", origin, "news"]), { status: 0, stdout: "", stderr: "" });
    }
    await eventually(() => taken, "an event");
  });

  it("prints the answer as a line of JSON, bytes as base64", async (t) => {
    const { io, origin } = await official(t);
    io.on("connection", (socket) => {
      socket.on("ask", (a, done) => done(a, { b: Buffer.from([1, 2, 3]) }, "\x1b\x7f\u0085é"));
      socket.on("nothing", (done) => done());
    });
    const answer = await run(t, ["emit", "--ack", origin, "ask", "1.5"]);
    assert.deepEqual([answer.status, answer.stderr], [0, ""]);
    assert.equal(answer.stdout, '[1.5,{"b":{"base64":"AQID"}},"\\u001b\\u007f\\u0085é"]\n');
    assert.equal((await run(t, ["emit", "--ack", origin, "nothing"])).stdout, "[]\n");
  });

  it("hands on headers, auth, query, path and namespace", async (t) => {
    const { io, origin } = await official(t, { path: "/live" });
    const handshake = within(
      new Promise((done) => io.of("/chat").on("connection", (socket) => done(socket.handshake))),
      "connection",
    );
    const flags = ["-H", "X-One: 1", "--header", "X-Two: 2", "--auth", '{"token":"abc"}', "--path", "/live"];
    assert.equal((await run(t, ["emit", ...flags, `${origin}/chat?room=7`, "x"])).status, 0);
    const { headers, auth, query } = await handshake;
    assert.deepEqual([headers["x-one"], headers["x-two"], auth.token, query.room], ["1", "2", "abc", "7"]);
    const named = within(new Promise((done) => io.of("/named").on("connection", (socket) => done(socket))), "connection");
    const secret = join(folder, "auth.json");
    writeFileSync(secret, '{"token":"of a file"}\n');
    const more = ["-n", "/named", "--path", "/live", "-a", `@${secret}`];
    assert.equal((await run(t, ["emit", ...more, origin, "x"])).status, 0);
    assert.deepEqual((await named).handshake.auth, { token: "of a file" });
  });

  it("tells by its status what went wrong", async (t) => {
    const { io, origin } = await official(t);
    io.of("/closed").use((socket, next) => next(Object.assign(new Error("not today"), { data: { code: 7 } })));
    io.of("/slow").use(() => {});
    io.on("connection", (socket) => {
      socket.on("leave", () => socket.disconnect());
      socket.on("cut", () => socket.conn.transport.socket?.terminate?.() ?? socket.conn.close());
    });
    const cases = [
      [[NOBODY, "x"], 3, /^sio emit: http:\/\/127\.0\.0\.1:1: cannot connect: .*ECONNREFUSED/],
      [["http://does-not-exist.invalid", "x"], 3, /cannot connect/],
      [[`${origin}/closed`, "x"], 4, /^sio emit: \/closed: refused by the server: not today \{"code":7\}\n$/],
      [[`${origin}/missing`, "x"], 4, /refused by the server: Invalid namespace/],
      [["--timeout", `${ms(300)}`, `${origin}/slow`, "x"], 3, /^sio emit: \/slow: cannot connect: the server does not answer CONNECT\n$/],
      [["--ack", "--timeout", `${ms(1500)}`, origin, "silence"], 5, /^sio emit: no answer in time\n$/],
      [["--ack", origin, "leave"], 6, /^sio emit: disconnected from \/: io server disconnect/],
      [["--ack", "--transport", "websocket", origin, "cut"], 6, /^sio emit: disconnected from \/: transport close/],
    ];
    for (const [args, expected, message] of cases) {
      const { status, stdout, stderr } = await run(t, ["emit", ...args]);
      assert.deepEqual([status, stdout], [expected, ""], `${args}: ${stderr}`);
      assert.match(stderr, message);
      assert.equal(stderr.split("\n").length, 2, stderr);
    }
  });

  it("does not wait for a server that says nothing", async (t) => {
    const listener = http.createServer(() => {}).listen(0, "127.0.0.1");
    await once(listener, "listening");
    t.after(() => listener.close());
    t.after(() => listener.closeAllConnections());
    const { status } = await run(t, ["emit", "--timeout", "300", `http://127.0.0.1:${listener.address().port}`, "x"]);
    assert.equal(status, 3);
  });

  it("refuses wrong command lines before it connects", async (t) => {
    const mistakes = [
      [[], 2, /a URL is missing/],
      [[NOBODY], 2, /an EVENT is missing/],
      [["--ak", NOBODY, "x"], 2, /unknown option '--ak'; did you mean '--ack'\?/],
      [["--auth", "[]", NOBODY, "x"], 2, /--auth: '\[\]' is neither a JSON object/],
      [["--transport", "smoke", NOBODY, "x"], 2, /--transport: 'smoke' is not/],
      [["--cert", "x", NOBODY, "x"], 2, /--cert and --key go together/],
      [["ftp://127.0.0.1", "x"], 2, /^sio emit: ftp:\/\/127\.0\.0\.1: the scheme is none of http, https, ws, wss$/m],
      [["--proxy", "ftp://p", NOBODY, "x"], 2, /^sio emit: --proxy: ftp:\/\/p: the scheme of a proxy/],
      [["--proxy", "ftp://u:secret@p", NOBODY, "x"], 2, /^sio emit: --proxy: p: the scheme of a proxy/],
      [["--header", "a b: c", NOBODY, "x"], 2, /^sio emit: --header: a b: c: malformed/],
      [[NOBODY, "disconnect"], 2, /'disconnect' is a reserved name/],
      [[NOBODY, "x", "@/nonexistent"], 1, /@\/nonexistent: no such file/],
      [["--auth", "@/nonexistent", NOBODY, "x"], 1, /--auth: \/nonexistent: no such file/],
      [["--cacert", "/nonexistent", "https://127.0.0.1:1", "x"], 1, /^sio emit: --cacert: \/nonexistent: no such file or directory\n$/],
      [["--cert", "/a", "--key", "/b", "https://127.0.0.1:1", "x"], 1, /^sio emit: --cert: \/a: no such file or directory\n$/],
    ];
    for (const [args, expected, message] of mistakes) {
      const { status, stdout, stderr } = await run(t, ["emit", ...args]);
      assert.deepEqual([status, stdout], [expected, ""], args.join(" "));
      assert.match(stderr, message);
    }
  });

  it("sends what is no JSON as a text, and says so unless that is what was asked for", async (t) => {
    const { io, origin } = await official(t);
    const args = received(io, "news");
    const { status, stderr } = await run(t, ["emit", "--ack", origin, "news", "{title:1}", "a {b"]);
    assert.deepEqual([status, await args], [0, ["{title:1}", "a {b"]]);
    assert.match(stderr, /^sio emit: this is no JSON, and goes as a text .*: \{title:1\}\n$/);
    const option = await run(t, ["emit", origin, "news", "-x", "--timeout=5s"]);
    assert.equal(option.stderr, "sio emit: '--timeout' goes as a text: options stand before the EVENT (--text, if it is meant so)\n");
    const literal = await run(t, ["emit", "--text", origin, "news", "{title:1}", "--ack"]);
    assert.deepEqual([literal.status, literal.stderr], [0, ""]);
  });

  it("proposes the other scheme where it looks as if that was meant", async (t) => {
    const { origin } = await official(t);
    const host = origin.slice("http://".length);
    for (const transport of ["polling", "websocket"]) {
      const options = ["emit", "--transport", transport];
      for (const [url, meant] of [[`https://${host}/n`, `http://${host}/n`], [host, `http://${host}`], [`wss://${host}`, `ws://${host}`]]) {
        const { status, stderr } = await run(t, [...options, url, "x"]);
        assert.equal(status, 3);
        assert.ok(stderr.endsWith(`peer does not speak TLS; did you mean ${meant}?\n`), stderr);
      }
      assert.doesNotMatch((await run(t, [...options, NOBODY, "x"])).stderr, /did you mean/);
    }
  });

  it("verifies certificates unless it is told not to, loudly", async (t) => {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const flags = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const made = spawnSync("openssl", [...flags, ...subject, "-keyout", key, "-out", cert], { encoding: "utf8" });
    assert.equal(made.status, 0, made.stderr);
    const listener = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) });
    const { io, origin } = await official(t, { listener, scheme: "https" });
    io.on("connection", (socket) => socket.on("ask", (done) => done("secure")));
    const strict = await run(t, ["emit", "--ack", origin, "ask"]);
    assert.equal(strict.status, 3);
    assert.match(strict.stderr, /certificate/);
    for (const transport of ["polling", "websocket"]) {
      const plain = await run(t, ["emit", "--transport", transport, origin.replace("https", "http"), "ask"]);
      assert.equal(plain.status, 3);
      assert.ok(plain.stderr.endsWith(`; did you mean ${origin}?\n`), plain.stderr);
    }
    const trusted = await run(t, ["emit", "--ack", "--cacert", cert, origin, "ask"]);
    assert.deepEqual([trusted.status, trusted.stdout, trusted.stderr], [0, '["secure"]\n', ""]);
    const insecure = await run(t, ["emit", "--ack", "--insecure", origin, "ask"]);
    assert.deepEqual([insecure.status, insecure.stdout], [0, '["secure"]\n']);
    assert.match(insecure.stderr, /WARNING: --insecure: the server is not verified/);
  });
});

describe("sio listen", { skip }, () => {
  it("prints events as lines of JSON", async (t) => {
    const { io, origin } = await official(t);
    io.on("connection", (socket) => {
      socket.emit("news", 1, { a: "é\n" });
      socket.emit("bytes", Buffer.from("abc"));
      socket.emit("empty");
    });
    const tool = new Tool(t, ["listen", origin]);
    await eventually(() => tool.lines.length === 3, "three lines", PATIENCE);
    assert.deepEqual(tool.lines, [
      '{"event":"news","args":[1,{"a":"é\\n"}]}',
      '{"event":"bytes","args":[{"base64":"YWJj"}]}',
      '{"event":"empty","args":[]}',
    ]);
    await tool.says(/connection open: polling, session \S+\nconnected to \/ as \S+ over polling\n/, "stderr");
    await tool.says(/transport upgraded to websocket/, "stderr");
    assert.equal(await tool.end("SIGINT"), 0);
  });

  it("prints the named events only, and goes on when its input has ended", async (t) => {
    const { io, origin } = await official(t);
    const tool = new Tool(t, ["listen", origin, "b", "c"]);
    tool.child.stdin.end();
    await tool.says(/connected to/, "stderr");
    for (const event of ["a", "b", "ab", "c"]) {
      io.emit(event, 1);
    }
    await eventually(() => tool.lines.length === 2, "two lines", PATIENCE);
    assert.deepEqual(tool.lines, ['{"event":"b","args":[1]}', '{"event":"c","args":[1]}']);
    assert.equal(await tool.end("SIGTERM"), 0);
  });

  it("sends the events of its input, and prints their answers", async (t) => {
    const { io, origin } = await official(t);
    const events = [];
    io.on("connection", (socket) =>
      socket.onAny((event, ...args) => {
        const done = typeof args.at(-1) === "function" ? args.pop() : undefined;
        events.push([event, ...args]);
        if (event !== "silence") {
          done?.("got", ...args);
        }
      }),
    );
    const tool = new Tool(t, ["listen", "--timeout", "500", origin]);
    tool.write('{"event":"one","args":[1,{"base64":"AQI="}]}\n\n{"event":"two","ack":true,"args":["x"]}\r\n');
    tool.write('{"event":"three","ack":"id 3"}\n{"event":"silence","ack":4}\nnonsense\n{"event":"connect"}\n');
    tool.write('{"event":"five","ack":5}'); // without an end
    tool.child.stdin.end();
    await tool.json(({ ack, id }) => ack?.[0] === "got" && id === 5);
    await tool.json(({ ack, id }) => ack?.[0] === "got" && id === "id 3");
    await tool.json(({ ack, id }) => ack?.[1] === "x" && id === undefined);
    await tool.json(({ ack, id, error }) => ack === null && id === 4 && error === "operation has timed out");
    assert.deepEqual(events, [["one", 1, Buffer.from([1, 2])], ["two", "x"], ["three"], ["silence"], ["five"]]);
    assert.match(tool.stderr, /sio listen: input line 6: is no JSON object\n/);
    assert.match(tool.stderr, /sio listen: input line 7: has an event with a reserved name\n/);
    assert.equal(await tool.end("SIGINT"), 0);
  });

  it("answers events of the server", async (t) => {
    const { io, origin } = await official(t);
    const answers = within(
      new Promise((done) => io.on("connection", (socket) => socket.emit("ask", 7, (...args) => done(args)))),
      "an answer",
      PATIENCE,
    );
    const tool = new Tool(t, ["listen", origin]);
    const { event, args, ack } = await tool.json(({ event }) => event === "ask");
    assert.deepEqual([event, args, ack], ["ask", [7], 1]);
    tool.write('{"ack":2,"args":[]}\n{"ack":1,"args":["yes",{"base64":"AQ=="}]}\n{"ack":1}\n');
    assert.deepEqual(await answers, ["yes", Buffer.from([1])]);
    await tool.says(/line 1: no such entry\n.*line 3: no such entry/s, "stderr");
    assert.equal(await tool.end("SIGINT"), 0);
  });

  it("connects again, and sends what was to be sent meanwhile", async (t) => {
    const { io, origin } = await official(t);
    const tool = new Tool(t, ["listen", "--transport", "websocket", origin]);
    const [first] = await once(io, "connection");
    await tool.says(/connected to/, "stderr");
    const again = received(io, "later");
    first.conn.transport.socket.terminate();
    await tool.says(/trying again in.*disconnected from \/: transport close/s, "stderr");
    tool.write('{"event":"later","args":[1]}\n');
    assert.deepEqual(await again, [1]);
    assert.equal(await tool.end("SIGINT"), 0);
  });

  it("ends with a status that tells why", async (t) => {
    const { io, origin } = await official(t);
    io.of("/closed").use((socket, next) => next(new Error("not today")));
    io.of("/kicked").on("connection", (socket) => socket.disconnect());
    io.of("/cut").on("connection", (socket) => socket.conn.transport.socket.terminate());
    const flags = ["--no-reconnect", "--transport", "websocket"];
    for (const [args, expected, message] of [
      [[NOBODY, "--no-reconnect"], 3, /cannot connect: .*ECONNREFUSED/],
      [[`${origin}/closed`], 4, /\/closed: refused by the server: not today/],
      [[`${origin}/kicked`], 6, /disconnected from \/kicked: io server disconnect/],
      [[...flags, `${origin}/cut`], 6, /disconnected from \/cut: transport close/],
    ]) {
      const { status, stderr } = await run(t, ["listen", ...args]);
      assert.equal(status, expected, stderr);
      assert.match(stderr, message);
    }
  });

  it("ends when nobody reads any more", async (t) => {
    const { io, origin } = await official(t);
    const tool = new Tool(t, ["listen", origin]);
    await tool.says(/connected to/, "stderr");
    tool.child.stdout.destroy();
    const ticking = setInterval(() => io.emit("tick"), 20);
    t.after(() => clearInterval(ticking));
    assert.equal(await tool.end(), 1);
  });
});

describe("sio connect, without a terminal", { skip }, () => {
  it("does what its input says, and ends when all answers are there", async (t) => {
    const { io, origin } = await official(t);
    const events = [];
    io.on("connection", (socket) => {
      socket.onAny((event, ...args) => events.push([event, ...args.filter((arg) => typeof arg !== "function")]));
      socket.on("ask", (a, done) => setTimeout(done, 50, a, Buffer.from("0123456789abcdef!")));
    });
    const input = "/volatile first\nemit news {\"a\": 1} 'two words' text\nask 1\nack ask [1, 2]\nack ask 2\nemit connect\nhelp\n";
    const { status, stdout, stderr } = await run(t, ["connect", "--transport", "websocket", origin], input);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.deepEqual(events, [["first"], ["news", { a: 1 }, "two words", "text"], ["ask", [1, 2]], ["ask", 2]]);
    assert.match(stdout, /^\* connected to \/ as \S+ over websocket$/m);
    assert.match(stdout, /^! unknown command 'ask'; did you mean 'ack'\?$/m);
    assert.match(stdout, /^! 'connect' is a reserved name of Socket\.IO$/m);
    assert.match(stdout, /^> #1$/m);
    assert.match(stdout, /^< #1 \[1,2\] <17 bytes>$/m);
    assert.match(stdout, /^ {4}0000 {2}30 31 32 33 34 35 36 37 {2}38 39 61 62 63 64 65 66 {2}0123456789abcdef$/m);
    assert.match(stdout, /^ {4}0010 {2}21 +!$/m);
    assert.match(stdout, /^< #2 2 <17 bytes>$/m);
    assert.match(stdout, /^ {2}answer NUMBER/m);
    assert.match(stdout, /^\* disconnected from \/: io client disconnect$/m);
  });

  it("shows events, answers them, and cannot be made to control the terminal", async (t) => {
    const { io, origin } = await official(t);
    const answer = within(
      new Promise((done) =>
        io.on("connection", (socket) => {
          socket.emit("\x1b[2Jclear", "\x9b1m", { "\x1b": 1 });
          socket.emit("ask", 1, (...args) => done(args));
        }),
      ),
      "an answer",
      PATIENCE,
    );
    const tool = new Tool(t, ["connect", origin]);
    await tool.says(/^< ask 1 {3}\(wants an answer: answer 1 \[ARG\]\.\.\.\)$/m);
    tool.write("answer 1 @/nonexistent\nanswer 1 fine\nanswer 1 again\nanswer x\nanswer 7\nanswer\n");
    assert.deepEqual(await answer, ["fine"]);
    await tool.says(/^! @\/nonexistent: no such file/m);
    await tool.says(/^! event 1 was answered already\n! 'x' is no number; .*\n! there was no event 7 .*\n! a NUMBER is missing/m);
    tool.write("quit\n");
    assert.equal(await tool.end(), 0);
    assert.match(tool.stdout, /^< \\x1b\[2Jclear "\\u009b1m" \{"\\u001b":1\}$/m);
    assert.doesNotMatch(tool.stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });

  it("has several namespaces, and leaves and joins them", async (t) => {
    const { io, origin } = await official(t);
    io.of("/chat").on("connection", (socket) => socket.emit("hello", "from chat"));
    io.of("/closed").use((socket, next) => next(new Error("not today")));
    const tool = new Tool(t, ["connect", origin]);
    await tool.says(/connected to \/ /);
    tool.write("ns /chat\n");
    await tool.says(/^\* connected to \/chat as /m);
    await tool.says(/^< \/chat hello "from chat"$/m);
    tool.write("disconnect\n");
    await tool.says(/^\* disconnected from \/chat: io client disconnect$/m);
    tool.write("emit early\nns\n");
    await tool.says(/^> waits: not connected; 'connect' connects\n {2}\/: connected\n\* \/chat: not connected$/m);
    const early = received(io, "early", "/chat");
    tool.write("connect\n");
    await eventually(() => tool.stdout.match(/connected to \/chat as/g).length === 2, "another connection");
    await early;
    tool.write("ns /\ntransport\n");
    await tool.says(/^\* (polling|websocket), session \S+, socket \S+$/m);
    tool.write("ns closed\n");
    await tool.says(/^\* \/closed: refused by the server: not today$/m);
    assert.equal(await tool.end(), 4);
  });

  it("traces both layers of every packet", async (t) => {
    const { io, origin } = await official(t);
    io.on("connection", (socket) => socket.on("ask", (bytes, done) => done(bytes)));
    const args = ["connect", "--trace", "--transport", "websocket", origin];
    const { status, stdout } = await run(t, args, 'ack ask {"base64":"AQID"}\n');
    assert.equal(status, 0);
    const lines = stdout.split("\n");
    for (const expected of [
      /^<- websocket: 0 open \| \{"sid":"/,
      /^-> websocket: 4 message \| 0 CONNECT, namespace \/$/,
      /^<- websocket: 4 message \| 0 CONNECT, namespace \/ \| \{"sid":"/,
      /^-> websocket: 4 message \| 5 BINARY_EVENT, namespace \/, id 0, 1 attachment, event "ask" \| \{"_placeholder":true/,
      /^-> websocket: binary message, 3 bytes \| attachment 1 of 1$/,
      /^ {4}0000 {2}01 02 03/,
      /^<- websocket: 4 message \| 6 BINARY_ACK, namespace \/, id 0, 1 attachment \|/,
      /^<- websocket: binary message, 3 bytes \| attachment 1 of 1$/,
      /^-> websocket: 4 message \| 1 DISCONNECT, namespace \/$/,
    ]) {
      const at = lines.findIndex((line) => expected.test(line));
      assert.notEqual(at, -1, `${expected} in order in\n${stdout}`);
      lines.splice(0, at + 1);
    }
  });

  it("ends with a status that tells why", async (t) => {
    const { io, origin } = await official(t);
    io.of("/kicked").on("connection", (socket) => socket.on("bye", () => socket.disconnect()));
    for (const [args, input, expected] of [
      [["--no-reconnect", NOBODY], "emit x\n", 3],
      [[`${origin}/missing`], "emit x\n", 4],
      [[`${origin}/kicked`], "ack bye\n", 6],
    ]) {
      assert.equal((await run(t, ["connect", ...args], input)).status, expected, args.join(" "));
    }
  });

  it("talks to sio serve", async (t) => {
    const serve = new Tool(t, ["serve", "--port", "0"]);
    const [, origin] = await serve.says(/(http:\/\/\S+:\d+)\//, "stderr");
    const { status, stdout } = await run(t, ["connect", origin], "ack hello Ada\n");
    assert.equal(status, 0);
    assert.match(stdout, /^< #1 \{"ok":true,"user":\{"id":"\S+","name":"Ada"\}/m);
    const answer = await run(t, ["emit", "--ack", origin, "hello", '"Bob"']);
    assert.equal(JSON.parse(answer.stdout)[0].user.name, "Bob");
    const refused = await run(t, ["emit", `${origin}/nobody`, "hello"]);
    assert.equal(refused.status, 4);
    assert.equal(await serve.end("SIGTERM"), 0);
  });
});

/** A command of the shell in a pseudo terminal of 100 columns, that of script(1). */
function inTerminal(t, line) {
  const command = ["script", "-qec", `stty cols 100 rows 20; exec ${line}`, "/dev/null"];
  const tool = new Tool(t, [], { command, env: { TERM: "xterm", LC_ALL: "C.UTF-8", SHELL: "/bin/sh", PS1: "$ " } });
  const screen = new Terminal(100);
  let seen = 0;
  tool.child.stdout.setEncoding("utf8");
  tool.screen = () => {
    screen.write(tool.stdout.slice(seen));
    seen = tool.stdout.length;
    return screen.lines;
  };
  /** Waits for the screen to end with these lines. */
  tool.shows = (...expected) =>
    eventually(() => {
      const end = tool.screen().slice(-expected.length);
      return end.every((line, i) => (expected[i] instanceof RegExp ? expected[i].test(line) : expected[i] === line));
    }, expected.join("\n")).catch(() => assert.deepEqual(tool.screen().slice(-expected.length), expected));
  return tool;
}

/** `sio connect` in a terminal. */
function terminal(t, args) {
  return inTerminal(t, `'${program}' connect ${args.map((arg) => `'${arg}'`).join(" ")}`);
}

const withoutScript = skip || (spawnSync("script", ["--version"]).error && "script(1) is missing");
const withoutTerminal =
  withoutScript ||
  (!spawnSync("ldd", [program], { encoding: "utf8" }).stdout?.includes("libedit") && "built without libedit");

describe("sio connect, at a terminal", { skip: withoutTerminal }, () => {
  it("edits lines, and keeps them in one piece while events arrive", async (t) => {
    const { io, origin } = await official(t);
    io.on("connection", (socket) => socket.on("ask", (a, done) => done(`<${a}>`)));
    const tool = terminal(t, ["--transport", "websocket", origin]);
    await tool.shows(/^\* connection open: websocket/, /^\* connected to \/ as/, "/>");
    tool.write("ack ask 12");
    await tool.shows("/> ack ask 12");
    io.emit("news", "while typing");
    await tool.shows('< news "while typing"', "/> ack ask 12");
    const long = "x".repeat(110);
    tool.write(long);
    await tool.shows(`/> ack ask 12${long.slice(0, 87)}`, long.slice(87));
    io.emit("news", "and again");
    await tool.shows('< news "while typing"', '< news "and again"', `/> ack ask 12${long.slice(0, 87)}`, long.slice(87));
    tool.write("\x7f".repeat(110));
    await tool.shows('< news "and again"', "/> ack ask 12");
    tool.write("\x02\x02é\x05!"); // back by two, an é, to the end
    await tool.shows("/> ack ask é12!");
    tool.write("\x15ack ask 5\r"); // drops the line
    await tool.shows(/^< #\d "<5>"$/, "/>");
    tool.write("\x04");
    assert.equal(await tool.end(), 0);
  });

  it("completes commands, events that were seen, and namespaces", async (t) => {
    const { io, origin } = await official(t);
    io.of("/chat").on("connection", () => {});
    const tool = terminal(t, ["--transport", "websocket", origin]);
    await tool.shows(/^\* connected to/, "/>");
    io.emit("room-joined");
    io.emit("room-left");
    io.emit("odd \x1b name");
    await tool.shows("< room-joined", "< room-left", "< odd \\x1b name", "/>");
    tool.write("em\tro\tj\t");
    await tool.shows("/> emit room-joined");
    tool.write("\x15vol\tro\t\t");
    await tool.shows("room-joined  room-left", "/> volatile room-");
    tool.write("\x15ns /chat\r");
    await tool.shows(/^\* connected to \/chat/, "/chat>");
    tool.write("ns /\t\t");
    await tool.shows("/  /chat", "/chat> ns /");
    tool.write("\x03");
    await tool.shows("/chat>");
    tool.write("\x03");
    assert.equal(await tool.end(), 0);
  });

  it("remembers lines in a file for the user only", async (t) => {
    const { origin } = await official(t);
    const first = terminal(t, ["--transport", "websocket", origin]);
    await first.shows(/^\* connected to/, "/>");
    first.write("emit remembered\r emit secret\rquit\r");
    assert.equal(await first.end(), 0);
    const file = join(folder, "state/sio/history");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, "state/sio")).mode & 0o777, 0o700);
    assert.doesNotMatch(readFileSync(file, "utf8"), /secret/);
    const second = terminal(t, ["--transport", "websocket", origin]);
    await second.shows(/^\* connected to/, "/>");
    second.write("\x1b[A\x1b[A");
    await second.shows("/> emit remembered");
    second.write("\x15\x04");
    assert.equal(await second.end(), 0);
  });

  it("says whether what is sent without a connection waits for one that comes by itself", async (t) => {
    const { io, origin } = await official(t);
    io.of("/closed").use((socket, next) => next(new Error("not today")));
    const refused = terminal(t, ["--transport", "websocket", `${origin}/closed`]);
    await refused.shows("* /closed: refused by the server: not today", /^\* connection closed: /, "/closed>");
    refused.write("emit x\rack x\r");
    await refused.shows("> waits: not connected; 'connect' connects", "/closed> ack x", /^> #1 waits: not connected; /, "/closed>");
    refused.write("quit\r");
    assert.equal(await refused.end(), 0);
    const hopeful = terminal(t, [NOBODY]);
    await hopeful.shows(/^\* /, "/>");
    hopeful.write("emit x\r");
    await hopeful.says(/^> waits for the connection\r$/m);
    hopeful.write("quit\r");
    assert.equal(await hopeful.end(), 0);
  });

  it("stays when the connection is lost for good, and connects again", async (t) => {
    const { io, origin } = await official(t);
    io.once("connection", (socket) => socket.disconnect());
    const tool = terminal(t, ["--transport", "websocket", origin]);
    await tool.shows(/^\* disconnected from \/: io server disconnect/, /^\* connection closed: /, "/>");
    tool.write("connect\r");
    await tool.shows(/^\* connected to \/ as/, "/>");
    tool.write("quit\r");
    assert.equal(await tool.end(), 0);
  });
});

describe("sio decode", { skip }, () => {
  it("explains texts, files and its input alike", async (t) => {
    const packet = '42/chat,7["ask",{"id":1}]';
    const file = join(folder, "captured");
    writeFileSync(file, `${packet}\n`);
    const expected = [
      packet,
      "  Engine.IO  4 message",
      '  Socket.IO  2 EVENT, namespace /chat, id 7, event "ask"',
      '    {"id":1}',
      "",
    ].join("\n");
    const hex = Buffer.from(packet).toString("hex");
    for (const [args, input] of [
      [[packet], ""],
      [[file], ""],
      [[], packet],
      [["-"], `${packet}\r\n\r\n`],
      [["--hex", hex], ""],
      [["-x"], hex.replaceAll(/../g, "0x$& ")],
      [["--text", packet], ""],
    ]) {
      assert.deepEqual(await run(t, ["decode", ...args], input), { status: 0, stdout: expected, stderr: "" });
    }
  });

  it("divides payloads and binds attachments", async (t) => {
    const payload = '451-["x",{"_placeholder":true,"num":0}]\x1ebAQID\x1e2';
    const { status, stdout } = await run(t, ["decode"], payload);
    assert.equal(status, 0);
    assert.match(stdout, /5 BINARY_EVENT, namespace \/, 1 attachment, event "x"/);
    assert.match(stdout, /binary message, 3 bytes as base64\n {2}Socket\.IO {2}attachment 1 of 1\n {4}0000 {2}01 02 03/);
    assert.match(stdout, /\n\n2\n {2}Engine\.IO {2}2 ping\n$/);
  });

  it("says what is wrong and where, with status 1", async (t) => {
    for (const [args, message] of [
      [['42["a",}]'], /error {6}at byte 7 \('\}\]'\): malformed JSON: unexpected character/],
      [["4512[]"], /error {6}at byte 4 \('\[\]'\): Illegal attachments/],
      [["451-[1]"], /error {6}1 of 1 attachments are missing/],
      [["bAQID"], /error {6}no packet has announced this attachment/],
      [[""], /error {6}at byte 0 \(the end\): an Engine\.IO packet has a type/],
      [["--ws", "--hex", "8300"], /error {6}reserved opcode \(RFC 6455 5\.2\)/],
    ]) {
      const { status, stdout } = await run(t, ["decode", ...args]);
      assert.equal(status, 1, args.join(" "));
      assert.match(stdout, message);
    }
    const missing = await run(t, ["decode", "no/such.file"]);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /there is no file 'no\/such\.file'; taken for the text of a packet/);
    assert.match((await run(t, ["decode", "--ws", "stream"])).stderr, /there is no file 'stream'/);
    assert.equal((await run(t, ["decode", "--hex", "4g"])).status, 1);
    assert.equal((await run(t, ["decode", "--wss"])).status, 2);
  });

  it("reads WebSocket streams of both directions, with the heads of the upgrade", async (t) => {
    const stream = Buffer.concat([
      Buffer.from("GET /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n"),
      Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x34 ^ 1, 0x30 ^ 2]), // "40", masked
      Buffer.from([0x01, 0x03]), // the first of two fragments
      Buffer.from('42["a'),
    ]);
    stream[stream.length - 6] = 5;
    const rest = Buffer.concat([Buffer.from([0x89, 0x00, 0x80, 0x02]), Buffer.from('"]')]);
    const { status, stdout } = await run(t, ["decode", "--ws"], Buffer.concat([stream, rest]));
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^frame 1 at byte 73: text, from a client, 2 bytes\n40\n/);
    assert.match(stdout, /\nframe 2 at byte 81: text, not the last, from a server, 5 bytes\n/);
    assert.match(stdout, /\nframe 3 at byte 88: ping, from a server, 0 bytes\n/);
    assert.match(stdout, /\nframe 4 at byte 90: continuation, from a server, 2 bytes\n42\["a"\]\n/);
  });
});

/** The sessions of the guide, each with the lines that are typed and what is shown, on the server that they are of. */
describe("the guide to the command line", { skip }, () => {
  const build = resolve(here, process.env.SIO_BUILD_DIR ?? "../../build/release");
  const page = readFileSync(resolve(here, "../../docs/guide/cli.md"), "utf8");
  const blocks = [...page.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) => block.replaceAll(/^ {4}/gm, "").trimEnd());
  const masked = (text) => text.replaceAll(/(session|as) [\w-]{20}/g, "$1 ID");
  let origin;
  let server;
  before(async () => {
    server = spawn(join(build, "examples/guide_server"), ["0"], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await within(once(server.stdout, "data"), "a server that listens");
    origin = `http://localhost:${/^listening on port (\d+)\n$/.exec(line)[1]}`;
  });
  after(() => server.kill());

  it("shows what a terminal shows", { skip: withoutTerminal }, async (t) => {
    const lines = blocks.find((block) => block.startsWith("$ sio connect http")).split("\n").slice(1);
    const tool = terminal(t, [origin]);
    let shown = 0;
    for (const [at, line] of lines.entries()) {
      const [, prompt, typed] = /^(\S*>) (.+)/.exec(line.replace(/^> /, ": ")) ?? [];
      if (prompt) {
        const expected = [...lines.slice(shown, at), prompt];
        const end = () => masked(tool.screen().slice(-expected.length).join("\n"));
        const wanted = masked(expected.join("\n"));
        await eventually(() => end() === wanted, line).catch(() => assert.equal(end(), wanted));
        tool.write(`${typed}\r`);
        shown = at;
      }
    }
    assert.equal(await tool.end(), 0);
    assert.deepEqual(masked(tool.screen().join("\n").trimEnd()), masked(lines.join("\n")));
  });

  it("shows what commands print", async (t) => {
    const env = { PATH: `${resolve(program, "..")}:${process.env.PATH}` };
    const sessions = blocks.filter((block) => /^\$ sio (emit|decode) /.test(block));
    assert.equal(sessions.length, 2);
    for (const session of sessions) {
      const script = [...session.matchAll(/^\$ (.*)/gm)].map(([, line]) => line).join("\n");
      const command = ["sh", "-c", `exec 2>&1\n${script.replaceAll("http://localhost:3000", origin)}`];
      const { stdout } = await run(t, [], "", { env, command });
      assert.equal(stdout, session.replaceAll(/^\$ .*\n?/gm, "").trimEnd() + "\n");
    }
  });

  it("shows what comes as lines", async (t) => {
    const session = blocks.find((block) => block.includes("sio listen http"));
    const [, input, lines] = /^\$ echo '(.*)' \| sio listen .*\n([^]*)/.exec(session);
    const expected = masked(lines).split("\n").sort(); // the two outputs are in no order to each other
    const tool = new Tool(t, ["listen", origin]);
    tool.child.stdin.end(`${input}\n`);
    const shown = () => masked(tool.stdout + tool.stderr).split("\n").filter(Boolean).sort();
    await eventually(() => shown().join("\n") === expected.join("\n"), lines).catch(() => assert.deepEqual(shown(), expected));
    assert.equal(await tool.end("SIGINT"), 0);
  });
});

describe("help and completion", { skip }, () => {
  const read = (path) => readFileSync(resolve(here, "../..", path), "utf8");
  const help = (...args) => {
    const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
    assert.equal(status, 0);
    return stdout;
  };
  const optionsOf = (command) => {
    const options = [...help(command, "--help").matchAll(/^ {2}(?:-\w,| {3}) --([a-z-]+)/gm)].map(([, name]) => name);
    assert.ok(options.includes("help"));
    return options;
  };

  it("is about every option within 80 columns, and so are the manual pages", () => {
    const pages = { connect: "sio-client.1", emit: "sio-client.1", listen: "sio-client.1", decode: "sio-decode.1" };
    for (const [command, page] of Object.entries(pages)) {
      const wide = help(command, "--help").split("\n").filter((line) => line.length > 80);
      assert.deepEqual(wide, []);
      const manual = read(`docs/man/${page}`).replaceAll("\\-", "-");
      for (const name of optionsOf(command)) {
        assert.match(manual, new RegExp(`--${name}(?![\\w-])`), `${page}: --${name}`);
      }
    }
  });

  it("completes every command and every option", () => {
    const zsh = read("tools/completion/_sio");
    const complete = (...words) => {
      const script = `compopt() { :; }; . "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sio; echo "\${COMPREPLY[*]}"`;
      const file = resolve(here, "../../tools/completion/sio.bash");
      // With a socket for its input, as it has here, bash would read ~/.bashrc even for -c.
      const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script, file, "sio", ...words], { encoding: "utf8" });
      assert.equal(stderr, "");
      return stdout.trim().split(/\s+/).filter(Boolean);
    };
    const commands = [...help("--help").matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    assert.ok(commands.length >= 5);
    for (const command of commands) {
      assert.ok(complete("").includes(command), command);
      assert.match(zsh, new RegExp(`'${command}:`));
      const options = optionsOf(command);
      assert.deepEqual(complete(command, "--").sort(), options.map((name) => `--${name}`).sort(), command);
      for (const name of options) {
        assert.match(zsh, new RegExp(`--${name}(?![\\w-])`), `_sio: --${name}`);
      }
    }
    assert.deepEqual(complete("li"), ["listen"]);
    assert.deepEqual(complete("emit", "--transport", "we"), ["websocket"]);
    assert.deepEqual(complete("emit", "--transport", "=", "p"), ["polling", "polling,websocket"]);
    assert.deepEqual(complete("emit", "--timeout", ""), []);
  });

  // In a shell that runs, as it is bash that makes words of a line, and a line of the answers.
  it("completes @FILE in bash", { skip: withoutScript }, async (t) => {
    const at = join(folder, "completion");
    mkdirSync(join(at, "one dir"), { recursive: true });
    ["one dir/photo", "token.json", "two-a", "two-b"].forEach((name) => writeFileSync(join(at, name), ""));
    const bash = inTerminal(t, "bash --norc --noprofile -i");
    bash.write(`cd '${at}' && . '${resolve(here, "../../tools/completion/sio.bash")}'\r`);
    for (const [typed, ...shown] of [
      ["emit x y @to\t!", "$ sio emit x y @token.json !"],
      ["emit x y @one\tp\t!", "$ sio emit x y @one\\ dir/photo !"],
      ["emit x y @tw\t\t\t", "@two-a  @two-b", "$ sio emit x y @two-"],
      ["emit x y @\t\t", /^@one\\ dir\/ +@token\.json +@two-a +@two-b/, "$ sio emit x y @"],
      ["emit --auth @to\tx", "$ sio emit --auth @token.json x"],
      ["emit --auth=@to\tx", "$ sio emit --auth=@token.json x"],
      ["emit --timeout @to\tx", "$ sio emit --timeout @tox"],
      ["emit --transport=we\tx", "$ sio emit --transport=websocket x"],
    ]) {
      bash.write(`\x15sio ${typed}`);
      await bash.shows(...shown);
    }
    bash.write("\x15\x04");
    assert.equal(await bash.end(), 0);
  });
});
