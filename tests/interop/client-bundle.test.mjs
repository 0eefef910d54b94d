/**
 * The browser bundles of the official client, served by the server itself below its own path.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { Connection, request, serverFor, startServer } from "./support.mjs";

const require = createRequire(import.meta.url);
const { version } = require("socket.io-client/package.json");
const published = (file) => readFileSync(new URL(`node_modules/socket.io-client/dist/${file}`, import.meta.url));

const scripts = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];
const files = [...scripts, ...scripts.map((file) => `${file}.map`)];
const etag = `"${version}"`;

describe("Client bundles", () => {
  let server;
  before(async () => (server = await startServer()));
  after(() => server.stop());

  const get = (file, headers, method = "GET") => request(server, method, `/socket.io/${file}`, { headers });

  for (const file of files) {
    it(`include ${file}, as published`, async () => {
      const { status, headers, bytes } = await get(file);
      assert.equal(status, 200);
      const type = file.endsWith(".map") ? "application/json" : "application/javascript";
      assert.equal(headers["content-type"], `${type}; charset=utf-8`);
      assert.equal(headers["cache-control"], "public, max-age=0");
      assert.equal(headers.etag, etag);
      assert.equal(headers["content-encoding"], undefined);
      assert.ok(bytes.equals(published(file)));
    });
  }

  it("are found whatever the query", async () => {
    const { status, bytes } = await get("socket.io.min.js?v=1&EIO=4&transport=polling");
    assert.equal(status, 200);
    assert.ok(bytes.equals(published("socket.io.min.js")));
  });

  it("are described by HEAD", async () => {
    const { status, headers, bytes } = await get("socket.io.js", {}, "HEAD");
    assert.equal(status, 200);
    assert.equal(headers.etag, etag);
    assert.equal(bytes.length, 0);
  });

  const decoders = { br: brotliDecompressSync, gzip: gunzipSync, deflate: inflateSync };
  for (const [accepted, ...encodings] of [
    ["br", "br"],
    ["gzip", "gzip"],
    ["deflate", "deflate", undefined],
    ["gzip, deflate, br", "br", "gzip"],
    ["gzip, br;q=0", "gzip"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
  ]) {
    it(`are compressed for a browser that accepts ${accepted}`, async () => {
      const { status, headers, bytes } = await get("socket.io.min.js", { "accept-encoding": accepted });
      assert.equal(status, 200);
      const encoding = headers["content-encoding"];
      assert.ok(encodings.includes(encoding), encoding);
      const decoded = encoding ? decoders[encoding](bytes) : bytes;
      assert.ok(decoded.equals(published("socket.io.min.js")));
    });
  }

  for (const accepted of ["identity", "compress", "gzip;q=0, br;q=0", ""]) {
    it(`are sent as they are to one that accepts "${accepted}"`, async () => {
      const { headers, bytes } = await get("socket.io.min.js", { "accept-encoding": accepted });
      assert.equal(headers["content-encoding"], undefined);
      assert.ok(bytes.equals(published("socket.io.min.js")));
    });
  }

  it("are not sent again to a browser that has them", async () => {
    for (const tag of [etag, `W/${etag}`]) {
      const { status, bytes } = await get("socket.io.js", { "if-none-match": tag });
      assert.equal(status, 304, tag);
      assert.equal(bytes.length, 0);
    }
    for (const tag of ['"4.0.0"', version, '""']) {
      assert.equal((await get("socket.io.js", { "if-none-match": tag })).status, 200, tag);
    }
  });

  it("come one after the other on one connection", async () => {
    const connection = await Connection.connect(server);
    const ask = `GET /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${etag}\r\n\r\n`;
    connection.write(ask.repeat(3));
    for (let i = 0; i < 3; i++) {
      assert.equal((await connection.readHead()).status, 304);
    }
    connection.close();
  });

  it("are all that is served below the path", async () => {
    for (const file of [
      "socket.io", "xyz.js", "socket.io.js.gz", "socket.io.msgpack.js", "../socket.io.js", "SOCKET.IO.JS",
      "socket.io.js/", "%2e%2e/package.json", "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "constructor",
      "socket.io.js%00",
    ]) {
      const { status, body } = await get(file);
      assert.ok([400, 404].includes(status), `${status} for ${file}`);
      assert.ok(body.length < 200, body);
    }
    const { body } = await get("xyz.js");
    assert.equal(body, '{"code":0,"message":"Transport unknown"}');
  });

  it("follow the configured path", async (t) => {
    const elsewhere = await serverFor(t, "--path", "/deep/er");
    assert.equal((await request(elsewhere, "GET", "/deep/er/socket.io.min.js")).status, 200);
    assert.equal((await request(elsewhere, "GET", "/socket.io/socket.io.min.js")).status, 404);
  });

  it("may be loaded by pages of the configured origins", async (t) => {
    assert.equal(
      (await get("socket.io.js", { origin: "http://page.example" })).headers["access-control-allow-origin"],
      undefined
    );
    const open = await serverFor(t, "--cors", "*");
    const { status, headers } = await request(open, "GET", "/socket.io/socket.io.js", {
      headers: { origin: "http://page.example" },
    });
    assert.equal(status, 200);
    assert.equal(headers["access-control-allow-origin"], "*");
  });

  it("can be switched off", async (t) => {
    const without = await serverFor(t, "--no-serve-client");
    for (const file of files) {
      const { status, body } = await request(without, "GET", `/socket.io/${file}`);
      assert.equal(status, 400);
      assert.equal(body, '{"code":0,"message":"Transport unknown"}');
    }
  });
});
