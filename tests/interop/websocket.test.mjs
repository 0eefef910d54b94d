/**
 * The WebSocket protocol (RFC 6455) byte by byte: opening handshake, frames, fragments, control frames, text encoding,
 * limits and closing. Socket.IO echoes serve as the messages.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  Connection,
  RawWebSocket,
  WS_ACCEPT,
  closePayload,
  frame,
  opcode,
  reference,
  serverFor,
  startServer,
  target,
  upgradeRequest,
} from "./support.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const path = target({ transport: "websocket" });
const echo = (text) => `42["echo",${JSON.stringify(text)}]`;

/** An echo that is `length` bytes long. */
const echoOf = (length) => echo("x".repeat(length - echo("").length));

/** Checks that the server fails the connection with the status `code`, and tells the application of an error. */
async function assertFails(session, ...codes) {
  const { code } = await session.closed({ skip: false });
  assert.ok(codes.includes(code), `status ${code} instead of ${codes}`);
  await session.ended();
  assert.equal(await server.disconnectReason(session.id), "transport error");
}

/** A test with a session that has joined `/`. */
function withSession(name, body) {
  it(name, async () => {
    const session = await RawWebSocket.joined(server);
    try {
      await body(session);
    } finally {
      session.close();
    }
  });
}

describe("WebSocket opening handshake", () => {
  async function upgrade(headers, options) {
    const connection = await RawWebSocket.connect(server);
    connection.write(upgradeRequest(path, headers, options));
    return connection;
  }

  for (const [what, headers] of [
    ["the usual headers", {}],
    ["a list of connection options", { Connection: "keep-alive, Upgrade" }],
    ["names and values in any case", { Upgrade: undefined, uPGRADE: "WebSocket", Connection: "UPGRADE" }],
    ["unknown headers and a body that is none", { "X-Unknown": "a", "Content-Length": "0" }],
    [
      "cookies, an origin and a long user agent",
      { Cookie: "a=b; c=d", Origin: "http://127.0.0.1", "User-Agent": "x".repeat(2000) },
    ],
  ]) {
    it(`succeeds with ${what}`, async () => {
      const connection = await upgrade(headers);
      const response = await connection.readHead();
      assert.equal(response.status, 101);
      assert.equal(response.headers["sec-websocket-accept"], WS_ACCEPT);
      assert.match(await connection.readText(), /^0\{/);
      connection.close();
    });
  }

  it("chooses the first subprotocol that is offered", async () => {
    const connection = await upgrade({ "Sec-WebSocket-Protocol": "one, two" });
    assert.equal((await connection.readHead()).headers["sec-websocket-protocol"], "one");
    connection.close();
  });

  it("declines extensions, and knows no compressed frame then", async () => {
    const session = await RawWebSocket.joined(server, "", {
      headers: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits, x-other; a=1" },
    });
    assert.equal(session.response.headers["sec-websocket-extensions"], undefined);
    session.send(opcode.text, echo("x"), { rsv: 4 });
    await assertFails(session, 1002);
  });

  for (const [what, headers, statuses, message] of [
    ["without a key", { "Sec-WebSocket-Key": undefined }, [400], "Sec-WebSocket-Key"],
    ["with an empty key", { "Sec-WebSocket-Key": "" }, [400], "Sec-WebSocket-Key"],
    ["with a short key", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZQ==" }, [400], "Sec-WebSocket-Key"],
    ["with a key that is not base64", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j!!==" }, [400], "Sec-WebSocket-Key"],
    ["without a version", { "Sec-WebSocket-Version": undefined }, [400, 426], "Sec-WebSocket-Version"],
    ["with an unknown version", { "Sec-WebSocket-Version": "12" }, [400, 426], "Sec-WebSocket-Version"],
    ["with a version that is no number", { "Sec-WebSocket-Version": "x" }, [400, 426], "Sec-WebSocket-Version"],
  ]) {
    it(`refuses an upgrade ${what}`, async () => {
      const connection = await upgrade(headers);
      const response = await connection.readResponse();
      assert.ok(statuses.includes(response.status), String(response.status));
      assert.ok(response.body.includes(message), response.body);
      if (message === "Sec-WebSocket-Version") {
        assert.match(response.headers["sec-websocket-version"], /\b13\b/);
      }
      await connection.ended();
    });
  }

  it("refuses an upgrade by another method than GET", async () => {
    const connection = await upgrade({}, { method: "POST" });
    const { status } = await connection.readHead();
    assert.ok([400, 405].includes(status), String(status));
    connection.close();
  });

  for (const [what, headers] of [
    ["the connection is not to be upgraded", { Connection: "keep-alive" }],
    ["another protocol is asked for", { Upgrade: "h2c" }],
    ["no protocol is asked for", { Upgrade: undefined }],
  ]) {
    it(`does not take place when ${what}`, async () => {
      const connection = await upgrade(headers);
      assert.equal((await connection.readHead()).status, 400);
      connection.close();
    });
  }

  it("takes frames that came in the same segment as the request", async () => {
    const connection = await RawWebSocket.connect(server);
    connection.write(
      Buffer.concat([Buffer.from(upgradeRequest(path)), frame(opcode.ping, "early"), frame(opcode.text, "40")])
    );
    assert.equal((await connection.readHead()).status, 101);
    /* The official server loses messages that come before its open packet. */
    const expected = reference ? ["0{", "pong early"] : ["0{", "40{", "pong early"];
    const received = [];
    while (received.length < expected.length) {
      const { code, payload } = await connection.readFrame();
      received.push(code === opcode.pong ? `pong ${payload}` : /^\d+\{/.exec(payload)[0]);
    }
    assert.deepEqual(received.sort(), expected);
    connection.close();
  });
});

describe("WebSocket messages", () => {
  for (const length of [13, 125, 126, 127, 65535, 65536, 200000]) {
    withSession(`of ${length} bytes come back whole`, async (session) => {
      session.text(echoOf(length));
      assert.equal(await session.readText(), echoOf(length));
    });
  }

  withSession("in shorter length forms than needed are taken or refused, not misread", async (session) => {
    session.send(opcode.text, echo("a"), { lengthForm: 126 }).send(opcode.text, echo("b"), { lengthForm: 127 });
    const { code, payload } = await session.readFrame();
    if (code === opcode.close) {
      assert.equal(payload.readUInt16BE(), 1002);
    } else {
      assert.equal(payload.toString(), echo("a"));
      assert.equal(await session.readText(), echo("b"));
    }
  });

  withSession("may be cut at any byte by the network", async (session) => {
    for (const byte of frame(opcode.text, echo("é".repeat(70)))) {
      session.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    assert.equal(await session.readText(), echo("é".repeat(70)));
  });

  withSession("may come by the thousand in one segment, and keep their order", async (session) => {
    session.write(Buffer.concat(Array.from({ length: 2000 }, (unused, i) => frame(opcode.text, `42["echo",${i}]`))));
    for (let i = 0; i < 2000; i++) {
      assert.equal(await session.readText(), `42["echo",${i}]`);
    }
  });

  withSession("wait for a client that reads slowly, and arrive complete", async (session) => {
    session.socket.pause();
    for (let i = 0; i < 16; i++) {
      session.text(echoOf(60000));
    }
    session.text(echo("last"));
    const other = await RawWebSocket.joined(server);
    await other.echoes();
    other.close();
    session.socket.resume();
    for (let i = 0; i < 16; i++) {
      assert.equal(await session.readText(), echoOf(60000));
    }
    assert.equal(await session.readText(), echo("last"));
  });

  withSession("without a mask fail the connection", async (session) => {
    session.send(opcode.text, echo("x"), { mask: false });
    await assertFails(session, 1002);
  });

  for (const rsv of [1, 2, 4, 7]) {
    withSession(`with reserved bits ${rsv.toString(2).padStart(3, "0")} fail the connection`, async (session) => {
      session.send(opcode.text, echo("x"), { rsv });
      await assertFails(session, 1002);
    });
  }

  for (const code of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    withSession(`with the unknown opcode ${code} fail the connection`, async (session) => {
      session.send(code, "");
      await assertFails(session, 1002);
    });
  }
});

describe("WebSocket fragments", () => {
  /** Sends `payload` as text in pieces of these lengths, the rest as the last one. */
  function fragmented(session, payload, ...lengths) {
    let rest = Buffer.from(payload);
    let code = opcode.text;
    for (const length of lengths) {
      session.send(code, rest.subarray(0, length), { fin: false });
      rest = rest.subarray(length);
      code = opcode.continuation;
    }
    session.send(code, rest);
  }

  for (const [what, lengths] of [
    ["two", [5]],
    ["an empty first and a full last", [0]],
    ["empty ones all around", [0, 0, 3, 0, 100, 0]],
    ["one byte each", Array(40).fill(1)],
  ]) {
    withSession(`are put together: ${what}`, async (session) => {
      fragmented(session, echo("pieces"), ...lengths);
      assert.equal(await session.readText(), echo("pieces"));
      await session.echoes();
    });
  }

  withSession("may cut a character", async (session) => {
    const text = echo("é€😀");
    for (let at = 0; at <= Buffer.byteLength(text); at++) {
      fragmented(session, text, at);
      assert.equal(await session.readText(), text);
    }
  });

  withSession("of a binary message are put together", async (session) => {
    session.text('451-["echo",{"_placeholder":true,"num":0}]');
    session.send(opcode.binary, Buffer.from([1, 2]), { fin: false }).send(opcode.continuation, Buffer.from([3]));
    await session.readText();
    assert.deepEqual(await session.readBinary(), Buffer.from([1, 2, 3]));
  });

  withSession("let control frames through between them", async (session) => {
    const text = echo("interrupted");
    session.send(opcode.text, text.slice(0, 4), { fin: false });
    session.send(opcode.ping, "in between");
    const { code, payload } = await session.readFrame();
    assert.deepEqual([code, payload.toString()], [opcode.pong, "in between"]);
    session.send(opcode.pong, "unasked").send(opcode.continuation, text.slice(4));
    assert.equal(await session.readText(), text);
  });

  withSession("that continue nothing fail the connection", async (session) => {
    session.send(opcode.continuation, "x");
    await assertFails(session, 1002);
  });

  withSession("that continue a finished message fail the connection", async (session) => {
    await session.echoes();
    session.send(opcode.continuation, "x", { fin: false });
    await assertFails(session, 1002);
  });

  withSession("interrupted by another message fail the connection", async (session) => {
    session.send(opcode.text, '42["', { fin: false }).send(opcode.text, echo("x"));
    await assertFails(session, 1002);
  });

  withSession("left unfinished do no harm when the connection closes", async (session) => {
    session.send(opcode.text, '42["', { fin: false }).send(opcode.close, closePayload(1000));
    assert.equal((await session.closed()).code, 1000);
    assert.equal(await server.disconnectReason(session.id), "transport close");
  });
});

describe("WebSocket control frames", () => {
  for (const payload of ["", "x", "\0\xff".repeat(30), "y".repeat(125)]) {
    withSession(`answer a ping of ${Buffer.byteLength(payload)} bytes by its pong`, async (session) => {
      session.send(opcode.ping, payload);
      const { fin, code, payload: answer } = await session.readFrame();
      assert.deepEqual([fin, code, answer.toString()], [true, opcode.pong, payload]);
      await session.echoes();
    });
  }

  withSession("may be pongs that nobody asked for", async (session) => {
    session.send(opcode.pong, "").send(opcode.pong, "z".repeat(125));
    await session.echoes();
  });

  for (const [what, code, payload, options] of [
    ["a ping longer than 125 bytes", opcode.ping, "x".repeat(126)],
    ["a pong longer than 125 bytes", opcode.pong, "x".repeat(126)],
    ["a fragmented ping", opcode.ping, "x", { fin: false }],
    ["a fragmented Close frame", opcode.close, "", { fin: false }],
    ["an unmasked ping", opcode.ping, "x", { mask: false }],
    ["a ping with reserved bits", opcode.ping, "x", { rsv: 1 }],
  ]) {
    withSession(`fail the connection: ${what}`, async (session) => {
      session.send(code, payload, options);
      await assertFails(session, 1002);
    });
  }
});

describe("WebSocket closing", () => {
  const longest = "r".repeat(123);

  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
    withSession(`with status ${code} is answered in kind`, async (session) => {
      session.send(opcode.close, closePayload(code, longest));
      const { code: first, payload } = await session.readFrame();
      assert.equal(first, opcode.close);
      assert.equal(payload.length ? payload.readUInt16BE() : code, code);
      await session.ended();
      assert.equal(await server.disconnectReason(session.id), "transport close");
    });
  }

  for (const code of [0, 999, 1004, 1005, 1006, 1016, 2000, 2999, 5000, 65535]) {
    withSession(`with the forbidden status ${code} fails the connection`, async (session) => {
      session.send(opcode.close, closePayload(code));
      await assertFails(session, 1002);
    });
  }

  withSession("with half a status fails the connection", async (session) => {
    session.send(opcode.close, "\x03");
    await assertFails(session, 1002);
  });

  withSession("with a reason that is not UTF-8 fails the connection", async (session) => {
    session.send(opcode.close, Buffer.concat([closePayload(1000), Buffer.from([0xce, 0xba, 0xe1])]));
    await assertFails(session, 1007);
  });
});

describe("WebSocket text", () => {
  for (const [what, text] of [
    ["the first and last of each length", "\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}"],
    ["the neighbours of the surrogates", "\ud7ff\ue000"],
    ["non-characters", "\ufdd0\ufffe\u{1fffe}"],
    ["a byte order mark", "\ufeff"],
  ]) {
    withSession(`may hold ${what}`, async (session) => {
      session.text(echo(text));
      assert.equal(JSON.parse((await session.readText()).slice(2))[1], text);
    });
  }

  for (const [what, bytes] of [
    ["a lone continuation byte", [0x80]],
    ["an overlong slash in two bytes", [0xc0, 0xaf]],
    ["an overlong slash in three bytes", [0xe0, 0x80, 0xaf]],
    ["an overlong slash in four bytes", [0xf0, 0x80, 0x80, 0xaf]],
    ["an overlong NUL", [0xc0, 0x80]],
    ["a high surrogate", [0xed, 0xa0, 0x80]],
    ["a low surrogate", [0xed, 0xbf, 0xbf]],
    ["a surrogate pair in six bytes", [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
    ["a character above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a five byte form", [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ["the bytes FE and FF", [0xfe, 0xff]],
    ["a character cut short by another", [0xe2, 0x82, 0x41]],
    ["a character cut short by the end", [0xf0, 0x9f, 0x98]],
  ]) {
    for (const pieces of [1, 2]) {
      withSession(`with ${what}${pieces === 2 ? ", in fragments," : ""} fails the connection`, async (session) => {
        const message = Buffer.concat([Buffer.from('42["echo","'), Buffer.from(bytes)]);
        if (pieces === 1) {
          session.send(opcode.text, message);
        } else {
          session
            .send(opcode.text, message.subarray(0, -1), { fin: false })
            .send(opcode.continuation, message.subarray(-1));
        }
        await assertFails(session, 1007);
      });
    }
  }
});

describe("WebSocket limits", () => {
  it("let a message of exactly the limit through, as one frame and in fragments", async (t) => {
    const small = await serverFor(t, "--max-payload", 5000);
    const session = await RawWebSocket.joined(small);
    const text = echoOf(5000);
    session.text(text);
    assert.equal(await session.readText(), text);
    session.send(opcode.text, text.slice(0, 4999), { fin: false }).send(opcode.continuation, text.slice(4999));
    assert.equal(await session.readText(), text);
    session.close();
  });

  const limit = 1000000;

  for (const [what, send] of [
    ["one frame of one byte too many", (session) => session.text(echoOf(limit + 1))],
    ["a binary frame of one byte too many", (session) => session.binary(Buffer.alloc(limit + 1))],
    [
      "fragments that are too much together",
      (session) => {
        session.send(opcode.text, echoOf(limit), { fin: false }).send(opcode.continuation, "xx");
      },
    ],
    ["a header that announces 1 GB", (session) => session.send(opcode.binary, "", { length: 1e9 })],
    ["a header that announces 2^40 bytes", (session) => session.send(opcode.text, "", { length: 2 ** 40 })],
  ]) {
    withSession(`end ${what}, without waiting for the rest`, async (session) => {
      send(session);
      await assertFails(session, 1009);
    });
  }

  for (const length of ["8000000000000000", "7fffffffffffffff", "ffffffffffffffff", "0020000000000000"]) {
    withSession(`end a header that announces 0x${length} bytes`, async (session) => {
      session.write(Buffer.from(`81ff${length}00000000`, "hex"));
      await assertFails(session, 1002, 1009);
    });
  }

  withSession("leave other connections alone", async (session) => {
    const other = await RawWebSocket.joined(server);
    session.send(opcode.binary, "", { length: 1e9 });
    await session.closed();
    await other.echoes();
    other.close();
  });
});

describe("WebSocket connections that break off", () => {
  for (const [what, bytes] of [
    ["within a frame's header", [0x81]],
    ["within a length", [0x81, 0xfe, 0x01]],
    ["within a mask", [0x81, 0x85, 1, 2]],
    ["within a payload", [0x81, 0x85, 1, 2, 3, 4, 5]],
  ]) {
    for (const how of ["close", "reset"]) {
      withSession(`${what} by a ${how} are a lost transport`, async (session) => {
        await new Promise((sent) => session.socket.write(Buffer.from(bytes), sent));
        session[how]();
        assert.match(await server.disconnectReason(session.id), /^transport (close|error)$/);
      });
    }
  }

  it("within the upgrade request leave nothing behind", async () => {
    const request = upgradeRequest(path);
    for (const length of [1, 20, request.length - 2]) {
      const connection = await Connection.connect(server);
      await new Promise((sent) => connection.socket.write(request.slice(0, length), sent));
      connection.reset();
    }
    const session = await RawWebSocket.joined(server);
    await session.echoes();
    session.close();
  });
});
