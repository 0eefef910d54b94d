/**
 * One test or more for every published security advisory about Socket.IO, Engine.IO, WebSocket and HTTP that can concern
 * a client: a server makes the attack. Those about certificates are in tls.test.mjs, that about packed answers is in
 * hostile-http.test.mjs.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { closePayload, eventually, frame, opcode, reset } from "../support.mjs";
import { HostileServer, attack, flood, openPacket, switching } from "./hostile.mjs";
import { clientFor } from "./support.mjs";

const connect = '40{"sid":"s"}';
const alive = '42["alive"]';
const websocket = ["websocket"];
const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
const gets = (...packets) => ({ connected: (session) => session.send(connect, packets, alive) });
const server = (code, payload, options) => frame(code, payload, { mask: false, ...options });

/** Packets that no client may take. */
const broken = [
  "4",
  "4x",
  "42{}",
  "42[",
  '42["connect"]',
  "42[null]",
  "44[]",
  "45-",
  '4511-["x"]',
  '42-1["x"]',
  Buffer.from("x"),
];

describe("Advisories of socket.io", () => {
  for (const [i, packet] of broken.entries()) {
    it(`CVE-2024-38355: a bad packet is harmless where nobody listens, ${i}`, async (t) => {
      const hostile = await HostileServer.start(t, gets(packet));
      const client = clientFor(t, hostile.origin, { transports: "websocket", deaf: 1 });
      await eventually(() => hostile.sessions.length > 1, "a second connection");
      hostile.turnGood();
      const joined = new Promise((done) => hostile.io.once("connection", done));
      await joined;
      client.command("emit 1");
      await client.line({ kind: "ack", status: "" });
    });
  }
});

describe("Advisories of engine.io", () => {
  for (const rsv of [1, 2, 3, 4]) {
    attack(`CVE-2022-21676: a broken frame, rsv ${rsv}, comes with the answer to the upgrade`, {
      transports: websocket,
      upgrade: (socket, request) =>
        socket.write(Buffer.concat([Buffer.from(switching(request)), server(opcode.text, openPacket(), { rsv })])),
    });
  }
  const drop = (session) => reset(session.socket);
  const probing = { transports: ["polling,websocket"], open: openPacket({ upgrades: ["websocket"] }) };
  for (const [state, hooks] of Object.entries({
    "when it is accepted": { connection: reset },
    "when the request has come": { connection: (socket) => socket.once("data", () => reset(socket)) },
    "when an upgrade is asked for": { transports: websocket, upgrade: reset },
    "when it is upgraded": { transports: websocket, opened: drop },
    "when CONNECT has come": { transports: websocket, connected: drop },
    "when a poll waits": { transports: ["polling"], poll: (socket) => reset(socket) ?? true },
    "when a post has come": { transports: ["polling"], post: (socket) => reset(socket) ?? true },
    "when a probe is asked for": { ...probing, upgrade: reset },
    "when a probe has come": { ...probing, probe: drop },
  })) {
    attack(`CVE-2022-41940: a connection is reset ${state}`, hooks);
  }
  attack("CVE-2020-36048: a million packets in one payload", {
    transports: ["polling"],
    connected: (session) => session.send(connect, Array(1000000).fill("6"), alive),
    memory: 8e6,
    expected: "harmless",
  });
  attack("CVE-2023-31125: names of transports that objects have", {
    open: openPacket({ upgrades: ["constructor", "__proto__", "toString", "WebSocket"] }),
    ...gets(),
    expected: "harmless",
  });
  attack("CVE-2026-48802 of python-engineio: pongs in a flood", {
    ...gets(Array(100000).fill("3probe")),
    memory: 6e6,
    expected: "harmless",
  });
  attack("GHSA-pxg6-pf52-xh8x: cookies bring no other fields", {
    options: { cookies: 1 },
    connection(socket) {
      const handle = (data) => {
        const cookies = [
          "a=b; Path=/\tX: y",
          'n="v;w',
          "c=\x80\xff",
          "=e",
          "f",
          "__proto__=g",
          `h=${"i".repeat(5000)}`,
          "j=k, l=m",
        ];
        const fields = cookies.map((one) => `Set-Cookie: ${one}\r\n`).join("");
        const open = openPacket();
        if (/Upgrade: websocket/i.test(data)) {
          socket.end(Buffer.from(`HTTP/1.1 404 No\r\n${fields}Content-Length: 0\r\n\r\n`, "latin1"));
        } else {
          socket.write(
            Buffer.from(`HTTP/1.1 200 OK\r\n${fields}Content-Length: ${open.length}\r\n\r\n${open}`, "latin1")
          );
        }
        (this.heads ??= []).push(data.toString("latin1"));
      };
      socket.on("data", handle);
    },
    then(client, hostile) {
      for (const head of hostile.hooks.heads) {
        for (const line of head.split("\r\n\r\n")[0].split("\r\n").slice(1)) {
          assert.match(
            line,
            /^(User-Agent|Accept|Host|Connection|Upgrade|Sec-WebSocket-[A-Za-z]+|Content-[Tt]ype|Content-Length|Cookie): [\x20-\x7e\x80-\xff]*$/
          );
        }
      }
    },
  });
});

