/**
 * Packets that no client of good faith sends, on a session that has joined `/`, over WebSocket and over polling: what
 * each does to its own connection, and that it does nothing to anybody else's. No handler for errors is registered on
 * the server. Frames that break RFC 6455 are in websocket.test.mjs, silence and oversize in engine-session.test.mjs.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { PollingSession, RawWebSocket, SEPARATOR, eventually, opcode, startServer } from "./support.mjs";

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

/**
 * The reasons for which a server may end a connection that broke the rules of Socket.IO. The official one says
 * `forced close`, or `forced server close` when no poll waits, as if the application had closed; `parse error` is what
 * the protocol has for it.
 */
const violation = /^(forced close|forced server close|parse error)$/;

/** A session over WebSocket: `send` takes text packets and, as Buffers, binary ones. */
class OverWebSocket {
  static async open() {
    const session = new OverWebSocket();
    session.websocket = await RawWebSocket.joined(server);
    session.id = session.websocket.id;
    return session;
  }

  send(packets) {
    for (const packet of packets) {
      this.websocket.send(typeof packet === "string" ? opcode.text : opcode.binary, packet);
    }
  }

  /** The next text packet, or undefined once the server has closed. */
  async receive() {
    const { code, payload } = await this.websocket.readFrame();
    return code === opcode.close ? undefined : payload.toString();
  }

  async assertClosed() {
    await this.websocket.closed();
    await this.websocket.ended();
  }

  done() {
    this.websocket.close();
  }
}

/** The same over polling, with a poll always waiting; packets sent together travel in one payload. */
class OverPolling {
  #received = [];

  static async open() {
    const session = new OverPolling();
    session.polling = await PollingSession.open(server);
    session.id = await session.polling.join();
    session.ended = session.#poll();
    return session;
  }

