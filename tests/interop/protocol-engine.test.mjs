/**
 * The Engine.IO protocol, version 4, against a server that sends every message back.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Connection, SEPARATOR, unknownSession } from "./support.mjs";
import { describeTransports, openUpgraded, protocolServer } from "./protocol-cases.mjs";

describe("Engine.IO protocol", () => {
  const shared = protocolServer("/engine.io/");
  const { openPolling, openWebSocket } = shared;

  describeTransports(shared);

  describe("messages over polling", () => {
    for (const [what, payload] of [
      ["one text packet", ["4hello"]],
      ["several text packets", ["4test1", "4test2", "4test3"]],
      ["text and binary packets", ["4hello", "bAQIDBA=="]],
      ["characters of every length", ["4é€😀"]],
      ["an empty message and empty binary", ["4", "b"]],
      ["binary of each padding", ["bAQ==", "bAQI=", "bAQID"]],
    ]) {
      it(`come back: ${what}`, async () => {
        const session = await openPolling();
        const { status, body } = await session.post(payload);
        assert.deepEqual([status, body], [200, "ok"]);
        const poll = await session.get();
        assert.deepEqual([poll.status, poll.body], [200, payload.join(SEPARATOR)]);
      });
    }

    it("end the session when they are none", async () => {
      const session = await openPolling();
      /* The post may be refused, or its connection reset. */
      await session.post("abc").catch(() => {});
      assert.equal((await session.get()).body, unknownSession);
    });

    it("need one poll at a time: two end the session", async () => {
      const session = await openPolling();
      const first = await Connection.connect(shared.server);
      first.write(`GET ${session.target} HTTP/1.1\r\nHost: x\r\n\r\n`);
      /* The pong is answered after the poll has been taken in. */
      await session.post("3");
      const second = await session.get();
      assert.ok([400, 500].includes(second.status), String(second.status));
      const { status, body } = await first.readResponse();
      assert.deepEqual([status, body], [200, "1"]);
      assert.equal((await session.get()).status, 400);
      first.close();
    });

    it("need a poll that is not given up: the next one finds the session gone", async () => {
      for (let round = 0; round < 10; round++) {
        const session = await openPolling();
        const poll = await Connection.connect(shared.server);
        poll.write(`GET ${session.target} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await session.post("3");
        poll.close();
        assert.equal((await session.get()).status, 400);
      }
    });
  });

  describe("messages over WebSocket", () => {
    it("come back as text", async () => {
      const session = await openWebSocket();
      for (const text of ["4hello", "4", "4é€😀"]) {
        session.text(text);
        assert.equal(await session.readText(), text);
      }
      session.close();
    });

    it("come back as binary, without any type byte", async () => {
      const session = await openWebSocket();
      for (const bytes of [[1, 2, 3, 4], [], [0x34, 0x35]]) {
        session.binary(Buffer.from(bytes));
        assert.deepEqual(await session.readBinary(), Buffer.from(bytes));
      }
      session.close();
    });

    it("end the session when they are none", async () => {
      const session = await openWebSocket();
      session.text("abc");
      await session.closed({ skip: false });
    });

    it("come back after an upgrade", async () => {
      const { websocket } = await openUpgraded(shared);
      websocket.text("4hello").binary(Buffer.from([1]));
      assert.equal(await websocket.readText(), "4hello");
      assert.deepEqual(await websocket.readBinary(), Buffer.from([1]));
      websocket.close();
    });
  });
});
