// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The sio command as its users meet it: help and mistakes, the pages it serves, the log, and its end. The program is
// SIO_BIN, else bin/sio of SIO_BUILD_DIR.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { call, client, connected, Connection, eventually, ms, reference, request, within } from "./support.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const program = resolve(here, process.env.SIO_BIN ?? `${process.env.SIO_BUILD_DIR ?? "../../build/release"}/bin/sio`);
const demo = (name) => readFileSync(resolve(here, "../../demo/chat", name));
const PATIENCE = ms(10_000);
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) (\S+) (.+)$/;

/** The environment without what would change the defaults. */
function environment(more = {}) {
  const { PORT, DEBUG, ...env } = process.env;
  return { ...env, ...more };
}

/** Runs a command that is expected to end by itself. */
function run(args, env) {
  const { status, signal, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    env: environment(env),
    timeout: PATIENCE,
  });
  assert.equal(signal, null, `sio ${args.join(" ")} did not end: ${stderr}`);
  return { status, stdout, stderr };
}

/** A running `sio serve`. */
class Serve {
  stderr = "";

  constructor(args, { env, command = [program] } = {}) {
    const [file, ...rest] = [...command, "serve", ...args];
    this.child = spawn(file, rest, { stdio: ["ignore", "ignore", "pipe"], env: environment(env) });
    this.child.stderr.on("data", (data) => (this.stderr += data));
    this.exited = once(this.child, "close");
  }

