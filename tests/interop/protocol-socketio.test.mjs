/**
 * The Socket.IO protocol, version 5, packet by packet.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeTransports, protocolServer } from "./protocol-cases.mjs";
import { endOfStream, opcode } from "./support.mjs";

const bytes = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];
const placeholders = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';

describe("Socket.IO protocol", () => {
  const shared = protocolServer("/socket.io/");

  describeTransports(shared);

  /** A session on which `packet` has been sent and the namespace's answers, its `auth` event included, were read. */
  async function joined(packet = "40", prefix = "") {
    const session = await shared.openWebSocket();
    await join(session, packet, prefix);
    return session;
  }

  async function join(session, packet, prefix) {
    session.text(packet);
    const answer = await session.readText();
    assert.ok(answer.startsWith(`40${prefix}{`), answer);
    const handshake = JSON.parse(answer.slice(2 + prefix.length));
    assert.deepEqual(Object.keys(handshake), ["sid"]);
    assert.match(handshake.sid, /^[\w-]{20}$/);
    const auth = /\{.*\}/.exec(packet)?.[0] ?? "{}";
    assert.equal(await session.readText(), `42${prefix}["auth",${auth}]`);
  }

  describe("connecting", () => {
    for (const [what, packet, prefix] of [
      ["the main namespace", "40", ""],
      ["the main namespace, with a payload", '40{"token":"123"}', ""],
      ["another namespace", "40/custom,", "/custom,"],
      ["another namespace, with a payload", '40/custom,{"token":"abc"}', "/custom,"],
      ["another namespace, its comma forgotten", "40/custom", "/custom,"],
    ]) {
      it(`to ${what}`, async () => {
        (await joined(packet, prefix)).close();
      });
    }

    it("to an unknown namespace is refused, with or without its comma", async () => {
      const session = await shared.openWebSocket();
      for (const packet of ["40/random", "40/random,"]) {
        session.text(packet);
        assert.equal(await session.readText(), '44/random,{"message":"Invalid namespace"}');
      }
      session.close();
    });

    it("by anything but a packet ends the connection", async () => {
      const session = await shared.openWebSocket();
      session.text("4abc");
      await session.closed({ skip: false });
    });

    it("has to happen in time: an idle connection ends, heartbeat or not", async () => {
      const session = await shared.openWebSocket();
      const opened = performance.now();
      let pings = 0;
      for (;;) {
        const { code, payload } = await session.readFrame().catch(endOfStream);
        if (code !== opcode.text) {
          assert.ok(code === undefined || code === opcode.close, `unexpected frame ${code}: ${payload}`);
          break;
        }
        assert.equal(payload.toString(), "2");
        session.text("3");
        pings++;
      }
      assert.ok(performance.now() - opened < 1500);
      /* The third is due shortly before the end: a busy machine may be late with it. */
      assert.ok(pings === 2 || pings === 3, `${pings} pings`);
      session.close();
    });
  });

  describe("disconnecting", () => {
    it("from the main namespace leaves the connection open", async () => {
      const session = await joined();
      session.text("41");
      assert.equal(await session.readText(), "2");
      session.close();
    });

    it("from one namespace leaves the others, with or without its comma", async () => {
      for (const packet of ["41/custom", "41/custom,"]) {
        const session = await joined();
        await join(session, "40/custom", "/custom,");
        session.text(packet).text('42["message","to the main namespace"]');
        assert.equal(await session.readText(), '42["message-back","to the main namespace"]');
        session.close();
      }
    });
  });

  describe("messages", () => {
    for (const [what, sent, received] of [
      ["of text", '42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'],
      ["without arguments", '42["message"]', '42["message-back"]'],
      ["with an acknowledgement", '42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'],
      ["with an empty acknowledgement, numbered 0", '420["message-with-ack"]', "430[]"],
    ]) {
      it(what, async () => {
        const session = await joined();
        session.text(sent);
        assert.equal(await session.readText(), received);
        session.close();
      });
    }

    for (const [what, sent, received] of [
      ["with attachments", `452-["message",${placeholders}]`, `452-["message-back",${placeholders}]`],
      [
        "with attachments and an acknowledgement",
        `452-789["message-with-ack",${placeholders}]`,
        `462-789[${placeholders}]`,
      ],
    ]) {
      it(what, async () => {
        const session = await joined();
        session.text(sent).binary(bytes[0]).binary(bytes[1]);
        assert.equal(await session.readText(), received);
        assert.deepEqual([await session.readBinary(), await session.readBinary()], bytes);
        session.close();
      });
    }

    for (const [what, packet] of [
      ["an unknown packet type", "4abc"],
      ["a payload that is no array", "42{}"],
      ["an acknowledgement number that is none", '42abc["message-with-ack",1,"2",{"3":[false]}]'],
    ]) {
      it(`with ${what} end the connection`, async () => {
        const session = await joined();
        session.text(packet);
        await session.closed({ skip: false });
      });
    }
  });
});