describe("Advisories of socket.io-parser", () => {
  attack("CVE-2020-36049: packets close to the limit take their time only once", {
    connected: (session) =>
      session.send(connect, `42["x","${"y".repeat(8e6)}"]`, `42["x",[${"[],".repeat(300000)}0]]`, alive),
    memory: 60e6,
    expected: "harmless",
    seconds: 4,
  });
  for (const num of ['"0"', "-1", "0.5", "9007199254740992", "1", "null", '"length"']) {
    attack(
      `CVE-2022-2421: a placeholder with the number ${num}`,
      gets(`451-["x",${placeholder(num)}]`, Buffer.from("x"))
    );
  }
  for (const name of ['{"toString":"foo"}', "[]", "null", "true", '"connect"', '"newListener"']) {
    attack(`CVE-2023-32695: an event with the name ${name}`, gets(`42[${name}]`));
  }
  attack("CVE-2026-33151: 59999999 attachments", gets('4559999999-["x"]'));
  attack("CVE-2026-69185: binary messages after a packet that announced none", {
    transports: websocket,
    connected: (session) => {
      session.send(connect, '450-["x"]');
      flood(session.socket, server(opcode.binary, "x".repeat(1000)), 50e6);
    },
  });
  attack(
    "CVE-2026-69185: placeholders in a packet that announced none",
    gets(`450-["x",${placeholder(0)}]`, Buffer.from("x"))
  );
  attack("GHSA-55mf-67qm-4wpg of socketioxide, CVE-2026-48804 of python-socketio: attachments without end", {
    transports: websocket,
    connected: (session) => {
      session.send(connect, `4510-["x",${Array.from({ length: 10 }, (_, i) => placeholder(i))}]`);
      flood(session.socket, server(opcode.binary, Buffer.alloc(5e6)), 100e6);
    },
    memory: 45e6,
  });
});

describe("Advisories of ws and other WebSockets", () => {
  const does = (act) => ({ transports: websocket, opened: act });
  attack("CVE-2016-10518: a pong brings back the ping, and nothing else", {
    transports: websocket,
    connected: (session) => {
      session.send(connect);
      for (const length of [0, 1, 124, 125]) {
        session.frame(opcode.ping, "p".repeat(length));
      }
      session.send(alive);
    },
    expected: "harmless",
    async then(client, hostile) {
      const pongs = () => hostile.sessions[0].frames.filter(({ code }) => code === opcode.pong);
      await eventually(() => pongs().length === 4, "pongs");
      assert.deepEqual(
        pongs().map(({ payload }) => payload.toString()),
        [0, 1, 124, 125].map((length) => "p".repeat(length))
      );
    },
  });
  attack("CVE-2017-16031: masks and keys cannot be guessed", {
    transports: websocket,
    connected: (session) => session.send(connect, alive),
    expected: "harmless",
    async then(client, hostile) {
      client.emit(200);
      const { frames } = hostile.sessions[0];
      await eventually(() => frames.length > 200, "events");
      const masks = frames.map(({ mask }) => mask.toString("hex"));
      assert.equal(new Set(masks).size, masks.length);
    },
  });
  attack(
    "CVE-2016-10542: a length beyond the limit is refused before any memory is taken",
    does((session) => {
      session.raw(server(opcode.text, "", { length: 1e12 }));
      flood(session.socket, "x");
    })
  );
  for (const list of [
    "constructor",
    "__proto__; toString",
    "permessage-deflate; client_max_window_bits=99",
    ";;;",
    '"'.repeat(1000),
  ]) {
    attack(`GHSA-5v72-xg48-5rpm, CVE-2026-29035 of CivetWeb: the extensions ${list.slice(0, 50)}`, {
      transports: websocket,
      upgrade: (socket, request) => socket.write(switching(request, { "Sec-WebSocket-Extensions": list })),
    });
  }
  attack(
    "CVE-2026-29035 of CivetWeb: a packed frame",
    does((session) => session.frame(opcode.text, Buffer.from("4a04", "hex"), { rsv: 4 }))
  );
  attack("CVE-2021-32640: subprotocols of very many blanks", {
    transports: websocket,
    upgrade: (socket, request) =>
      socket.write(switching(request, { "Sec-WebSocket-Protocol": `a${" ".repeat(15000)}b` })),
    seconds: 1,
  });
  attack("CVE-2024-37890: ten thousand header fields", {
    transports: websocket,
    upgrade: (socket, request) => socket.write(switching(request, { a: Array(10000).fill("b") })),
  });
  for (const length of [0, 1, 2, 122, 123, 124, 125]) {
    attack(
      `CVE-2026-45736: a Close frame of ${length} bytes`,
      does((session) =>
        session.frame(opcode.close, Buffer.concat([closePayload(1000), Buffer.alloc(123, "x")]).subarray(0, length))
      )
    );
  }
  attack(
    "CVE-2026-45736: a Close frame of 126 bytes",
    does((session) => session.frame(opcode.close, Buffer.alloc(126, "x")))
  );
  attack(
    "CVE-2026-48779: fragments of one byte",
    does((session) => {
      session.frame(opcode.binary, "x", { fin: false });
      flood(session.socket, server(opcode.continuation, "x", { fin: false }), 100e6);
    })
  );
  attack(
    "noPoll#84: a length with the highest bit",
    does((session) => session.raw(Buffer.from([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 0x78])))
  );
  attack("CVE-2025-51495 of mongoose: fragments of all sizes, with control frames between them", {
    transports: websocket,
    connected: (session) => {
      const text = Buffer.from(`42["x","${"0123456789".repeat(20000)}"]`);
      session.send(connect);
      let at = 0;
      let first = true;
      for (const size of [0, 1, 125, 126, 127, 65535, 65536, 0, Infinity]) {
        const piece = text.subarray(at, at + size);
        at += piece.length;
        session.frame(first ? opcode.text : opcode.continuation, piece, { fin: size === Infinity });
        first = false;
        session.frame(opcode.ping, `after ${size}`.slice(0, 125));
      }
      session.send(alive);
    },
    expected: "harmless",
    then: (client) => assert.ok(client.lines.some((line) => line.kind === "event" && line.name === "x")),
  });
});