  async #poll() {
    for (;;) {
      const { status, body } = await this.polling.get();
      const packets = status === 200 ? body.split(SEPARATOR) : ["1"];
      this.#received.push(...packets.filter((packet) => packet !== "6"));
      if (packets.includes("1")) {
        return;
      }
    }
  }

  async send(packets) {
    const payload = packets.map((packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`));
    /* The answer to the post that breaks the rules may be `ok`, a refusal, or a reset connection. */
    await this.polling.post(payload).catch(() => {});
  }

  async receive() {
    await eventually(() => this.#received.length > 0, "a packet");
    const packet = this.#received.shift();
    return packet === "1" ? undefined : packet;
  }

  async assertClosed() {
    await this.ended;
    await this.polling.gone();
  }

  async done() {
    await this.send(["1"]);
    await this.ended;
  }
}

const probe = '42["echo","probe"]';

/** What may come of malformed input: each checks a session to which the input has been sent. */
const outcomes = {
  async closes(session) {
    assert.match(await server.disconnectReason(session.id), violation);
    await session.assertClosed();
  },

  async "is a parse error"(session) {
    assert.equal(await server.disconnectReason(session.id), "parse error");
    await session.assertClosed();
  },

  async "is a transport error"(session) {
    assert.equal(await server.disconnectReason(session.id), "transport error");
    await session.assertClosed();
  },

  async "has no effect"(session) {
    await session.send([probe]);
    assert.equal(await session.receive(), probe);
  },

  /** Where the official server is lenient by accident, strictness is as good. */
  async "is ignored or closes"(session) {
    await session.send([probe]);
    const answer = await session.receive();
    if (answer === undefined) {
      assert.match(await server.disconnectReason(session.id), violation);
    } else {
      assert.equal(answer, probe);
    }
  },
};

const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
const bytes = Buffer.from([1, 2, 3]);

/** Outcome, what the inputs have in common, inputs: each a list of packets. */
const matrix = [
  ["closes", "an unknown packet type", ["4abc"], ["47"], ["49[]"], ["4-1"], ['4 2["echo"]']],
  ["closes", "an empty message", ["4"]],
  ["closes", "an event that is no array of a name and arguments",
    ["42{}"], ["42[]"], ['42"x"'], ["42null"], ["42true"], ["42[null]"], ["42[true]"], ["42[[]]"], ["42[{}]"]],
  ["closes", "an event with a reserved name",
    ['42["connect"]'], ['42["connect_error"]'], ['42["disconnect"]'], ['42["disconnecting"]'], ['42["newListener"]'],
    ['42["removeListener"]']],
  ["closes", "JSON that is none",
    ['42["x"'], ['42["x",]'], ["42[nope]"], ['42["x"]]'], ['42["x"] y'], ["42['x']"], ['42["x",01]'], ['42["x",1.]'],
    ['42["x",NaN]'], ['42["x","\n"]'], ['42["x","\\u12"]'], ['42["x","\\x41"]']],
  ["closes", "an acknowledgement number that is none", ['42abc["x"]'], ['42-1["x"]'], ['421.5["x"]'], ['421e3["x"]']],
  ["closes", "an acknowledgement that is no array", ["430{}"], ['430"x"'], ["430null"]],
  ["closes", "a number of attachments that is none, zero or missing",
    ['450-["x"]'], ['45["x"]'], ['45-["x"]'], ['451["x"]'], ['45-1-["x"]'], ['451.5-["x"]'], ['45x-["x"]'],
    ["45"], ["451"], ['460-1["x"]']],
  ["closes", "more attachments than allowed", ['4511-["x"]'], ['4599999999999999999999-["x"]'], ["4611-1[]"]],
  ["closes", "a binary packet that nothing announced", [bytes], ["bAQID"]],
  ["closes", "text where an attachment is due", [`451-["echo",${placeholder(0)}]`, '42["echo",1]']],
  ["closes", "a placeholder without its attachment",
    [`451-["echo",${placeholder(5)}]`, bytes], [`451-["echo",${placeholder(1)}]`, bytes],
    [`451-["echo",${placeholder(-1)}]`, bytes], [`451-["echo",${placeholder('"0"')}]`, bytes],
    ['451-["echo",{"_placeholder":true}]', bytes]],
  ["closes", "a second connect", ["40"], ["40{}"], ['40{"token":1}']],
  ["closes", "a connect whose payload is no object", ["40[]"], ['40"x"'], ["40null"], ["40/chat,[]"], ["40{"]],
  ["closes", "a disconnect with a payload", ["41[]"], ["41{}"]],
  ["closes", "a refusal, which only servers send", ['44{"message":"x"}'], ['44"x"'], ["44/chat,{}"]],
  ["closes", "a packet for a namespace that is not joined",
    ['42/chat,["x"]'], ["41/chat,"], ["43/chat,0[]"], ['42/nowhere,["x"]'], ['42chat,["x"]']],
  ["has no effect", "an acknowledgement that nobody waits for", ["430[]"], ["4312345[1,2]"], ['430["x"]']],
  ["has no effect", "an event that nobody listens to",
    ['42["nobody"]'], ['4212["nobody"]'], ['42["__proto__",1]'], ['42["constructor"]']],
  ["has no effect", "a pong that nobody waits for", ["3"], ["3", "3", "3"], ["3probe"]],
  ["is ignored or closes", "a packet that carries nothing", ["42"], ["43"], ["4212"]],
  ["is ignored or closes", "an event named by a number", ["42[1,2]"], ["42[1.5]"], ["42[-1]"]],
  ["is ignored or closes", "a session packet out of place", ["0"], ["0{}"], ["5"], ["6"], ["6x"]],
  ["is ignored or closes", "an acknowledgement number beyond any counter",
    ['429007199254740993["nobody"]'], ['4299999999999999999999999["nobody"]'], [`42${"9".repeat(400)}["nobody"]`]],
  ["is ignored or closes", "nesting without end",
    [`42["nobody",${"[".repeat(50000)}${"]".repeat(50000)}]`],
    [`42["nobody",${'{"a":'.repeat(50000)}1${"}".repeat(50000)}]`]],
  ["is ignored or closes", "a number without end", [`42["nobody",${"9".repeat(50000)}]`], ['42["nobody",1e999999]']],
  ["is ignored or closes", "half a surrogate pair", ['42["nobody","\\ud800"]'], ['42["nobody","\\udc00\\ud800"]']],
  ["is ignored or closes", "more attachments than placeholders", [`452-["nobody",${placeholder(0)}]`, bytes, bytes]],
  ["is a parse error", "a packet that is not Engine.IO", ["7"], ["abc"], [""], ["é"], ["/"], ["-1"], ["\0"]],
  ["is a transport error", "a ping, which only servers send", ["2"], ["2x"]],
];

for (const [transport, Session] of [
  ["WebSocket", OverWebSocket],
  ["polling", OverPolling],
]) {
  describe(`Malformed input over ${transport}`, () => {
    for (const [outcome, what, ...inputs] of matrix) {
      it(`${what} ${outcome}`, async (t) => {
        for (const packets of inputs) {
          await t.test(
            packets.map((packet) => JSON.stringify(packet.toString("latin1").slice(0, 60))).join(", "),
            async () => {
              const session = await Session.open();
              try {
                await session.send(packets);
                await outcomes[outcome](session);
                await bystander.echoes();
              } finally {
                await session.done();
              }
            }
          );
        }
      });
    }

    it("a namespace that does not exist is refused, and the connection goes on", async () => {
      for (const name of [
        "/zzz",
        "/chat?x=1",
        "/CHAT",
        "/chat/",
        "//",
        "/__proto__",
        "/constructor",
        "/é😀",
        `/${"x".repeat(10000)}`,
      ]) {
        const session = await Session.open();
        await session.send([`40${name},`]);
        assert.equal(await session.receive(), `44${name},{"message":"Invalid namespace"}`);
        await outcomes["has no effect"](session);
        await session.done();
      }
    });

    it("an attachment that is late is waited for", async () => {
      const session = await Session.open();
      await session.send([`451-["echo",${placeholder(0)}]`]);
      await bystander.echoes();
      await session.send([bytes]);
      assert.equal(await session.receive(), `451-["echo",${placeholder(0)}]`);
      await session.done();
    });

    it("an attachment may come in any order of placeholders, and stand for several", async () => {
      const session = await Session.open();
      await session.send([
        `452-7["ack",${placeholder(1)},${placeholder(0)},${placeholder(1)}]`,
        bytes,
        Buffer.from("two"),
      ]);
      assert.match(await session.receive(), /^46[23]-7\[/);
      await session.done();
    });
  });
}

describe("Malformed input over WebSocket", () => {
  it("base64 is taken for an attachment that is due", async () => {
    const session = await OverWebSocket.open();
    await session.send([`451-["echo",${placeholder(0)}]`, "bAQID"]);
    assert.equal(await session.receive(), `451-["echo",${placeholder(0)}]`);
    assert.deepEqual(await session.websocket.readBinary(), bytes);
    await session.done();
  });

  it("a close packet is ignored or closes", async () => {
    const session = await OverWebSocket.open();
    await session.send(["1", probe]);
    const answer = await session.receive();
    if (answer === undefined) {
      assert.equal(await server.disconnectReason(session.id), "transport close");
    } else {
      assert.equal(answer, probe);
    }
    await session.done();
  });
});

describe("Malformed input before any namespace is joined", () => {
  for (const packet of ["4abc", "42{}", '42["echo"]', "41", "430[]", "40[]", "4", "7", "2"]) {
    it(`${packet} closes`, async () => {
      const session = await RawWebSocket.session(server);
      session.text(packet);
      await session.closed({ skip: false });
      await session.ended();
      await bystander.echoes();
    });
  }

  it("an event right behind the connect is processed or closes", async () => {
    const session = await RawWebSocket.session(server);
    session.text("40").text(probe);
    const first = await session.readFrame();
    if (first.code === opcode.text) {
      assert.match(first.payload.toString(), /^40\{/);
      assert.equal(await session.readText(), probe);
    }
    await bystander.echoes();
    session.close();
  });
});
