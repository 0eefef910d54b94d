/**
 * The rules of the Engine.IO protocol that hold on both paths of protocol_server (see SERVER.md): handshake, heartbeat,
 * closing, upgrade. The intervals are those that the published protocol suites ask for.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  Connection,
  PollingSession,
  RawWebSocket,
  ms,
  request,
  startProtocolServer,
  target,
  unknownSession,
  upgradeRequest,
} from "./support.mjs";

const PING_INTERVAL = 300;
const PING_TIMEOUT = 200;

/** Starts the server for the file's tests and returns ways to open sessions below `path` on it. */
export function protocolServer(path) {
  const shared = {
    path,
    openPolling: () => PollingSession.open(shared.server, { path }),
    openWebSocket: (query) => RawWebSocket.session(shared.server, { path, query }),
    get: (query) => request(shared.server, "GET", `${path}?${new URLSearchParams(query)}`),
  };
  before(async () => (shared.server = await startProtocolServer()));
  after(() => shared.server.stop());
  return shared;
}

/** Opens a polling session and moves it to WebSocket. */
export async function openUpgraded({ server, path, openPolling }) {
  const polling = await openPolling();
  const websocket = await RawWebSocket.open(server, { path, query: { sid: polling.sid } });
  websocket.text("2probe");
  assert.equal(await websocket.readText(), "3probe");
  websocket.text("5");
  return { polling, websocket };
}

/** Asks for a WebSocket session that is not to be had. */
async function assertNoWebSocket({ server, path }, query) {
  const connection = await RawWebSocket.connect(server);
  connection.write(upgradeRequest(`${path}?${new URLSearchParams(query)}`));
  const { status } = await connection.readHead();
  if (status === 101) {
    await connection.closed({ skip: false });
  } else {
    assert.ok(status >= 400, String(status));
    await connection.ended();
  }
}

function assertHandshake(handshake, upgrades) {
  assert.deepEqual(Object.keys(handshake).sort(), ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
  assert.match(handshake.sid, /^[\w-]{20}$/);
  assert.deepEqual(handshake.upgrades, upgrades);
  assert.deepEqual(
    [handshake.pingInterval, handshake.pingTimeout, handshake.maxPayload],
    [PING_INTERVAL, PING_TIMEOUT, 1000000]
  );
}

/** A session that is silent lasts for the interval and the timeout. */
function assertOnTime(lasted) {
  assert.ok(lasted > 450 && lasted < PING_INTERVAL + PING_TIMEOUT + ms(200), `${lasted} ms`);
}

/** Defines the tests that every path has to pass. */
export function describeTransports(shared) {
  const { path, openPolling, openWebSocket, get } = shared;
  const wrongVersions = [{}, { EIO: "abc" }, { EIO: "" }, { EIO: "5" }];
  const wrongTransports = [{ EIO: "4" }, { EIO: "4", transport: "abc" }, { EIO: "4", transport: "" }];

  describe("handshake", () => {
    it("over polling describes the session", async () => {
      assertHandshake((await openPolling()).handshake, ["websocket"]);
    });

    it("over polling needs the protocol version", async () => {
      for (const version of wrongVersions) {
        assert.equal((await get({ ...version, transport: "polling" })).status, 400);
      }
    });

    it("over polling needs a transport", async () => {
      for (const query of wrongTransports) {
        assert.equal((await get(query)).status, 400);
      }
    });

    it("over polling needs GET", async () => {
      for (const method of ["POST", "PUT", "DELETE"]) {
        assert.equal((await request(shared.server, method, target({}, path))).status, 400);
      }
    });

    it("may be made by a page of any origin", async () => {
      const { headers } = await request(shared.server, "GET", target({}, path), {
        headers: { origin: "http://page.example" },
      });
      assert.equal(headers["access-control-allow-origin"], "*");
    });

    it("over WebSocket describes the session", async () => {
      const session = await openWebSocket();
      assertHandshake(session.handshake, []);
      session.close();
    });

    it("over WebSocket needs the protocol version", async () => {
      for (const version of wrongVersions) {
        await assertNoWebSocket(shared, { ...version, transport: "websocket" });
      }
    });

    it("over WebSocket needs a transport", async () => {
      for (const query of wrongTransports) {
        await assertNoWebSocket(shared, query);
      }
    });
  });

  describe("heartbeat", () => {
    it("over polling is a bare ping in each interval, as long as pongs come", async () => {
      const session = await openPolling();
      for (let i = 0; i < 3; i++) {
        assert.deepEqual(await session.poll(), ["2"]);
        assert.equal((await session.post("3")).status, 200);
      }
    });

    it("over polling ends a silent session on time, counted from its handshake", async () => {
      const session = await openPolling();
      const opened = performance.now();
      await session.gone();
      const lasted = performance.now() - opened;
      assertOnTime(lasted);
    });

    it("over WebSocket is a bare ping in each interval, as long as pongs come", async () => {
      const session = await openWebSocket();
      for (let i = 0; i < 3; i++) {
        assert.equal(await session.readText(), "2");
        session.text("3");
      }
      session.close();
    });

    it("over WebSocket ends a silent session on time", async () => {
      const session = await openWebSocket();
      const opened = performance.now();
      await session.closed();
      const lasted = performance.now() - opened;
      assertOnTime(lasted);
    });
  });

  describe("closing", () => {
    it("by a close packet over polling releases the waiting poll with a noop", async () => {
      const session = await openPolling();
      const [poll, post] = await Promise.all([session.get(), session.post("1")]);
      assert.deepEqual([poll.status, poll.body], [200, "6"]);
      assert.deepEqual([post.status, post.body], [200, "ok"]);
      assert.equal((await session.get()).body, unknownSession);
    });

    it("by a close packet over WebSocket ends the connection, by the heartbeat at the latest", async () => {
      const session = await openWebSocket();
      session.text("1");
      await session.closed();
    });
  });

  describe("upgrade", () => {
    it("answers the probe, then releases the polls", async () => {
      const polling = await openPolling();
      const websocket = await RawWebSocket.open(shared.server, { path, query: { sid: polling.sid } });
      websocket.text("2probe");
      assert.equal(await websocket.readText(), "3probe");
      assert.deepEqual(await polling.poll(), ["6"]);
      websocket.text("5");
      assert.equal(await websocket.readText(), "2");
      websocket.close();
    });

    it("ends polling for this session", async () => {
      const { polling, websocket } = await openUpgraded(shared);
      assert.equal((await polling.get()).status, 400);
      assert.equal(await websocket.readText(), "2");
      websocket.close();
    });

    it("happens once: a second WebSocket is turned away", async () => {
      const { polling, websocket } = await openUpgraded(shared);
      await assertNoWebSocket(shared, { EIO: "4", transport: "websocket", sid: polling.sid });
      assert.equal(await websocket.readText(), "2");
      websocket.close();
    });
  });

  it("is found on both addresses of localhost", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const connection = await Connection.connect(shared.server, host);
      connection.write(`GET ${target({}, path)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      assert.equal((await connection.readResponse()).status, 200);
      connection.close();
    }
  });
}