  /** Starts on a free port, and ends with the test. */
  static async start(t, args = [], options) {
    const serve = new Serve(["--port", "0", ...args], options);
    t?.after(() => serve.stop());
    serve.port = Number((await serve.says(/http:\/\/\S+:(\d+)\//))[1]);
    serve.origin = `http://127.0.0.1:${serve.port}`;
    return serve;
  }

  get lines() {
    return this.stderr.split("\n").slice(0, -1);
  }

  /** Waits for the log to match. */
  says(pattern) {
    return eventually(
      () => {
        assert.equal(this.child.exitCode, null, `ended: ${this.stderr}`);
        return pattern.exec(this.stderr);
      },
      `${pattern} in the log`,
      PATIENCE,
    );
  }

  get(path, headers) {
    return request(this, "GET", path, { headers });
  }

  /** Sends a signal; resolves with [status, signal] of the end. */
  async stop(signal = "SIGTERM") {
    this.child.kill(signal);
    return within(this.exited, `end on ${signal}`, PATIENCE);
  }
}

const skip = reference && "the official packages have no such command";

describe("sio", { skip }, () => {
  it("shows its version", () => {
    for (const args of [["--version"], ["-V"], ["version"]]) {
      const { status, stdout, stderr } = run(args);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, /^sio \d+\.\d+\.\d+\n$/);
    }
  });

  it("shows help for itself and its commands", () => {
    for (const args of [["--help"], ["-h"], ["help"], ["help", "help"], ["help", "--version"]]) {
      const { status, stdout, stderr } = run(args);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, /^Usage: sio COMMAND/);
      assert.match(stdout, /^ {2}serve /m);
    }
    const own = run(["serve", "--help"]);
    assert.deepEqual([own.status, own.stderr], [0, ""]);
    assert.equal(run(["help", "serve"]).stdout, own.stdout);
    assert.equal(run(["serve", "-h"]).stdout, own.stdout);
  });

  it("fails when its help cannot be written", () => {
    const full = spawnSync("/bin/sh", ["-c", '"$0" serve --help >/dev/full', program], { encoding: "utf8" });
    assert.equal(full.status, 1);
    assert.match(full.stderr, /No space left/);
  });

  it("refuses what it does not know, and suggests what may be meant", () => {
    const mistakes = [
      [[], /no command/],
      [["srve"], /unknown command 'srve'; did you mean 'serve'\?/],
      [["xyzzy"], /unknown command 'xyzzy'\n/],
      [["--verison"], /unknown option '--verison'; did you mean '--version'\?/],
      [["help", "sreve"], /unknown command 'sreve'; did you mean 'serve'\?/],
    ];
    for (const [args, message] of mistakes) {
      const { status, stdout, stderr } = run(args);
      assert.deepEqual([status, stdout], [2, ""], args.join(" "));
      assert.match(stderr, message);
      assert.match(stderr, /Try 'sio --help'\.\n$/);
    }
  });
});

describe("sio serve: options", { skip }, () => {
  it("explains every option within 80 columns, and so does the manual page", () => {
    const { stdout } = run(["serve", "--help"]);
    const wide = stdout.split("\n").filter((line) => line.length > 80);
    assert.deepEqual(wide, []);
    const options = [...stdout.matchAll(/^ {2}(?:-\w,| {3}) --([a-z-]+)( [A-Z]+)?/gm)].map(([, name]) => name);
    assert.ok(options.length >= 35, String(options));
    const manual = readFileSync(resolve(here, "../../docs/man/sio.1"), "utf8").replaceAll("\\-", "-");
    for (const name of options) {
      assert.match(manual, new RegExp(`--${name}\\b`), name);
    }
  });

  it("names the option and the value of a mistake", () => {
    const mistakes = [
      [["--port", "65536"], "--port: '65536' is not in the range from 0 to 65535"],
      [["-p", "http"], "--port: 'http' is not a number"],
      [["--port", "-1"], "--port: '-1' is not a number"],
      [["--port", "1k"], "--port: '1k' is not a number"],
      [["--port="], "--port: '' is not a number"],
      [["--port"], "--port needs an argument"],
      [["--prot", "1"], "unknown option '--prot'; did you mean '--port'?"],
      [["-x"], "unknown option '-x'"],
      [["--quiet=yes"], "--quiet takes no argument"],
      [["public"], "unexpected argument 'public'"],
      [["--host", ""], "--host: '' must not be empty"],
      [["--path", "chat"], "--path: 'chat' does not begin with '/'"],
      [["--path", "/a?b"], "--path: '/a?b' holds a character"],
      [["--cors", "example.com"], "--cors: 'example.com' is not '*' or an origin"],
      [["--cors", "https://a.example https://b.example/"], "is not '*' or an origin"],
      [["--cors", " "], "--cors: ' ' must not be empty"],
      [["--transports", "polling,smoke"], "--transports: 'polling,smoke' is not a list"],
      [["--transports", "polling,"], "--transports: 'polling,' is not a list"],
      [["--log-level", "loud"], "--log-level: 'loud' is not one of"],
      [["--ping-interval", "0"], "--ping-interval: '0' is not in the range from 1ms to 24h"],
      [["--ping-interval", "none"], "--ping-interval: 'none' is not a time"],
      [["--ping-timeout", "1.5s"], "--ping-timeout: '1.5s' is not a time"],
      [["--head-timeout", "5 s"], "--head-timeout: '5 s' is not a time"],
      [["--max-payload", "10MB"], "--max-payload: '10MB' is not a number of bytes"],
      [["--max-payload", "4G"], "--max-payload: '4G' is not in the range"],
      [["--max-payload", "99999999999999999999999G"], "is not in the range"],
      [["--max-head-bytes", "64k"], "--max-head-bytes: '64k' is not in the range from 512 to 65535"],
      [["--max-attachments", "ten"], "--max-attachments: 'ten' is not a number"],
      [["--max-connections", "0"], "--max-connections: '0' is below 1 ('none' for no limit)"],
      [["--max-connections", "4294967295"], "--max-connections: '4294967295' is above 4294967294 ('none' for no limit)"],
      [["--head-timeout", "0"], "--head-timeout: '0' is below 1ms ('none' for no limit)"],
      [["--send-hard", "1k"], "must not decrease"],
    ];
    for (const [args, message] of mistakes) {
      const { status, stdout, stderr } = run(["serve", ...args]);
      assert.deepEqual([status, stdout], [2, ""], args.join(" "));
      assert.ok(stderr.startsWith("sio serve: ") && stderr.includes(message), `${args.join(" ")}: ${stderr}`);
    }
  });

  it("takes the port from PORT, but not a bad one, and the option wins", async (t) => {
    const { status, stderr } = run(["serve"], { PORT: "none" });
    assert.equal(status, 2);
    assert.match(stderr, /environment variable PORT: 'none' is not a number/);
    const serve = await Serve.start(t, [], { env: { PORT: "1" } });
    assert.notEqual(serve.port, 1);
    const unset = new Serve([], { env: { PORT: "0" } });
    t.after(() => unset.stop());
    await unset.says(/http:\/\/localhost:\d+\//);
  });

  it("fails when the port is in use, and says what to do", async (t) => {
    const serve = await Serve.start(t);
    const { status, stderr } = run(["serve", "--port", String(serve.port)]);
    assert.equal(status, 1);
    assert.equal(
      stderr,
      `sio serve: port ${serve.port} is in use already: choose another one with --port (or make run PORT=N), or any free one with --port 0\n`,
    );
  });

  it("fails on an address that is not this machine's, and on a directory that is none", () => {
    const elsewhere = run(["serve", "--port", "0", "--host", "192.0.2.1"]);
    assert.equal(elsewhere.status, 1);
    assert.match(elsewhere.stderr, /'192\.0\.2\.1' is not an address of this machine/);
    const missing = run(["serve", "--port", "0", "--static", "/nonexistent"]);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /--static: '\/nonexistent': No such file or directory/);
    const file = run(["serve", "--port", "0", "--static", program]);
    assert.equal(file.status, 1);
    assert.match(file.stderr, /is not a directory/);
  });

  it("listens on the address that it is told only", async (t) => {
    const serve = await Serve.start(t, ["--host", "127.0.0.1"]);
    assert.match(serve.stderr, /http:\/\/127\.0\.0\.1:/);
    assert.equal((await serve.get("/health")).status, 200);
    const refused = await new Promise((done) => {
      net.connect(serve.port, "127.0.0.2").once("connect", () => done(false)).once("error", () => done(true));
    });
    assert.equal(refused, true);
  });

  it("passes numbers with units on to the server", async (t) => {
    const flags = ["--ping-interval", "7s", "--ping-timeout", "1m", "--max-payload", "64k"];
    const serve = await Serve.start(t, [...flags, "--transports", "polling", "--path", "/live"]);
    const { body } = await serve.get("/live/?EIO=4&transport=polling");
    const { pingInterval, pingTimeout, maxPayload, upgrades } = JSON.parse(body.slice(1));
    assert.deepEqual([pingInterval, pingTimeout, maxPayload, upgrades], [7000, 60000, 65536, []]);
    assert.equal((await serve.get("/socket.io/?EIO=4&transport=polling")).status, 404);
    assert.equal((await serve.get("/live/?EIO=4&transport=websocket")).status, 400);
  });

  it("allows the origins of all --cors", async (t) => {
    const serve = await Serve.start(t, ["--cors", "https://a.example https://b.example:8443", "--cors", "http://c.example"]);
    for (const [origin, allowed] of [
      ["https://a.example", true],
      ["https://b.example:8443", true],
      ["http://c.example", true],
      ["https://c.example", false],
    ]) {
      const { headers } = await serve.get("/socket.io/?EIO=4&transport=polling", { Origin: origin });
      assert.equal(headers["access-control-allow-origin"] === origin, allowed, origin);
    }
  });

  it("bounds the connections", async (t) => {
    const serve = await Serve.start(t, ["--max-connections", "2"]);
    assert.match(serve.stderr, /room for 2 connections/);
    const held = [await Connection.connect(serve), await Connection.connect(serve)];
    t.after(() => held.forEach(({ socket }) => socket.destroy()));
    await eventually(async () => (await serve.get("/health").catch(() => ({}))).status === 503, "a refusal");
  });

  it("raises the limit of open files and fits the connections to it", async (t) => {
    const shell = (limit) => ({ command: ["/bin/sh", "-c", `${limit}; exec "$0" "$@"`, program] });
    const raised = await Serve.start(t, [], shell("ulimit -Sn 256; ulimit -Hn 512"));
    assert.match(raised.stderr, /room for 448 connections/);
    const small = await Serve.start(t, ["--max-connections", "5000"], shell("ulimit -n 256"));
    assert.match(small.stderr, /warn sio --max-connections: .* room for 192 instead of 5000/);
    assert.match(small.stderr, /room for 192 connections/);
  });
});

describe("sio serve: pages", { skip }, () => {
  let serve;

  before(async () => {
    serve = await Serve.start();
  });

  after(() => serve?.stop());

  it("has the demo at the root", async () => {
    const files = {
      "/": ["index.html", "text/html; charset=utf-8"],
      "/?room=1": ["index.html", "text/html; charset=utf-8"],
      "/index.html": ["index.html", "text/html; charset=utf-8"],
      "/app.js": ["app.js", "application/javascript; charset=utf-8"],
      "/style.css": ["style.css", "text/css; charset=utf-8"],
      "/favicon.svg": ["favicon.svg", "image/svg+xml"],
    };
    for (const [path, [file, type]] of Object.entries(files)) {
      const { status, headers, bytes } = await serve.get(path);
      assert.equal(status, 200, path);
      assert.deepEqual(bytes, demo(file), path);
      assert.equal(headers["content-type"], type);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["content-encoding"], undefined);
    }
    for (const path of ["/chat/index.html", "/app", "/app.jsx", "/../app.js", "/%2e%2e/app.js", "/reference.mjs", "//"]) {
      assert.equal((await serve.get(path)).status, 404, path);
    }
  });

  it("sends the demo in the best coding that the browser takes", async () => {
    const file = demo("app.js");
    const decode = { br: brotliDecompressSync, gzip: gunzipSync, undefined: (bytes) => bytes };
    const tags = new Set();
    for (const [accepted, coding] of [
      ["gzip, deflate, br", "br"],
      ["gzip, deflate", "gzip"],
      ["GZIP;q=0.5", "gzip"],
      ["br;q=0, gzip", "gzip"],
      ["br; q=0.000,gzip ;q=0", undefined],
      ["brotli, x-gzip2", undefined],
      ["", undefined],
    ]) {
      const { headers, bytes } = await serve.get("/app.js", { "Accept-Encoding": accepted });
      if (headers["content-encoding"] !== coding) {
        assert.equal(coding, "br", `${accepted}: ${headers["content-encoding"]}`); // built without brotli
      }
      assert.deepEqual(decode[headers["content-encoding"]](bytes), file, accepted);
      assert.equal(headers.vary, "Accept-Encoding");
      tags.add(headers.etag);
    }
    assert.ok(tags.size >= 2, "each coding has its own tag");
  });

  it("lets browsers keep the demo until it changes", async () => {
    const { etag } = (await serve.get("/")).headers;
    assert.match(etag, /^"[0-9a-f]{16}"$/);
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const { status, bytes, headers } = await serve.get("/", { "If-None-Match": tag });
      assert.deepEqual([status, bytes.length, headers.etag], [304, 0, etag], tag);
    }
    assert.equal((await serve.get("/", { "If-None-Match": '"x"' })).status, 200);
  });

