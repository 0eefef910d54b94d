/**
 * One test or more for every published security advisory about Socket.IO servers and their parts that can concern this
 * one: the attack is made, and the server has to be none the worse for it. Advisories about compression of WebSocket
 * messages, about WebTransport and about clients have no part here.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  Connection,
  PollingSession,
  RawWebSocket,
  closePayload,
  endOfStream,
  eventually,
  frame,
  ms,
  opcode,
  reference,
  request,
  serverFor,
  startServer,
  target,
  upgradeRequest,
} from "./support.mjs";

let server;
let bystander;
let filesAtStart;
before(async () => {
  server = await startServer();
  bystander = await RawWebSocket.joined(server);
  filesAtStart = server.openFiles();
});
after(async () => {
  bystander.close();
  await server.stop();
});

/** An attack that the server has to survive: a client that was there before is served after it as if nothing was. */
function attack(name, body) {
  it(name, async (t) => {
    await body(t);
    await bystander.echoes();
  });
}

const websocketPath = (query) => target({ transport: "websocket", ...query });
const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
const violation = /^(forced close|forced server close|parse error)$/;

/** Sends packets (text, or binary as Buffers) on a new session joined to `/`, and expects it to be closed for them. */
async function assertCloses(...packets) {
  const session = await RawWebSocket.joined(server);
  for (const packet of packets) {
    session.send(typeof packet === "string" ? opcode.text : opcode.binary, packet);
  }
  await session.closed();
  assert.match(await server.disconnectReason(session.id), violation);
  await session.ended();
}

/** Runs `body` and checks that the server keeps no great amount of memory for it; nothing is said of JavaScript's. */
async function assertCheap(body) {
  const before = server.residentBytes();
  await body();
  assert.ok(reference || server.residentBytes() - before < 32e6, "too much memory");
}

/** Waits until the server holds no more file descriptors than `before`. */
const filesReturned = (before) => eventually(() => server.openFiles() <= before, "file descriptors returned");

describe("Advisories of socket.io", () => {
  attack("CVE-2017-16031: session ids cannot be guessed", async () => {
    const count = 1000;
    const ids = [];
    while (ids.length < count) {
      const sessions = await Promise.all(Array.from({ length: 50 }, () => PollingSession.open(server)));
      ids.push(...sessions.map(({ sid }) => sid));
    }
    assert.equal(new Set(ids).size, count);
    /* Bytes 1 to 11 are random whatever the server does with the others: each bit is set in about half of the ids. */
    const bytes = ids.map((id) => Buffer.from(id, "base64url"));
    for (let bit = 8; bit < 96; bit++) {
      const set = bytes.filter((id) => (id[bit >> 3] >> (bit & 7)) & 1).length;
      assert.ok(set > 0.4 * count && set < 0.6 * count, `bit ${bit} is set in ${set} of ${count} ids`);
    }
  });

  attack("CVE-2020-28481: no origin is allowed unless it was configured", async (t) => {
    const headers = { origin: "http://evil.example" };
    const allowed = async (which) =>
      (await request(which, "GET", target(), { headers })).headers["access-control-allow-origin"];
    assert.equal(await allowed(server), undefined);
    const strict = await serverFor(t, "--cors", "http://good.example", "--cors", "http://fine.example");
    assert.equal(await allowed(strict), undefined);
  });

  attack("CVE-2024-38355: a bad packet is harmless where nobody listens for errors", async () => {
    for (const nsp of ["", "/chat", "/any"]) {
      for (const packet of ["44", '42["connect"]', "42[]", '450-["x"]', "4x"]) {
        const session = await RawWebSocket.joined(server, nsp);
        session.text(packet);
        await session.closed();
        await session.ended();
      }
    }
  });
});

