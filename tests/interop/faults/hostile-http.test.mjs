/** Servers that answer with what is no proper HTTP, or too much of it. */
import { describe } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { answer, attack, drip, flood, openPacket, switching } from "./hostile.mjs";
import { reset } from "../support.mjs";

const polling = ["polling"];
const websocket = ["websocket"];
const open = openPacket();

/** The answer to the first GET is `bytes`. */
const says = (bytes, more) => ({ transports: polling, handshake: (socket) => socket.write(bytes), ...more });
const ends = (bytes, more) => ({ transports: polling, handshake: (socket) => socket.end(bytes), ...more });
const floods = (head, piece, more) => ({
  transports: polling,
  handshake: (socket) => {
    socket.write(head);
    flood(socket, piece);
  },
  ...more,
});

describe("connections", () => {
  const phases = {
    "at once": { connection: (socket) => socket.destroy() },
    "with the request": { connection: (socket) => socket.once("data", () => socket.destroy()) },
    "within the status line": { connection: (socket) => socket.once("data", () => socket.end("HTTP/1.1 20")) },
    "within the head": { connection: (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-")) },
  };
  for (const [phase, hooks] of Object.entries(phases)) {
    attack(`that are closed ${phase}`, { ...hooks });
  }
  attack("that are closed within the body", ends("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0{", {}));
  attack("that are closed within a chunk", ends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0{", {}));

  const resets = {
    "at once": { connection: reset },
    "with the request": { connection: (socket) => socket.once("data", () => reset(socket)) },
    "within the head": {
      connection: (socket) =>
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nX", () => reset(socket))),
    },
  };
  for (const [phase, hooks] of Object.entries(resets)) {
    attack(`that are reset ${phase}`, { ...hooks });
  }
  attack("that are accepted, and silent", { connection: () => {}, quiet: true });
  attack("whose answer comes byte by byte, too slowly", {
    connection: (socket) => socket.once("data", () => drip(socket, answer(open))),
    quiet: true,
  });
  attack("that speak first", { connection: (socket) => socket.write(answer(open)) && socket.resume() });
  attack("that speak first, and without end", { connection: (socket) => flood(socket.resume(), "x") });
});

describe("status lines", () => {
  for (const line of [
    "HELLO",
    "HTTP/2.0 200 OK",
    "HTTP/1.1 099 Less",
    "HTTP/1.1 1000 More",
    "HTTP/1.1 -200 OK",
    "ICY 200 OK",
    "HTTP/1.1  200 OK",
    "HTTP/1.1 2x0 OK",
    "HTTP/9999999999.1 200 OK",
    "\0\0\0\0",
    "SSH-2.0-OpenSSH_9.2",
    '{"sid":"x"}',
  ]) {
    attack(`as ${JSON.stringify(line)}`, says(answer(open, undefined, line), {}));
    attack(`of WebSocket as ${JSON.stringify(line)}`, {
      transports: websocket,
      upgrade: (socket, request) => socket.write(switching(request, {}, line)),
    });
  }
});

describe("heads", () => {
  attack("with a field without end", floods("HTTP/1.1 200 OK\r\nX: ", "x", {}));
  attack("with a name without end", floods("HTTP/1.1 200 OK\r\n", "x", {}));
  attack("with a reason without end", floods("HTTP/1.1 200 ", "x", {}));
  attack("with fields without end", floods("HTTP/1.1 200 OK\r\n", "A: b\r\n", {}));
  attack("after interim answers without end", floods("", "HTTP/1.1 100 Continue\r\n\r\n", {}));
  attack(
    "after interim answers with fields without end",
    floods("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", {})
  );
  attack("of WebSocket without end", {
    transports: websocket,
    upgrade: (socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\n");
      flood(socket, "A: b\r\n");
    },
  });
  for (const [name, fields] of Object.entries({
    "two lengths": "Content-Length: 5\r\nContent-Length: 6",
    "a list of lengths": "Content-Length: 5, 5",
    "a length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "a negative length": "Content-Length: -5",
    "a length with a sign": "Content-Length: +5",
    "a length in hex": "Content-Length: 0x10",
    "a length beyond 64 bits": "Content-Length: 99999999999999999999",
    "an unknown transfer coding": "Transfer-Encoding: gzip, chunked",
    "chunks that are not the last coding": "Transfer-Encoding: chunked, identity",
    "a blank before the colon": "Content-Length : 5",
    "a folded line": "X: a\r\n b",
    "a bare LF": "X: a\nContent-Length: 5",
    "a bare CR": "X: a\rContent-Length: 5",
    "a NUL": "X: a\0b",
    "no colon": "Content-Length",
    "an empty name": ": 5",
  })) {
    attack(`with ${name}`, says(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${open}`, {}));
  }
});

describe("bodies", () => {
  const limit = { "max-message": 100000 };
  attack("of a length above the limit", says(answer("", "Content-Length: 1000000000000"), {}));
  attack("without a length, and without end", floods("HTTP/1.1 200 OK\r\n\r\n0", "{", { options: limit }));
  attack(
    "of chunks without end",
    floods("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n{\r\n", { options: limit })
  );
  attack("of one chunk above the limit", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", {}));
  attack(
    "of a chunk beyond 64 bits",
    says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000f\r\n0{", {})
  );
  attack("of a negative chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n0{", {}));
  attack(
    "of a chunk that is longer than it says",
    says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0{\r\n0\r\n\r\n", {})
  );
  attack(
    "with chunk extensions without end",
    floods("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "a=b;", {})
  );
  attack(
    "with a trailer without end",
    floods("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", {})
  );
  attack("that are empty", says(answer(""), {}));
  attack("shorter than they are", says(answer(open, "Content-Length: 20"), {}));

  const bomb = Buffer.alloc(50e6, "0");
  for (const [coding, body] of Object.entries({
    gzip: gzipSync(bomb),
    deflate: deflateSync(bomb),
    br: brotliCompressSync(Buffer.alloc(5e6, "0")),
  })) {
    attack(`CVE-2026-1526: that were packed by ${coding}, which nobody asked for`, {
      transports: polling,
      handshake: (socket) => {
        socket.write(answer("", `Content-Encoding: ${coding}\r\nContent-Length: ${body.length}`));
        socket.write(body);
      },
    });
  }
  attack("that were packed, of a short and proper packet", {
    transports: polling,
    handshake: (socket) => {
      const body = gzipSync(open);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    },
  });
});

describe("statuses", () => {
  const elsewhere = "http://127.0.0.1:9/socket.io/";
  for (const status of [301, 302, 303, 307, 308]) {
    const head = `Location: ${elsewhere}\r\nContent-Length: 0`;
    attack(`of a redirection, ${status}, are not followed`, {
      connection: (socket) => socket.once("data", () => socket.write(answer("", head, `HTTP/1.1 ${status} Elsewhere`))),
    });
  }
  for (const status of [204, 205, 206, 304, 400, 401, 403, 404, 407, 426, 500, 503, 599, 999]) {
    const fields = status === 204 || status === 304 ? "X: y" : "Content-Length: 0";
    attack(`that refuse, ${status}`, {
      connection: (socket) => socket.once("data", () => socket.write(answer("", fields, `HTTP/1.1 ${status} No`))),
    });
  }
  attack(
    "with the reason of an Engine.IO server",
    says(answer('{"code":3,"message":"Bad \\u0007 request\\n"}', undefined, "HTTP/1.1 400 Bad"), {})
  );
  attack("with a page in place of a packet", says(answer("<!DOCTYPE html><title>Hello</title>"), {}));
  attack(
    "of a WebSocket for a request by polling",
    says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", {})
  );
});

describe("later answers", () => {
  attack("that nobody asked for, on a kept connection", {
    transports: polling,
    post: (socket) => socket.write(`${answer("ok")}${answer("44", undefined, "HTTP/1.1 500 No")}`),
    packet: (session) => session.send('42["alive"]'),
    connected: (session) => session.send('40{"sid":"s"}', '42["alive"]'),
    expected: "harmless",
  });
  attack("to POST that refuse", {
    transports: polling,
    post: (socket) => socket.write(answer("no", undefined, "HTTP/1.1 413 Large")),
  });
  attack("to POST without end", {
    transports: polling,
    options: { "max-message": 100000 },
    post: (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n") && flood(socket, "ok"),
  });
  attack("to POST that never come", {
    transports: polling,
    options: { "connect-timeout": 9000 },
    open: openPacket({ pingInterval: 1500, pingTimeout: 1500 }),
    post: () => true,
    connected: () => {},
    quiet: true,
  });
  attack("to GET that refuse", {
    transports: polling,
    poll: (socket) => socket.write(answer("no", undefined, "HTTP/1.1 502 No")),
  });
  attack("to GET that are redirected", {
    transports: polling,
    poll: (socket) =>
      socket.write(answer("", "Location: http://127.0.0.1:9/\r\nContent-Length: 0", "HTTP/1.1 302 There")),
  });
  attack("to GET without end, of one packet", {
    transports: polling,
    options: { "max-message": 100000 },
    poll: (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n4") && flood(socket, "x"),
  });
  attack("to GET that are reset", { transports: polling, poll: (socket) => reset(socket) ?? true });
});
