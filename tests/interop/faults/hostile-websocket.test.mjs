/** Servers whose WebSockets break the rules of RFC 6455. */
import { describe } from "node:test";
import { closePayload, frame, opcode, reset } from "../support.mjs";
import { answer, attack, drip, flood, switching } from "./hostile.mjs";

const transports = ["websocket"];
const shakes = (fields, line) => ({
  transports,
  upgrade: (socket, request) => socket.write(switching(request, fields, line)),
});
const server = (code, payload, options) => frame(code, payload, { mask: false, ...options });

/** After the open packet the session does `act`. */
const does = (act, more) => ({ transports, opened: (session) => act(session), ...more });
const frames = (...all) => does((session) => all.forEach((one) => session.raw(one)));

describe("handshakes", () => {
  attack("with a wrong accept", shakes({ "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" }));
  attack("with an empty accept", shakes({ "Sec-WebSocket-Accept": " " }));
  attack("without an accept", shakes({ "Sec-WebSocket-Accept": undefined }));
  attack("with two accepts", {
    transports,
    upgrade: (socket, request) =>
      socket.write(switching(request, { "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" })),
  });
  attack("without Upgrade", shakes({ Upgrade: undefined }));
  attack("with another Upgrade", shakes({ Upgrade: "h2c" }));
  attack("without Connection", shakes({ Connection: undefined }));
  attack("with another Connection", shakes({ Connection: "keep-alive" }));
  attack("of HTTP/1.0", shakes({}, "HTTP/1.0 101 Switching Protocols"));
  attack("with a status of 200", shakes({ "Content-Length": "0" }, "HTTP/1.1 200 OK"));
  attack("with an extension that was not offered", shakes({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
  attack("with an unknown extension", shakes({ "Sec-WebSocket-Extensions": "x-unknown; a=b" }));
  attack("with an empty extension", shakes({ "Sec-WebSocket-Extensions": "," }));
  attack("with a subprotocol that was not offered", shakes({ "Sec-WebSocket-Protocol": "soap" }));
  attack("with two subprotocols", shakes({ "Sec-WebSocket-Protocol": ["a", "b"] }));
  attack("with a body", shakes({ "Content-Length": "5" }));
  attack("with chunks", shakes({ "Transfer-Encoding": "chunked" }));
  attack("after interim answers without end", {
    transports,
    upgrade: (socket) => flood(socket, "HTTP/1.1 100 Continue\r\n\r\n"),
  });
  attack("byte by byte, too slowly", {
    transports,
    upgrade: (socket, request) => drip(socket, switching(request)),
    quiet: true,
  });
  attack("that never come", { transports, upgrade: () => {}, quiet: true });
  attack("with a page", { transports, upgrade: (socket) => socket.write(answer("<html>".repeat(1000))) });
  attack("that are fine, without an open packet", {
    transports,
    upgrade: (socket, request) => socket.write(switching(request)),
    quiet: true,
  });
});

describe("frames", () => {
  attack("that are masked", frames(frame(opcode.text, "2", { mask: true })));
  for (const rsv of [1, 2, 3, 4, 7]) {
    attack(`with reserved bits, ${rsv}`, frames(server(opcode.text, "2", { rsv })));
  }
  for (const code of [3, 7, 11, 15]) {
    attack(`of the reserved type ${code}`, frames(server(code, "2")));
  }
  attack("of control that are fragmented", frames(server(opcode.ping, "x", { fin: false })));
  attack("of control that are too long", frames(server(opcode.ping, "x".repeat(126))));
  attack("that continue nothing", frames(server(opcode.continuation, "x")));
  attack("that begin within a message", frames(server(opcode.text, "4", { fin: false }), server(opcode.text, "x")));
  attack("whose length is longer than need be", frames(server(opcode.text, "2", { lengthForm: 127 })));
  attack("whose length is negative", frames(Buffer.from([0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255])));
  attack("that announce 4 EiB", frames(Buffer.from([0x81, 127, 0x40, 0, 0, 0, 0, 0, 0, 0])));
  attack(
    "that announce 100 MB",
    does((session) => {
      session.raw(server(opcode.text, "", { length: 100e6 }));
      flood(session.socket, "x");
    })
  );
  attack(
    "of one byte each, without end",
    does((session) => {
      session.raw(server(opcode.text, "4", { fin: false }));
      flood(session.socket, server(opcode.continuation, "x", { fin: false }));
    })
  );
  attack(
    "of no bytes, without end",
    does((session) => {
      session.raw(server(opcode.text, "4", { fin: false }));
      flood(session.socket, server(opcode.continuation, "", { fin: false }));
    })
  );
  attack(
    "whose fragments together are too large",
    does(
      (session) => {
        session.raw(server(opcode.text, "4", { fin: false }));
        flood(session.socket, server(opcode.continuation, "x".repeat(1000), { fin: false }));
      },
      { options: { "max-message": 100000 } }
    )
  );
  attack("that are no UTF-8", frames(server(opcode.text, Buffer.from([0x34, 0xff]))));
  attack("that break off within a character", frames(server(opcode.text, Buffer.from([0x34, 0xe2, 0x82]))));
  attack(
    "that break off with the connection",
    does((session) => session.socket.end(server(opcode.text, "4", { length: 100 })))
  );
  attack("of binary that are empty", frames(server(opcode.binary, "")));
  attack("of text that are empty", frames(server(opcode.text, "")));

  const alive = (session) => session.send('42["alive"]');
  const floods = (piece, more) => ({
    transports,
    connected: async (session) => {
      session.send('40{"sid":"s"}');
      await flood(session.socket, piece, 4e6);
      alive(session);
    },
    expected: "harmless",
    ...more,
  });
  attack("of pings in a flood", floods(server(opcode.ping, "ping")));
  attack(
    "of pings in a flood whose answers are not read",
    floods(server(opcode.ping, "x".repeat(125)), {
      opened: (session) => session.socket.pause(),
      connected: undefined,
      expected: undefined,
    })
  );
  attack("of pongs in a flood", floods(server(opcode.pong, "pong")));
});

describe("closes", () => {
  for (const [name, payload] of Object.entries({
    "without a code": "",
    "in order": closePayload(1000),
    "of a server that goes away": closePayload(1001, "bye"),
    "of a server that has an error": closePayload(1011, "x".repeat(123)),
    "of an application": closePayload(4999),
    "of half a code": Buffer.from([3]),
    "of a code below 1000": closePayload(999),
    "of the reserved code 1005": closePayload(1005),
    "of the reserved code 1006": closePayload(1006),
    "of the reserved code 2999": closePayload(2999),
    "of a code above 4999": closePayload(5000),
    "whose reason is no UTF-8": Buffer.concat([closePayload(1000), Buffer.from([0xc0, 0x80])]),
  })) {
    attack(
      name,
      does((session) => session.raw(server(opcode.close, payload)))
    );
    attack(`${name}, of a socket`, {
      transports,
      connected: (session) => session.send('40{"sid":"s"}').raw(server(opcode.close, payload)),
      expected: undefined,
    });
  }
  attack(
    "before a flood",
    does((session) => {
      session.raw(server(opcode.close, closePayload(1000)));
      flood(session.socket, server(opcode.text, '42["late"]'), 4e6);
    })
  );
  attack("with the handshake", {
    transports,
    upgrade: (socket, request) =>
      socket.write(Buffer.concat([Buffer.from(switching(request)), server(opcode.close, closePayload(1008))])),
  });
  for (const [name, end] of Object.entries({
    "by FIN": (session) => session.socket.end(),
    "by RST": (session) => reset(session.socket),
  })) {
    attack(`${name} after the handshake`, does(end));
    attack(`${name} after CONNECT`, { transports, connected: end });
    attack(`${name} of a socket`, {
      transports,
      connected: (session) => session.send('40{"sid":"s"}') && setTimeout(() => end(session), 50),
      expected: undefined,
    });
  }
});
