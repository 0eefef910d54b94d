// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// What a client program takes (examples/client.c, built for size): its file, and its memory once it is connected and
// idle, without and with TLS, against the official server.
//
//   node bench/client_size.mjs [DIRECTORY]      static libraries that the system does not have, such as libyyjson.a
//
// Whatever is there as a static library is linked statically; the table says what was not. Needs cmake, cc, openssl.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { fileURLToPath } from "node:url";
import { packages } from "./servers/packages.mjs";

const { Server } = packages("socket.io");
const root = fileURLToPath(new URL("..", import.meta.url));
const build = `${root}build/size`;
const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });

// ---------------------------------------------------------------------------------------------------------- the files

const depends = ["yyjson", "llhttp", "uv", "ssl", "crypto", "z"];
const folders = [process.argv[2], `${root}.deps/usr/lib/x86_64-linux-gnu`, "/usr/lib/x86_64-linux-gnu", "/usr/lib"];

/** How the linker is told of a library: by the path of the static one, if there is one and it is wanted. */
function linked(name, isStatic) {
  const files = folders.filter(Boolean).flatMap((folder) => [`${folder}/lib${name}.a`, `${folder}/lib${name}_a.a`]);
  const file = isStatic ? files.find((candidate) => existsSync(candidate)) : undefined;
  return file ?? `-l${name}`;
}

function link(name, statics, ...options) {
  const program = `${build}/${name}`;
  const sources = [`${root}examples/client.c`, `${build}/libsio.a`];
  const libraries = depends.map((library) => linked(library, statics.includes(library)));
  const include = [`-I${root}include`, `-I${build}/include`, `-L${folders[1]}`, `-Wl,-rpath,${folders[1]}`];
  run("cc", "-Os", "-s", "-Wl,--gc-sections", ...include, ...options, ...sources, ...libraries, "-o", program);
  return program;
}

run("cmake", "-S", root, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DSIO_TESTS=OFF",
  "-DCMAKE_C_FLAGS_RELEASE=-Os -DNDEBUG -ffunction-sections -fdata-sections"); // prettier-ignore
run("cmake", "--build", build, "--target", "sio_static");

const all = depends.every((name) => linked(name, true) !== `-l${name}`);
const programs = {
  "libsio.a static, all else shared": link("client-shared", []),
  "also libuv, llhttp, yyjson static": link("client-mixed", ["yyjson", "llhttp", "uv"]),
  ...(all ? { "all static, OpenSSL and libc too": link("client-static", depends, "-static") } : {}),
};
if (!all) {
  console.log("not all static: there is no static library of", depends.filter((name) => linked(name, true)[0] === "-"));
}

// --------------------------------------------------------------------------------------------------------- the memory

const pem = `${build}/pem`;
rmSync(pem, { recursive: true, force: true });
mkdirSync(pem);
run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
  "-subj", "/CN=client_size", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", `${pem}/key`, "-out", `${pem}/cert`); // prettier-ignore
const [key, cert] = [readFileSync(`${pem}/key`), readFileSync(`${pem}/cert`)];

/** Bytes of a process that it shares with no other: what it has written to. */
function ownBytes(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Anonymous: +(\d+) kB$/m.exec(rollup)[1]) * 1024;
}

async function memory(program, http, scheme) {
  const io = new Server(http, { serveClient: false });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const env = { ...process.env, SSL_CERT_FILE: `${pem}/cert` };
  const child = spawn(program, [`${scheme}://127.0.0.1:${http.address().port}`], { env, stdio: ["ignore", "ignore", 2] });
  const [socket] = await once(io, "connection");
  await new Promise((done) => socket.conn.once("heartbeat", done).once("upgrade", done));
  await socket.timeout(5000).emitWithAck("anything").catch(() => {}); // until nothing goes on any more
  const threads = readdirSync(`/proc/${child.pid}/task`).length;
  const bytes = ownBytes(child.pid);
  child.kill();
  await once(child, "close");
  await io.close();
  return { bytes, threads };
}

const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`;
for (const [what, program] of Object.entries(programs)) {
  const plain = await memory(program, createHttpServer(), "http");
  const secure = await memory(program, createHttpsServer({ key, cert }), "https");
  console.log(
    `${what}: file ${kib(statSync(program).size)}; memory of its own ${kib(plain.bytes)}, ` +
      `with TLS ${kib(secure.bytes)}; threads ${plain.threads}, with TLS ${secure.threads}`
  );
}