  it("answers HEAD as GET without a body, and other methods with 405", async () => {
    for (const path of ["/", "/health", "/metrics"]) {
      const get = await serve.get(path);
      const head = await request(serve, "HEAD", path);
      assert.deepEqual([head.status, head.bytes.length], [200, 0]);
      assert.equal(head.headers["content-type"], get.headers["content-type"]);
      assert.ok(Number(head.headers["content-length"]) > 0);
      const post = await request(serve, "POST", path, { body: "x" });
      assert.deepEqual([post.status, post.headers.allow], [405, "GET, HEAD"], path);
    }
  });

  it("tells its health", async () => {
    const { status, headers, body } = await serve.get("/health?now");
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "application/json; charset=utf-8");
    assert.equal(headers["cache-control"], "no-store");
    const health = JSON.parse(body);
    assert.deepEqual(Object.keys(health), ["status", "version", "uptime", "connections", "sessions", "sockets"]);
    assert.equal(health.status, "ok");
    assert.equal(`sio ${health.version}\n`, run(["--version"]).stdout);
    assert.ok(health.connections >= 1);
  });

  it("counts for Prometheus", async (t) => {
    const metrics = async () => {
      const { headers, body } = await serve.get("/metrics");
      assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
      const samples = new Map();
      const types = new Map();
      for (const line of body.trimEnd().split("\n")) {
        const type = /^# TYPE (\w+) (gauge|counter)$/.exec(line);
        const sample = /^(\w+)(?:\{(\w+="[^"]*")\})? (\d+)$/.exec(line);
        if (type) {
          assert.ok(!types.has(type[1]), line);
          types.set(type[1], type[2]);
        } else if (sample) {
          assert.ok(types.has(sample[1]), `type before ${line}`);
          assert.equal(types.get(sample[1]) === "counter", sample[1].endsWith("_total"), line);
          samples.set(sample[1] + (sample[2] ? `{${sample[2]}}` : ""), Number(sample[3]));
        } else {
          assert.match(line, /^# HELP \w+ \S/);
        }
      }
      return samples;
    };
    const start = await metrics();
    const socket = await connected(client(t, serve));
    await call(socket, "hello", "Ada");
    const during = await metrics();
    assert.equal(during.get("sio_sockets"), start.get("sio_sockets") + 1);
    assert.equal(during.get("sio_websocket_sessions"), start.get("sio_websocket_sessions") + 1);
    assert.equal(during.get("sio_events_in_total"), start.get("sio_events_in_total") + 1);
    assert.ok(during.get("sio_bytes_out_total") > start.get("sio_bytes_out_total"));
    socket.disconnect();
    const reason = 'sio_disconnects_total{reason="client namespace disconnect"}';
    await eventually(async () => (await metrics()).get(reason) === start.get(reason) + 1, reason);
    await serve.get("/socket.io/?EIO=4&transport=polling&sid=unknown");
    const cause = 'sio_causes_total{cause="unknown_session"}';
    assert.equal((await metrics()).get(cause), start.get(cause) + 1);
  });

  it("has neither page nor chat with --no-demo", async (t) => {
    const bare = await Serve.start(t, ["--no-demo"]);
    assert.equal((await bare.get("/")).status, 404);
    assert.equal((await bare.get("/health")).status, 200);
    assert.equal((await bare.get("/socket.io/socket.io.min.js")).status, 200);
    const socket = await connected(client(t, bare));
    const [error] = await call(socket.timeout(ms(200)), "hello", "Ada");
    assert.match(String(error), /timed out/);
  });
});

describe("sio serve: static files", { skip }, () => {
  let folder;
  let serve;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "sio-static-"));
    const root = join(folder, "root");
    for (const path of ["root", "root/sub", "root/sub/.git", "root/a b", "root2", "root/empty", "root/odd", "root/odd/index.html"]) {
      mkdirSync(join(folder, path));
    }
    const files = {
      "secret.txt": "secret",
      "root2/secret.txt": "secret",
      "root/index.html": "<h1>root</h1>",
      "root/page.html": "<p>page</p>",
      "root/sub/index.html": "<h1>sub</h1>",
      "root/sub/data.json": "{}",
      "root/sub/.git/config": "secret",
      "root/.env": "secret",
      "root/a b/ü.txt": "umlaut",
      "root/UPPER.PNG": "png",
      "root/none": "no suffix",
      "root/zero.txt": "",
      "root/100%.txt": "percent",
      "root/odd/index.html/x.txt": "behind an index that is a directory",
    };
    for (const [path, text] of Object.entries(files)) {
      writeFileSync(join(folder, path), text);
    }
    symlinkSync("../secret.txt", join(root, "link.txt"));
    symlinkSync("../root2", join(root, "linked"));
    symlinkSync("page.html", join(root, "alias.html"));
    symlinkSync("/", join(root, "slash"));
    writeFileSync(join(root, "huge.bin"), "");
    truncateSync(join(root, "huge.bin"), 16 * 1024 * 1024 + 1);
    spawnSync("mkfifo", [join(root, "fifo")]);
    serve = await Serve.start(undefined, ["--static", root]);
  });

  after(async () => {
    await serve?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("serves files with their types", async () => {
    for (const [path, type, body] of [
      ["/", "text/html; charset=utf-8", "<h1>root</h1>"],
      ["/?x=/../y", "text/html; charset=utf-8", "<h1>root</h1>"],
      ["/page.html", "text/html; charset=utf-8", "<p>page</p>"],
      ["/sub/", "text/html; charset=utf-8", "<h1>sub</h1>"],
      ["/sub/data.json?v=1", "application/json; charset=utf-8", "{}"],
      ["/%73ub/data%2Ejson", "application/json; charset=utf-8", "{}"],
      ["/a%20b/%C3%BC.txt", "text/plain; charset=utf-8", "umlaut"],
      ["/100%25.txt", "text/plain; charset=utf-8", "percent"],
      ["/UPPER.PNG", "image/png", "png"],
      ["/none", "application/octet-stream", "no suffix"],
      ["/zero.txt", "text/plain; charset=utf-8", ""],
    ]) {
      const answer = await serve.get(path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers["content-type"], type, path);
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      assert.equal(answer.body, body, path);
    }
  });

  it("lets nothing out that is not a plain file below its directory", async () => {
    const paths = [
      "/../secret.txt",
      "/../root2/secret.txt",
      "/sub/../../secret.txt",
      "/sub/../page.html",
      "/./page.html",
      "/%2e%2e/secret.txt",
      "/%2E%2E/secret.txt",
      "/.%2e/secret.txt",
      "/..%2fsecret.txt",
      "/%2e%2e%2fsecret.txt",
      "/sub%2f..%2f..%2fsecret.txt",
      "/sub%2Fdata.json",
      "/%252e%252e/secret.txt",
      "/..%5csecret.txt",
      "/..\\secret.txt",
      "/..;/secret.txt",
      "/..%00/secret.txt",
      "/page.html%00",
      "/page.html%00.txt",
      "/%c0%ae%c0%ae/secret.txt",
      "/%uff0e%uff0e/secret.txt",
      "//secret.txt",
      "/odd//x.txt",
      "///etc/passwd",
      "//etc/passwd",
      "/etc/passwd",
      "/%2fetc%2fpasswd",
      "/.env",
      "/%2eenv",
      "/sub/.git/config",
      "/sub/.git/",
      "/link.txt",
      "/linked/secret.txt",
      "/linked/",
      "/slash/etc/passwd",
      "/alias.html",
      "/fifo",
      "/page.html/",
      "/page.html/x",
      "/empty/",
      "/" + "root/page.html",
      "/missing",
      `/${"a/".repeat(2000)}`,
      `/${"a".repeat(5000)}`,
      "/index.html/../page.html",
    ];
    for (const path of paths) {
      const { status, body } = await serve.get(path);
      assert.ok(status === 404 || (status === 400 && path.includes("%u")), `${path}: ${status}`);
      assert.doesNotMatch(body, /secret|root:/);
    }
    for (const path of ["/%", "/%4", "/%zz", "/a%2"]) {
      assert.equal((await serve.get(path)).status, 400, path);
    }
  });

  it("takes whole addresses as targets, and no others than paths", async (t) => {
    for (const [target, expected] of [
      ["http://a/page.html", 200],
      ["HTTPS://a:1", 200],
      ["http://a/health", 200],
      ["http://a/../secret.txt", 404],
      ["http://a?page.html", 400],
      ["secret.txt", 400],
      ["*", 400],
    ]) {
      const connection = await Connection.connect(serve);
      t.after(() => connection.socket.destroy());
      connection.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const { status } = await connection.readHead();
      assert.equal(status, expected, target);
    }
  });

  it("leads from a directory to its index", async () => {
    const { status, headers } = await serve.get("/sub?a=b");
    assert.deepEqual([status, headers.location], [301, "/sub/?a=b"]);
  });

  it("answers conditional requests", async () => {
    const { headers } = await serve.get("/page.html");
    const modified = new Date(Math.floor(statSync(join(folder, "root/page.html")).mtimeMs / 1000) * 1000).toUTCString();
    assert.equal(headers["last-modified"], modified);
    assert.match(headers.etag, /^W\/"[0-9a-f-]+"$/);
    const later = new Date(Date.now() + 60_000).toUTCString();
    for (const [conditions, status] of [
      [{ "If-None-Match": headers.etag }, 304],
      [{ "If-None-Match": headers.etag.slice(2) }, 304],
      [{ "If-None-Match": `"x" , ${headers.etag}` }, 304],
      [{ "If-None-Match": "*" }, 304],
      [{ "If-None-Match": '"x"' }, 200],
      [{ "If-None-Match": '"x"', "If-Modified-Since": later }, 200],
      [{ "If-Modified-Since": modified }, 304],
      [{ "If-Modified-Since": later }, 304],
      [{ "If-Modified-Since": "Thu, 01 Jan 1970 00:00:01 GMT" }, 200],
      [{ "If-Modified-Since": "yesterday" }, 200],
      [{ "If-Modified-Since": `${modified} and more` }, 200],
      [{ "If-None-Match": "" }, 200],
      [{ "If-None-Match": ", ,," }, 200],
    ]) {
      const answer = await serve.get("/page.html", conditions);
      assert.equal(answer.status, status, JSON.stringify(conditions));
      assert.equal(answer.bytes.length, status === 304 ? 0 : 11);
      assert.equal(answer.headers.etag, headers.etag);
    }
    writeFileSync(join(folder, "root/page.html"), "<p>new page</p>");
    const changed = await serve.get("/page.html", { "If-None-Match": headers.etag });
    assert.deepEqual([changed.status, changed.body], [200, "<p>new page</p>"]);
    writeFileSync(join(folder, "root/page.html"), "<p>page</p>");
  });

  it("answers HEAD with the length, and refuses other methods", async () => {
    const head = await request(serve, "HEAD", "/page.html");
    assert.deepEqual([head.status, head.headers["content-length"], head.bytes.length], [200, "11", 0]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      assert.equal((await request(serve, method, "/page.html")).status, 405, method);
    }
  });

  it("does not serve files above its limit", async () => {
    const { status, body } = await serve.get("/huge.bin");
    assert.deepEqual([status, body], [500, "file is too large\n"]);
  });

  it("sends a file to its end, however slowly it is read", async (t) => {
    const size = 12 * 1024 * 1024; // more than the system buffers
    truncateSync(join(folder, "root/none"), size);
    t.after(() => writeFileSync(join(folder, "root/none"), "no suffix"));
    const soon = ["--head-timeout", "--body-timeout", "--keep-alive-timeout", "--close-timeout"];
    const timeouts = soon.flatMap((option) => [option, String(ms(100))]);
    const slow = await Serve.start(t, ["--static", join(folder, "root"), ...timeouts]);
    const socket = net.connect(slow.port, "127.0.0.1");
    t.after(() => socket.destroy());
    let received = 0;
    socket.write("GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
    socket.on("data", (data) => (received += data.length));
    await once(socket, "data");
    socket.pause();
    await new Promise((done) => setTimeout(done, ms(1000)));
    socket.resume();
    await eventually(() => received > size || socket.destroyed, "the whole file or the end", PATIENCE);
    assert.ok(received > size, `${received} bytes`);
  });

  it("keeps the other pages, and the chat", async (t) => {
    assert.equal((await serve.get("/health")).status, 200);
    assert.equal((await serve.get("/socket.io/socket.io.min.js")).status, 200);
    const socket = await connected(client(t, serve));
    const [answer] = await call(socket, "hello", "Ada");
    assert.equal(answer.ok, true);
  });

  it("leaves no file open", async () => {
    const open = () => spawnSync("ls", [`/proc/${serve.child.pid}/fd`], { encoding: "utf8" }).stdout.split("\n").length;
    await eventually(async () => JSON.parse((await serve.get("/health")).body).connections === 1, "one connection");
    const paths = ["/page.html", "/sub", "/sub/", "/missing", "/page.html/x", "/link.txt", "/%zz", "/fifo", "/huge.bin", "/empty/"];
    for (const path of paths) {
      await serve.get(path);
    }
    await eventually(async () => JSON.parse((await serve.get("/health")).body).connections === 1, "one connection");
    const before = open();
    for (let round = 0; round < 5; round++) {
      for (const path of paths) {
        await serve.get(path);
      }
    }
    await eventually(() => open() <= before, "as many open files as before");
  });
});

describe("sio serve: log and signals", { skip }, () => {
  it("says one line at the start, and nothing more", async (t) => {
    const serve = await Serve.start(t);
    await connected(client(t, serve));
    await serve.get("/");
    assert.match(serve.stderr, /^sio \d+\.\d+\.\d+: open http:\/\/localhost:\d+\/ \(room for \d+ connections\)\n$/);
  });

  it("says more at higher levels, with the time", async (t) => {
    const serve = await Serve.start(t, ["--log-level", "info"]);
    await serve.says(/ info /);
    const [status] = await serve.stop();
    assert.equal(status, 0);
    const rest = serve.lines.filter((line) => !line.startsWith("sio "));
    assert.ok(rest.length > 0);
    rest.forEach((line) => assert.match(line, TIMESTAMP));
  });

  it("is quiet when told so, but not about failures", async (t) => {
    const probe = await Serve.start(t);
    const { status, stderr } = run(["serve", "--quiet", "--port", String(probe.port)]);
    assert.equal(status, 1);
    assert.match(stderr, /in use/);
    const free = await freePort();
    const quiet = new Serve(["--quiet", "--port", String(free)]);
    t.after(() => quiet.stop());
    quiet.port = free;
    await eventually(() => quiet.get("/health"), "an answer", PATIENCE);
    await quiet.stop();
    assert.equal(quiet.stderr, "");
  });

  it("traces the components of --debug or DEBUG", async (t) => {
    const traced = async (args, env) => {
      const serve = await Serve.start(t, args, { env });
      const socket = await connected(client(t, serve));
      await call(socket, "hello", "Ada");
      await serve.stop();
      return new Set(serve.lines.map((line) => TIMESTAMP.exec(line)).filter(Boolean).map(([, level, component]) => `${level} ${component}`));
    };
    const engine = await traced(["--debug", "engine*,-engine:ws"]);
    assert.ok(engine.has("debug engine") || engine.has("debug engine:socket") || engine.has("debug engine:http"), [...engine].join());
    assert.ok([...engine].every((key) => key.startsWith("debug engine")), [...engine].join());
    assert.ok(!engine.has("debug engine:ws"));
    const variable = await traced([], { DEBUG: "socket.io:*" });
    assert.ok(variable.size > 0 && [...variable].every((key) => key.startsWith("debug socket.io:")), [...variable].join());
    assert.equal((await traced([], { DEBUG: "express:*" })).size, 0);
    assert.equal((await traced([], { DEBUG: "" })).size, 0);
    const option = await traced(["--debug", "engine:http"], { DEBUG: "*" });
    assert.deepEqual([...option], ["debug engine:http"]);
  });

  it("ends in good order on SIGINT and SIGTERM: clients are told", async (t) => {
    for (const signal of ["SIGINT", "SIGTERM"]) {
      const serve = await Serve.start(t);
      const socket = await connected(client(t, serve));
      const gone = within(once(socket, "disconnect"), "disconnect");
      assert.deepEqual(await serve.stop(signal), [0, null], signal);
      const [reason] = await gone;
      assert.equal(reason, "transport close");
    }
  });

  it("ends soon although clients do not", async (t) => {
    const serve = await Serve.start(t);
    await holdOpen(t, serve);
    const start = Date.now();
    assert.deepEqual(await serve.stop(), [0, null]);
    assert.ok(Date.now() - start < ms(4000), `took ${Date.now() - start} ms`);
  });

  it("ends at once on a second signal", async (t) => {
    const serve = await Serve.start(t);
    const socket = await holdOpen(t, serve);
    serve.child.kill("SIGTERM");
    await within(once(socket, "end"), "the end of what the server sends");
    const [status, signal] = await serve.stop("SIGINT");
    assert.deepEqual([status, signal], [null, "SIGINT"]);
  });

  it("goes on when nobody reads its log any more", async (t) => {
    const serve = await Serve.start(t, ["--debug", "*"]);
    serve.child.stderr.destroy();
    for (let i = 0; i < 20; i++) {
      assert.equal((await serve.get("/health")).status, 200);
    }
    assert.deepEqual(await serve.stop(), [0, null]);
  });
});

/** A port that was free a moment ago. */
async function freePort() {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** A connection whose client never closes its side. */
async function holdOpen(t, serve) {
  const socket = net.connect({ port: serve.port, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.write("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
  await within(once(socket, "data"), "an answer");
  return socket;
}
