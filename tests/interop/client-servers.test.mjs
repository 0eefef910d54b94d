/**
 * The client with other servers than today's official one: python-socketio of Debian's packages, and Socket.IO 2.5,
 * which is too old and has to be told from one that is not there.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  connectedClient, eventually, listening, newClient, reference, transports, upgraded, within,
} from "./client-support.mjs";

const require = createRequire(import.meta.url);

const tooOld =
  "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not compatible " +
  "(more information here: https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)";

describe("A server of Socket.IO 2.5", () => {
  const start = async (t) => {
    const http = createServer();
    require("socket.io-v2")(http);
    return `http://127.0.0.1:${await listening(t, http)}`;
  };

  it("over WebSocket, the error says that the server is too old, and the socket does not try again", async (t) => {
    const client = await newClient(t, await start(t), transports.websocket);
    await client.do("socket", "/");
    const [message, , active, status] = await client.next("connect_error", "/");
    assert.equal(message, tooOld);
    if (!reference) {
      assert.deepEqual({ active, status }, { active: false, status: "SIO_ERR_UNSUPPORTED" });
      await client.notice("close");
    }
  });

  it("over polling its handshake cannot be read, as in the official client", async (t) => {
    const client = await newClient(t, await start(t), { ...transports.polling, no_reconnection: true });
    await client.do("socket", "/");
    const [message] = await client.next("connect_error", "/");
    assert.equal(message, "server error");
  });
});

/** The Python that has python-socketio, undefined if none has. */
const python = ["/usr/bin/python3", "python3"].find(
  (command) => spawnSync(command, ["-c", "import socketio, aiohttp"], { stdio: "ignore" }).status === 0
);
const skip = !python && "python-socketio is not installed (apt-get install python3-socketio python3-aiohttp)";

for (const [mode, options] of Object.entries(transports)) {
  describe(`python-socketio, ${mode}`, { skip }, () => {
    let server;
    let origin;
    before(async () => {
      server = spawn(python, [fileURLToPath(new URL("python_server.py", import.meta.url))], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
      const { value } = await within(lines.next(), "the start of python-socketio", 20_000);
      origin = `http://127.0.0.1:${/^listening (\d+)$/.exec(value)[1]}`;
    });
    after(async () => {
      const ended = new Promise((done) => server.once("close", done));
      server.kill();
      await ended;
    });

    const open = async (t, more) => {
      const client = await connectedClient(t, origin, { ...options, ...more });
      if (mode === "upgrading") {
        await upgraded(client);
      }
      return client;
    };

    it("events and acknowledgements, binary included", async (t) => {
      const client = await open(t);
      const args = ["é 😀", { list: [1, null, Buffer.from([0, 255])] }, Buffer.alloc(5000, 7)];
      await client.do("on", "/", "echo");
      await client.do("emit", "/", "echo", args);
      assert.deepEqual((await client.next("event", "/", "echo"))[0], args);
      assert.deepEqual(await client.call("/", "ask", ...args), args);
    });

    it("the server's events are acknowledged", async (t) => {
      const client = await open(t);
      await client.do("on", "/", "question", "reply");
      await client.do("on", "/", "answered");
      await client.do("emit", "/", "question", [1, Buffer.from("two")]);
      assert.deepEqual((await client.next("event", "/", "answered"))[0], [1, Buffer.from("two")]);
    });

    it("a second namespace", async (t) => {
      const client = await open(t);
      await client.connect("/chat");
      assert.deepEqual(await client.call("/chat", "ask", 1), [1]);
    });

    it("connect_error", async (t) => {
      const client = await newClient(t, origin, { ...options, socket: { auth: '{"token":"bad"}' } });
      await client.do("socket", "/");
      const [message, data, active] = await client.next("connect_error", "/");
      assert.deepEqual({ message, data, active }, { message: "not you", data: { code: 401 }, active: false });
    });

    it("disconnection by either side, and the next connection", async (t) => {
      const client = await open(t);
      await client.do("emit", "/", "kick", []);
      assert.equal((await client.next("disconnect", "/"))[0], "io server disconnect");
      await client.do("connect", "/");
      await client.next("connect", "/");
      await client.do("disconnect", "/");
      assert.equal((await client.next("disconnect", "/"))[0], "io client disconnect");
      await eventually(async () => (await client.state()).state === "closed", "the end");
    });
  });
}
