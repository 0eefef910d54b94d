/**
 * Requests that break the rules of HTTP/1.1 (RFC 9110, RFC 9112): each is refused or its connection ends, at once, and
 * nothing that is hidden in one is taken for a request of its own.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Connection, RawWebSocket, endOfStream, reference, startServer, target } from "./support.mjs";

let server;
let bystander;
before(async () => {
  server = await startServer();
  bystander = await RawWebSocket.joined(server);
});
after(async () => {
  bystander.close();
  await server.stop();
});

const line = `GET ${target()} HTTP/1.1\r\n`;
const hidden = `${line}Host: x\r\n\r\n`;
const post = (headers, body) => `POST ${target({ sid: "x" })} HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`;
const chunked = (body) => post("Transfer-Encoding: chunked", body);

/* As the reference, Node.js 18 takes any name of a field. */
const lenient = reference && parseInt(process.versions.llhttp) < 8;

const requests = {
  "that are no HTTP": [
    "garbage\r\n\r\n",
    "\0".repeat(1000),
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "r".repeat(500),
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    '42["echo",1]\r\n\r\n',
  ],
  "with a broken request line": [
    `GET ${target()} HTTP/9.9\r\nHost: x\r\n\r\n`,
    `GET ${target()} HTTQ/1.1\r\nHost: x\r\n\r\n`,
    `G\0T ${target()} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `NONSENSE ${target()} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET ${target()} HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n`,
  ],
  "with broken header fields": [
    `${line}no colon\r\n\r\n`,
    ...(lenient ? [] : [`${line}: no name\r\n\r\n`, `${line}Name with blanks: x\r\n\r\n`]),
    `${line}Nul\0: x\r\n\r\n`,
    `${line}Host: a\0b\r\n\r\n`,
    `${line}Host: a\rb\r\n\r\n`,
  ],
  "with an ambiguous or impossible length": [
    post(`Content-Length: 0\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${hidden}`),
    post(`Transfer-Encoding: chunked\r\nContent-Length: ${hidden.length}`, `0\r\n\r\n${hidden}`),
    post("Content-Length: 1\r\nContent-Length: 2", "ab"),
    post("Content-Length: -1", ""),
    post("Content-Length: 1e3", ""),
    post("Content-Length: 0x10", ""),
    post("Content-Length: 99999999999999999999999", ""),
    post("Transfer-Encoding: xchunked", "0\r\n\r\n"),
    post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
  ],
  "with broken chunks": [
    chunked("zz\r\n\r\n"),
    chunked("-1\r\n\r\n"),
    chunked("ffffffffffffffffffff\r\n"),
    chunked("1\r\nab\r\n0\r\n\r\n"),
  ],
  "that are too long": [
    `GET ${target({ x: "y".repeat(200000) })} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `${line}Host: x\r\nX: ${"y".repeat(200000)}\r\n\r\n`,
    `${line}${"x".repeat(200000)}: y\r\n\r\n`,
    `${line}${"X: y\r\n".repeat(40000)}\r\n`,
    "G".repeat(200000),
  ],
};

describe("HTTP requests", () => {
  for (const [what, texts] of Object.entries(requests)) {
    it(`${what} are refused`, async (t) => {
      for (const text of texts) {
        await t.test(JSON.stringify(text.slice(0, 120)), async () => {
          const connection = await Connection.connect(server);
          connection.write(Buffer.from(text, "latin1"));
          const { status = 400 } = await connection.readHead().catch(endOfStream);
          assert.ok(status >= 400 && status < 600, String(status));
          assert.doesNotMatch((await connection.ended()).toString(), /"sid"/);
          connection.close();
          await bystander.echoes();
        });
      }
    });
  }
});