describe("Advisories of engine.io", () => {
  attack("CVE-2020-36048: a post is cut off soon after the limit, whatever length it announces", async () => {
    for (const head of ["Content-Length: 100000000", "Transfer-Encoding: chunked"]) {
      const session = await PollingSession.open(server);
      const connection = await Connection.connect(server);
      connection.write(`POST ${session.target} HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
      const piece = Buffer.from(head.startsWith("C") ? "4".repeat(65536) : `10000\r\n${"4".repeat(65536)}\r\n`);
      let sent = 0;
      let answer;
      /* A peer that keeps sending may see a reset instead of the answer. */
      connection.readHead().then(
        (response) => (answer = response),
        () => (answer = { status: 413 })
      );
      while (!answer && sent < 4e6) {
        connection.write(piece);
        sent += piece.length;
        await new Promise(setImmediate);
      }
      await eventually(() => answer, "the refusal");
      assert.equal(answer.status, 413);
      connection.close();
    }
  });

  attack("CVE-2020-36048: a payload of half a million packets takes no time that others would notice", async () => {
    const session = await PollingSession.open(server);
    await session.join();
    const began = performance.now();
    const posted = session.post(Array(500000).fill("3")).catch(() => {});
    await bystander.echoes("meanwhile");
    await posted;
    assert.ok(performance.now() - began < ms(2000), "too slow");
  });

  attack("CVE-2022-21676: a broken frame may come with the upgrade request itself", async () => {
    for (const rsv of [1, 2, 3, 4]) {
      const { sid } = await PollingSession.open(server);
      for (const query of [{}, { sid }]) {
        const connection = await RawWebSocket.connect(server);
        connection.write(
          Buffer.concat([Buffer.from(upgradeRequest(websocketPath(query))), frame(opcode.text, "2probe", { rsv })])
        );
        assert.equal((await connection.readHead()).status, 101);
        assert.ok([1002, 1006].includes((await connection.closed()).code));
        await connection.ended();
      }
    }
  });

  attack("CVE-2022-41940: a connection may be reset at any moment", async () => {
    const before = server.openFiles();
    const { target: polling } = await PollingSession.open(server);
    const get = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const upgrade = upgradeRequest(websocketPath());
    for (const sent of [
      "",
      "G",
      upgrade.slice(0, -2),
      upgrade,
      upgradeRequest(websocketPath({ sid: "AAAAAAAAAAAAAAAAAAAA" })),
      upgradeRequest("/socket.io/?EIO=4"),
      upgradeRequest(websocketPath({ EIO: "3" })),
      upgradeRequest(target()),
      upgradeRequest("/elsewhere"),
      get(target()).repeat(20),
      get(polling),
      `POST ${polling} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4`,
      Buffer.concat([Buffer.from(upgrade), frame(opcode.text, "40"), frame(opcode.text, '42["burst",1000]')]),
    ]) {
      for (const whenSent of [true, false]) {
        const connection = await Connection.connect(server);
        if (whenSent) {
          await new Promise((done) => connection.socket.write(sent, done));
        } else {
          connection.write(sent);
          await new Promise(setImmediate);
        }
        connection.reset();
      }
    }
    await filesReturned(before);
  });

  attack("CVE-2023-31125: odd queries get an ordinary answer", async () => {
    const values = [
      "", "constructor", "__proto__", "toString", "hasOwnProperty", "null", "undefined", "0", "[]", "%5b%5d",
      "polling#", "polling%00", "polling%20", "%70olling", "polling,websocket", "polling&transport=tube",
      "%ff%fe", "%e2%82", "%",
      "%zz", "x".repeat(7000), "\xff".repeat(100),
    ];
    for (const value of values) {
      for (const query of [
        `EIO=4&transport=${value}`,
        `EIO=4&transport[]=${value}`,
        `EIO=${value}&transport=polling`,
        `EIO=4&transport=polling&sid=${value}`,
      ]) {
        const connection = await Connection.connect(server);
        connection.write(Buffer.from(`GET /socket.io/?${query} HTTP/1.1\r\nHost: x\r\n\r\n`, "latin1"));
        const { status } = await connection.readHead();
        assert.ok([200, 400, 414].includes(status), `${status} for ${query.slice(0, 80)}`);
        connection.close();
      }
    }
  });

  attack("CVE-2026-59725: a binary post is answered and leaves nothing open", async () => {
    const before = server.openFiles();
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 30 }, async () => {
          const session = await PollingSession.open(server);
          const { status } = await session.post(Buffer.from([1]), {
            headers: { "content-type": "application/octet-stream" },
          });
          assert.equal(status, 400);
          await session.gone();
        })
      );
    }
    await filesReturned(before);
  });

  attack("GHSA-pxg6-pf52-xh8x: nothing gets out of the session cookie into the header", async (t) => {
    const baking = await serverFor(t, "--cookie", "io", "--generate-id");
    for (const id of ["a; Domain=evil.example", "a, b=c", 'a"b', "a b", "a=b", "\\", "%0d%0aX-Evil: 1"]) {
      const response = await request(baking, "GET", target(), { headers: { "x-id": id } });
      /* Refusing such an id is as good as encoding it. */
      if (response.status === 200) {
        const [cookie] = response.headers["set-cookie"];
        assert.match(cookie, /^io=[!#-+\--:<-[\]-~]*; Path=\/; HttpOnly; SameSite=Lax$/);
        assert.equal(response.headers["x-evil"], undefined);
        assert.equal(JSON.parse(response.body.slice(1)).sid, id);
      }
    }
    await PollingSession.open(baking);
  });
});

describe("Advisories of socket.io-parser", () => {
  attack("CVE-2020-36049: decoding a packet near the limit takes linear time", async () => {
    for (const text of [
      `42["nobody","${"x".repeat(990000)}"]`,
      `42["nobody","${"\\u00e9".repeat(160000)}"]`,
      `42["nobody",[${"1,".repeat(490000)}1]]`,
      `42${"1".repeat(900000)}["nobody"]`,
      `42/${"n".repeat(900000)},["nobody"]`,
      `45${"1".repeat(900000)}-["nobody"]`,
    ]) {
      const session = await RawWebSocket.joined(server);
      const began = performance.now();
      session.text(text);
      await bystander.echoes("meanwhile");
      assert.ok(performance.now() - began < ms(1000), "too slow");
      session.close();
    }
  });

  /* The official server takes 0.5 for an index, and finds nothing there. */
  const fractions = reference ? [] : ["0.5", "-0.5"];
  const strangers = ['"0"', '"splice"', '"__proto__"', "null", "true", "[0]", "{}"];
  for (const num of [...strangers, "-1", "1", "1e3", "9007199254740992", ...fractions]) {
    attack(`CVE-2022-2421: a placeholder numbered ${num} is refused`, () =>
      assertCloses(`451-["echo",${placeholder(num)}]`, Buffer.from([1])));
  }

  attack("CVE-2022-2421: a placeholder without a number is refused, a repeated one is not", async () => {
    await assertCloses('451-["echo",{"_placeholder":true}]', Buffer.from([1]));
    const session = await RawWebSocket.joined(server);
    session.text(`451-7["ack",${placeholder(0)},${placeholder(0)}]`).binary(Buffer.from([1]));
    assert.match(await session.readText(), /^46[12]-7\[/);
    session.close();
  });

  const reserved = ['"connect"', '"disconnecting"', '"newListener"'];
  for (const name of ['{"toString":"foo"}', "{}", "[]", '["echo"]', "null", "true", "false", ...reserved]) {
    attack(`CVE-2023-32695: ${name} is no event name`, async () => {
      await assertCloses(`42[${name}]`);
      await assertCloses(`42[${name},1,2]`);
    });
  }

  const overflowing = ["4294967297", "18446744073709551617", "9".repeat(1000)];
  for (const count of ["11", "59999999", ...overflowing, "1e9", "Infinity", "0x10"]) {
    attack(`CVE-2026-33151: ${count.slice(0, 30)} attachments are refused at once`, async () => {
      await assertCloses(`45${count}-["x",${placeholder(0)}]`);
      await assertCloses(`46${count}-1["x"]`);
    });
  }

  attack("CVE-2026-69185: no attachment is kept for a packet that announced none", async () => {
    for (const packet of ['450-["x"]', `450-["x",${placeholder(0)}]`, '460-1["x"]', '4500-["x"]']) {
      const session = await RawWebSocket.joined(server);
      session.text(packet);
      for (let i = 0; i < 50; i++) {
        session.binary(Buffer.alloc(1000));
      }
      await session.closed();
      assert.match(await server.disconnectReason(session.id), violation);
      session.close();
    }
  });
});

describe("Advisories of ws", () => {
  attack("CVE-2016-10518: a pong holds what the ping held, and nothing of other messages", async () => {
    const session = await RawWebSocket.joined(server);
    session.text(`42["nobody","${"secret".repeat(1000)}"]`);
    for (let length = 0; length <= 125; length++) {
      session.send(opcode.ping, "p".repeat(length));
      const { code, payload } = await session.readFrame();
      assert.deepEqual([code, payload.toString()], [opcode.pong, "p".repeat(length)]);
    }
    session.close();
  });

  attack("CVE-2016-10542: a message is refused by its header, before any memory is taken for it", () =>
    assertCheap(async () => {
      for (const length of [1000001, 2 ** 31, 2 ** 32 + 5, 2 ** 52]) {
        const session = await RawWebSocket.joined(server);
        session.send(opcode.binary, "", { length });
        assert.equal((await session.closed()).code, 1009);
        session.close();
      }
    })
  );

  attack("GHSA-5v72-xg48-5rpm: an extension header may hold anything", async () => {
    for (const value of [
      "constructor", "__proto__", "toString; hasOwnProperty=1", ";;;,,,==", 'a;b="', '"', ",", " ", "\x80\xff",
      "permessage-deflate; constructor",
      'permessage-deflate; x="\\""',
      "permessage-deflate; server_max_window_bits=99999999999",
      "permessage-deflate; client_max_window_bits=7; client_max_window_bits=7",
      "permessage-deflate,".repeat(500),
    ]) {
      const connection = await RawWebSocket.connect(server);
      connection.write(Buffer.from(upgradeRequest(websocketPath(), { "Sec-WebSocket-Extensions": value }), "latin1"));
      const { status, headers } = await connection.readHead();
      assert.ok([101, 400, 431].includes(status), `${status} for ${value}`);
      assert.equal(headers["sec-websocket-extensions"], undefined);
      connection.close();
    }
  });

  attack("CVE-2021-32640: a subprotocol header of blanks takes no time", async () => {
    for (const value of [`a${" ".repeat(15000)}b`, `a,${" ".repeat(15000)},b`, " ".repeat(60000), ",".repeat(15000)]) {
      const began = performance.now();
      const connection = await RawWebSocket.connect(server);
      connection.write(upgradeRequest(websocketPath(), { "Sec-WebSocket-Protocol": value }));
      const { status = 431 } = await connection.readHead().catch(endOfStream);
      assert.ok([101, 400, 431].includes(status), String(status));
      assert.ok(performance.now() - began < ms(1000), "too slow");
      connection.close();
    }
  });

  attack("CVE-2024-37890: any number of headers leaves the required ones checked", async () => {
    const many = Object.fromEntries(Array.from({ length: 10000 }, (unused, i) => [`x-${i}`, "1"]));
    const few = Object.fromEntries(Object.entries(many).slice(0, 1000));
    for (const missing of [
      {},
      { Upgrade: undefined },
      { "Sec-WebSocket-Key": undefined },
      { Connection: undefined },
      { Host: undefined },
    ]) {
      for (const headers of [many, few, {}]) {
        const connection = await Connection.connect(server);
        connection.write(upgradeRequest(websocketPath(), { ...headers, ...missing }));
        const { status = 431 } = await connection.readHead().catch(endOfStream);
        const complete = Object.keys(missing).length === 0 || "Host" in missing;
        assert.ok(status >= 400 || (complete && status === 101), `${status} without ${Object.keys(missing)}`);
        connection.close();
      }
    }
  });

  for (const length of [0, 1, 2, 122, 123, 124]) {
    attack(
      `CVE-2026-45736: a Close frame with a reason of ${length} bytes is answered with nothing but its own`,
      async () => {
        const session = await RawWebSocket.joined(server);
        const sent = closePayload(1000, "r".repeat(length));
        session.send(opcode.close, sent);
        const { code, payload } = await session.readFrame();
        assert.equal(code, opcode.close);
        if (length <= 123) {
          assert.deepEqual(payload, sent.subarray(0, payload.length));
        } else {
          assert.equal(payload.readUInt16BE(), 1002);
        }
        await session.ended();
      }
    );
  }

  for (const [what, payload] of [
    ["one byte", "x"],
    ["no byte", ""],
  ]) {
    attack(`CVE-2026-48779: a message in 200,000 fragments of ${what} is cheap, or ends its connection`, () =>
      assertCheap(async () => {
        const session = await RawWebSocket.joined(server);
        const fragments = Buffer.concat(Array(1000).fill(frame(opcode.continuation, payload, { fin: false })));
        session.send(opcode.text, '42["nobody","', { fin: false });
        for (let i = 0; i < 200 && !session.socket.destroyed; i++) {
          session.write(fragments);
          await new Promise(setImmediate);
        }
        await bystander.echoes("meanwhile");
        session.close();
      })
    );
  }
});

describe("Advisories of other implementations", () => {
  attack("CVE-2026-48802: a flood of pongs starts nothing: there is one ping per interval", async (t) => {
    const beating = await serverFor(t, "--ping-interval", ms(100), "--ping-timeout", ms(1000));
    const session = await RawWebSocket.joined(beating);
    session.write(Buffer.concat(Array(10000).fill(frame(opcode.text, "3"))));
    for (let i = 0; i < 4; i++) {
      const began = performance.now();
      assert.equal(await session.readText(), "2");
      assert.ok(i === 0 || performance.now() - began > ms(70), "pings in a crowd");
      session.text("3");
    }
    session.close();
  });

  attack("CVE-2026-48804: attachments that are never completed are given back with their connection", () =>
    assertCheap(async () => {
      for (let i = 0; i < 100; i++) {
        const session = await RawWebSocket.joined(server);
        session.text(`4510-["x",${placeholder(9)}]`);
        for (let part = 0; part < 9; part++) {
          session.binary(Buffer.alloc(100000));
        }
        session.send(opcode.close);
        await server.disconnectReason(session.id);
        session.close();
      }
    })
  );

  attack("GHSA-55mf-67qm-4wpg: a client that has joined nothing cannot have attachments collected", async () => {
    const session = await RawWebSocket.session(server);
    session.text(`4510-["x",${placeholder(0)}]`);
    for (let part = 0; part < 10; part++) {
      session.binary(Buffer.alloc(1000));
    }
    await session.closed();
    await session.ended();
  });

  attack("noPoll-84: a length with its highest bit set is not a negative one", async () => {
    for (const length of ["8000000000000000", "ffffffffffffffff", "8000000000000001", "fffffffffffffff6"]) {
      const session = await RawWebSocket.joined(server);
      session.write(Buffer.from(`82ff${length}00000000${"41".repeat(100)}`, "hex"));
      const { code } = await session.closed();
      assert.ok([1002, 1009].includes(code), String(code));
      session.close();
    }
  });

  attack("CVE-2025-51495: fragments of all sizes land where they belong", async () => {
    const session = await RawWebSocket.joined(server);
    const text = `42["echo","${Array.from({ length: 3000 }, (unused, i) => i).join(" ")}"]`;
    for (const step of [1, 2, 125, 126, 127, 1000, 4095, 4096, 4097]) {
      for (let at = 0; at < text.length; at += step) {
        session.send(at ? opcode.continuation : opcode.text, text.slice(at, at + step), {
          fin: at + step >= text.length,
        });
      }
      assert.equal(await session.readText(), text);
    }
    session.close();
  });

  attack("After all of this no file descriptor is missing", () => filesReturned(filesAtStart));
});
