/** Servers whose TLS must not be trusted: the client refuses each with the reason, and says nothing to it before. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import tls from "node:tls";
import { Server } from "socket.io";
import { eventually } from "../support.mjs";
import { assertQuiet, clientFor } from "./support.mjs";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

let dir;
const file = (name) => join(dir, name);
const openssl = (...args) => execFileSync("openssl", args, { stdio: "pipe", cwd: dir });

/** Makes `name`.pem and `name`.key: for localhost unless told otherwise, signed by itself without an issuer. */
function certificate(name, { issuer, alt = "DNS:localhost,IP:127.0.0.1", days = 30, authority = false }) {
  const constraints = `basicConstraints=critical,CA:${authority ? "TRUE" : "FALSE"}\nsubjectAltName=${alt}\n`;
  writeFileSync(file(`${name}.ext`), constraints);
  openssl("req", "-new", ...KEY, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
  const signer = issuer
    ? ["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`, "-CAcreateserial"]
    : ["-key", `${name}.key`];
  const self = issuer ? [] : ["-signkey", `${name}.key`];
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    ...(issuer ? signer : self),
    "-extfile",
    `${name}.ext`,
    "-days",
    String(days),
    "-out",
    `${name}.pem`
  );
}

before(() => {
  dir = mkdtempSync(join(tmpdir(), "sio-tls-"));
  certificate("authority", { authority: true });
  certificate("stranger", { authority: true });
  certificate("good", { issuer: "authority" });
  certificate("expired", { issuer: "authority", days: -1 });
  certificate("elsewhere", { issuer: "authority", alt: "DNS:elsewhere.example,IP:192.0.2.1" });
  certificate("alone", {});
  certificate("unknown", { issuer: "stranger" });
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** The official server with a certificate; whatever reaches it as HTTP is counted in `requests`. */
async function secureServer(t, name, options = {}) {
  const server = https.createServer({
    cert: readFileSync(file(`${name}.pem`)),
    key: readFileSync(file(`${name}.key`)),
    ...options,
  });
  const io = new Server(server);
  io.on("connection", (socket) => socket.on("seq", (n, acknowledge) => acknowledge(n)));
  const counted = { server, requests: 0 };
  server.on("request", () => counted.requests++).on("upgrade", () => counted.requests++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    io.close();
    server.closeAllConnections();
  });
  counted.port = server.address().port;
  return counted;
}

const refusals = {
  "CVE-2016-10536: a certificate that signs itself": { name: "alone", text: /self-signed certificate$/ },
  "a certificate that has expired": { name: "expired", text: /certificate has expired$/ },
  "a certificate of another host": { name: "elsewhere", text: /IP address mismatch$/ },
  "a certificate of another host, asked by name": {
    name: "elsewhere",
    host: "localhost",
    text: /[Hh]ostname mismatch$/,
  },
  "a certificate of an unknown authority": { name: "unknown", text: /unable to get local issuer certificate$/ },
  "CVE-2021-31597: any certificate of the own authority, if nobody was named": {
    name: "good",
    ca: null,
    text: /unable to get local issuer certificate$|self-signed certificate in certificate chain$/,
  },
  "TLS 1.1": {
    name: "good",
    options: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" },
    text: /(protocol version|unsupported protocol|alert)/,
  },
};

describe("refused are", () => {
  for (const [name, { name: cert, host = "127.0.0.1", ca = "authority", options, text }] of Object.entries(refusals)) {
    for (const transports of ["polling", "websocket"]) {
      it(`${name} (${transports})`, async (t) => {
        const server = await secureServer(t, cert, options);
        const trusted = ca ? { ca: file(`${ca}.pem`) } : {};
        const client = clientFor(t, `https://${host}:${server.port}`, { transports, ...trusted });
        const error = await client.line({ kind: "error" });
        assert.equal(error.status, "SIO_ERR_TLS");
        assert.equal(error.cause, "CONNECT_FAILED");
        assert.match(error.text, /^(xhr poll|websocket) error: /);
        assert.match(error.text, text);
        const { status, active } = await client.line({ kind: "connect_error" });
        assert.deepEqual({ status, active }, { status: "SIO_ERR_TLS", active: true });
        assert.equal(server.requests, 0);
        if (ca) {
          const from = client.mark;
          server.server.setSecureContext({ cert: readFileSync(file("good.pem")), key: readFileSync(file("good.key")) });
          await client.connected({ from });
          await client.works();
        }
      });
    }
  }

  for (const [name, answer] of Object.entries({
    "plain HTTP": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "an endless record": Buffer.concat([Buffer.from([22, 3, 3, 64, 0]), Buffer.alloc(1000)]),
    "random bytes": Buffer.alloc(100000, 0xa5),
    nothing: "",
  })) {
    it(`${name} in place of a handshake`, async (t) => {
      const sockets = new Set();
      const server = net.createServer((socket) => {
        sockets.add(socket.on("error", () => {}));
        socket.once("data", () => socket.write(answer));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => {
        server.close();
        sockets.forEach((socket) => socket.destroy());
      });
      const url = `https://127.0.0.1:${server.address().port}`;
      const client = clientFor(t, url, { transports: "websocket", "open-timeout": 3000 });
      if (name === "nothing") {
        const isIdle = async () => sockets.size > 0 && (await client.load(100)) === 0;
        await eventually(isIdle, "its waiting");
        await assertQuiet(client, 1000);
      }
      const error = await client.line({ kind: "error" });
      assert.match(error.status, /^SIO_ERR_(TLS|TIMEOUT)$/);
      assert.equal(error.cause, "CONNECT_FAILED");
      const { peak } = await client.memory();
      assert.ok(peak < 1e6, `${peak} bytes`);
    });
  }

  it("answers that end with the connection, without close_notify", async (t) => {
    const key = { cert: readFileSync(file("good.pem")), key: readFileSync(file("good.key")) };
    const raw = [];
    const open = JSON.stringify({ sid: "a", upgrades: [], pingInterval: 1000, pingTimeout: 1000, maxPayload: 1e6 });
    const server = tls.createServer(key, (socket) => {
      socket
        .on("error", () => {})
        .once("data", () => socket.write(`HTTP/1.1 200 OK\r\n\r\n0${open}`, () => raw.at(-1).end()));
    });
    server.on("connection", (socket) => raw.push(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.close();
      raw.forEach((socket) => socket.destroy());
    });
    const url = `https://127.0.0.1:${server.address().port}`;
    const client = clientFor(t, url, { transports: "polling", ca: file("authority.pem") });
    const error = await client.line({ kind: "error" });
    assert.equal(error.status, "SIO_ERR_CLOSED");
    assert.match(error.text, /before the end of its answer$/);
    assert.equal(client.lines.filter((line) => line.kind === "open").length, 0);
  });
});
