/**
 * The client in C and the official one, one after the other, through the same scenes with a server that follows a
 * script: they send the same packets, byte for byte and in the same order, and tell the application the same.
 * (Requests are compared by what is in them: over polling one client may put two packets into one request.)
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  accept, acknowledge, eventually, newClient, reference, ScriptedServer, transports,
} from "./client-support.mjs";

const quickly = { reconnection_delay_ms: 20, reconnection_delay_max_ms: 20, randomization_percent: "never" };
const bytes = Buffer.from([1, 2, 3]);

/** A connection that is made again when the server has dropped it. */
async function dropped({ client, server }) {
  server.session.drop();
  await client.next("disconnect", "/");
}

const ackAll = (session, packet) => packet.id !== undefined && acknowledge(session, packet, "ok", packet.data[1]);
const withPid = (session, packet) => accept(session, packet, { pid: "private" });

/** name: { script, options, play }; the server's script and the client's options may be left out. */
const scenes = {
  "connecting: auth as an object": {
    options: { socket: { auth: '{"token":"é","n":[1,null]}' } },
    async play({ client }) {
      await client.connect("/");
    },
  },

  "connecting: auth as a function, asked again on reconnection": {
    async play({ client, server }) {
      await client.do("socket", "/", { auth_fn: true });
      for (const n of [1, 2]) {
        await client.next("auth", "/");
        await client.do("give_auth", `{"n":${n}}`);
        await client.next("connect", "/");
        if (n === 1) {
          await dropped({ client, server });
        }
      }
    },
  },

  "several namespaces, and their reconnection": {
    async play({ client, server }) {
      for (const nsp of ["/", "/b", "/a"]) {
        await client.connect(nsp);
      }
      await client.do("disconnect", "/b");
      await client.next("disconnect", "/b");
      await server.got(/41/);
      await dropped({ client, server });
      await client.next("connect", "/");
      await client.next("connect", "/a");
    },
  },

  "namespaces that wait for the connection": {
    async play({ client }) {
      const names = ["/c", "/a", "/b"];
      for (const nsp of names) {
        client.do("socket", nsp);
      }
      for (const nsp of names) {
        await client.next("connect", nsp);
      }
    },
  },

  "events of every kind": {
    script: { event: ackAll },
    async play({ client, server }) {
      await client.connect("/");
      await client.connect("/nsp");
      await client.do("emit", "/", "none", []);
      await client.do("emit", "/", "some", [1, "é\u2028\"\\\n", null, true, -1.5, { a: [{}] }]);
      await client.do("emit", "/nsp", "binary", [bytes, { deep: [Buffer.alloc(0), { er: bytes }] }]);
      await client.do("emit_ack", "/", "ask", ["x"], 1, 0);
      await client.next("ack", "/", 1);
      await client.do("emit_ack", "/nsp", "ask", [bytes], 2, 0);
      await client.next("ack", "/nsp", 2);
      await client.do("emit_ack", "/", "ask", ["y"], 3, 0);
      await client.next("ack", "/", 3);
      assert.ok(server.sent.length > 8);
    },
  },

  "answers to the server's events": {
    async play({ client, server }) {
      await client.connect("/");
      await client.do("on", "/", "now", "reply");
      await client.do("on", "/", "later", "later");
      server.session.send('423["now",1,"two"]', '42["now"]', '42700["later"]');
      server.session.send('451-8["now",{"_placeholder":true,"num":0}]', bytes);
      await client.next("event", "/", "later");
      await server.got(/ 4[36]/, 2);
      await client.do("reply", [{ late: bytes }]);
      await server.got(/ bAQID/, 2);
    },
  },

  "buffering: what is emitted before the connection is sent upon it, in order": {
    script: { event: ackAll },
    async play({ client, server }) {
      await client.do("socket", "/");
      client.do("emit", "/", "first", [1]);
      client.do("emit", "/", "second", [bytes]);
      client.do("emit_ack", "/", "third", [3], 7, 0);
      await client.do("emit", "/", "fourth", []);
      await client.next("ack", "/", 7);
      await server.got(/fourth/);
    },
    options: { no_auto_connect: true },
    begin: (client) => client.do("connect", "/"),
  },

  "buffering: during a disconnection, with acknowledgements": {
    script: { event: ackAll },
    async play({ client, server }) {
      await client.connect("/");
      await client.do("emit_ack", "/", "a", [0], 1, 0);
      await client.next("ack", "/", 1);
      await dropped({ client, server });
      client.do("emit", "/", "b", [1]);
      client.do("emit_ack", "/", "c", [2], 2, 4000);
      await client.do("emit", "/", "d", [bytes]);
      await client.next("ack", "/", 2);
      await server.got(/2 .*"d"/);
    },
  },

  "buffering: an event whose acknowledgement has timed out is not sent any more": {
    async play({ client, server }) {
      await client.do("socket", "/");
      client.do("emit_ack", "/", "given up", [], 1, 20);
      client.do("emit", "/", "kept", []);
      await client.next("ack", "/", 1);
      await client.do("connect", "/");
      await server.got(/kept/);
    },
    options: { no_auto_connect: true },
  },

  "buffering: volatile events are discarded while there is no connection": {
    options: { no_auto_connect: true },
    async play({ client, server }) {
      await client.do("socket", "/");
      await client.do("emit", "/", "discarded", [], true);
      await client.do("emit", "/", "kept", []);
      await client.do("connect", "/");
      await server.got(/kept/);
    },
  },

  "acknowledgements: those that were sent fail with the disconnection, ids go on": {
    async play({ client, server }) {
      await client.connect("/");
      await client.do("emit_ack", "/", "a", [], 1, 4000);
      await client.do("emit_ack", "/", "b", [], 2, 4000);
      await server.got(/"b"/);
      await dropped({ client, server });
      await client.next("ack", "/", 2);
      await client.next("connect", "/");
      await client.do("emit_ack", "/", "c", [], 3, 20);
      await client.next("ack", "/", 3);
    },
  },

  "retries: one event after the other, each with an acknowledgement": {
    script: { event: ackAll },
    options: { socket: { retries: 3, ack_timeout_ms: 2000 } },
    async play({ client, server }) {
      await client.connect("/");
      for (const n of [1, 2, 3]) {
        client.do("emit", "/", "echo", [n]);
      }
      await client.do("emit_ack", "/", "ask", [4, bytes], 7, 0);
      await client.next("ack", "/", 7);
      await server.got(/ bAQID/);
    },
  },

  "retries: the second waits for the answer to the first": {
    options: { socket: { retries: 3, ack_timeout_ms: 5000 } },
    async play({ client, server }) {
      await client.connect("/");
      client.do("emit", "/", "first", []);
      client.do("emit", "/", "second", []);
      await server.got(/first/);
      // Answers do not queue.
      await client.do("on", "/", "marker", "reply");
      server.session.send('429["marker"]');
      await server.got(/ 439/);
      acknowledge(server.session, { nsp: "/", id: 0 });
      await server.got(/second/);
    },
  },

  "retries: sent again when no answer comes in time, then given up, then the next": {
    options: { socket: { retries: 2, ack_timeout_ms: 1000 } },
    script: { event: (session, packet) => packet.data[0] === "answered" && ackAll(session, packet) },
    async play({ client }) {
      await client.connect("/");
      client.do("emit_ack", "/", "never answered", [], 1, 0);
      client.do("emit_ack", "/", "answered", [], 2, 0);
      await client.next("ack", "/", 1);
      await client.next("ack", "/", 2);
    },
  },

  "retries: answered at the second try": {
    options: { socket: { retries: 5, ack_timeout_ms: 1000 } },
    script: { event: (session, packet) => packet.id % 2 === 1 && ackAll(session, packet) },
    async play({ client }) {
      await client.connect("/");
      client.do("emit_ack", "/", "a", [bytes], 1, 0);
      client.do("emit_ack", "/", "b", [2], 2, 0);
      await client.next("ack", "/", 1);
      await client.next("ack", "/", 2);
    },
  },

  "retries: sent again over the next connection": {
    options: { socket: { retries: 3, ack_timeout_ms: 4000 } },
    script: { event: (session, packet) => session.number > 1 && ackAll(session, packet) },
    async play({ client, server }) {
      await client.connect("/");
      client.do("emit_ack", "/", "a", [1], 1, 0);
      await client.do("emit_ack", "/", "b", [2], 2, 0);
      await server.got(/"a"/);
      await dropped({ client, server });
      await client.do("emit_ack", "/", "c", [3], 3, 0);
      await client.next("ack", "/", 3);
    },
  },

  "retries: given up when connections are lost too often": {
    options: { socket: { retries: 1, ack_timeout_ms: 4000 } },
    async play({ client, server }) {
      await client.connect("/");
      await client.do("emit_ack", "/", "a", [1], 1, 0);
      for (const n of [1, 2]) {
        await server.got(/"a"/, n);
        await dropped({ client, server });
        await client.next("connect", "/");
      }
      await client.next("ack", "/", 1);
    },
  },

  "retries: queued before the first connection": {
    options: { no_auto_connect: true, socket: { retries: 3, ack_timeout_ms: 2000 } },
    script: { event: ackAll },
    async play({ client }) {
      await client.do("socket", "/");
      client.do("emit", "/", "a", [1]);
      client.do("emit_ack", "/", "b", [2], 1, 0);
      client.do("emit", "/", "v", [], true);
      await client.do("connect", "/");
      await client.next("ack", "/", 1);
    },
  },

  "recovery: the private id and the offset of the last event are sent": {
    script: { connect: withPid },
    async play({ client, server }) {
      await client.connect("/");
      await client.do("on", "/", "e");
      server.session.send('42["e",1,"offset1"]', '42["e",{"x":1},"offset2"]', '42["e","not the last",3]');
      await eventually(() => client.all("event").length === 3, "3 events");
      await dropped({ client, server });
      await client.next("connect", "/");
    },
  },

  "recovery: without an event there is no offset": {
    script: { connect: withPid },
    async play({ client, server }) {
      await client.connect("/");
      await dropped({ client, server });
      await client.next("connect", "/");
    },
  },

  "recovery: with auth, binary events, and other namespaces": {
    options: { socket: { auth: '{"token":"t"}' } },
    script: { connect: (session, packet) => accept(session, packet, { pid: `pid of ${packet.nsp}` }) },
    async play({ client, server }) {
      await client.connect("/");
      await client.connect("/nsp");
      await client.do("on", "/", "e");
      server.session.send('451-["e",{"_placeholder":true,"num":0},"o\\"ff"]', bytes);
      await client.next("event", "/", "e");
      await dropped({ client, server });
      await client.next("connect", "/nsp");
    },
  },

  "recovery: an event with an acknowledgement counts": {
    script: { connect: withPid },
    async play({ client, server }) {
      await client.connect("/");
      await client.do("on", "/", "e", "reply");
      server.session.send('421["e","first"]');
      await server.got(/431/);
      await dropped({ client, server });
      await client.next("connect", "/");
    },
  },

  "recovery: what was missed comes before CONNECT, and is delivered first": {
    script: {
      connect(session, packet, number) {
        if (number > 1) {
          session.send('42["e","missed","o1"]', '451-["e",{"_placeholder":true,"num":0},"o2"]', bytes);
        }
        withPid(session, packet);
        session.send('42["e","fresh","o3"]');
      },
    },
    async play({ client, server }) {
      client.do("socket", "/");
      await client.do("on", "/", "e");
      await eventually(() => client.all("event").length === 1, "an event");
      await dropped({ client, server });
      await eventually(() => client.all("event").length === 4, "4 events");
      await dropped({ client, server });
      await eventually(() => client.all("event").length === 7, "7 events");
    },
  },

  "recovery: another private id means that the state is lost": {
    script: { connect: (session, packet, number) => accept(session, packet, { pid: `pid${number}` }) },
    async play({ client, server }) {
      await client.connect("/");
      for (let i = 0; i < 2; i++) {
        await dropped({ client, server });
        await client.next("connect", "/");
      }
    },
  },

  "recovery: buffered events follow the ones that were restored": {
    script: { connect: withPid, event: ackAll },
    async play({ client, server }) {
      await client.connect("/");
      await dropped({ client, server });
      client.do("emit", "/", "a", [1]);
      client.do("emit_ack", "/", "b", [2], 1, 0);
      await client.next("ack", "/", 1);
    },
  },

  "connect_error: the namespace is left alone, and asked for again by hand": {
    script: {
      connect(session, packet) {
        if (packet.nsp === "/no" && packet.data?.ok !== true) {
          session.send('44/no,{"message":"not you","data":{"why":[1]}}');
        } else {
          accept(session, packet);
        }
      },
    },
    async play({ client, server }) {
      await client.connect("/");
      await client.do("socket", "/no");
      await client.next("connect_error", "/no");
      await client.do("emit", "/no", "waits", []);
      await client.do("set_auth", "/no", '{"ok":true}');
      await client.do("connect", "/no");
      await client.next("connect", "/no");
      await server.got(/waits/);
    },
  },

  "io server disconnect, then by hand": {
    async play({ client, server }) {
      await client.connect("/");
      await client.connect("/nsp");
      server.session.send("41/nsp,");
      await client.next("disconnect", "/nsp");
      await client.do("emit", "/nsp", "waits", [1]);
      await client.do("connect", "/nsp");
      await client.next("connect", "/nsp");
      await server.got(/waits/);
    },
  },

  "io client disconnect, then by hand over a new connection": {
    async play({ client, server }) {
      await client.connect("/");
      await client.do("emit", "/", "last", []);
      await client.do("disconnect", "/");
      await client.next("disconnect", "/");
      await client.notice("close");
      await client.do("emit", "/", "waits", [1]);
      await client.do("connect", "/");
      await client.next("connect", "/");
      await server.got(/2 .*waits/);
    },
  },

  "catch-all listeners": {
    script: { event: (session) => session.send('42["answer",1]') },
    async play({ client, server }) {
      await client.connect("/");
      await client.do("any", "/");
      await client.do("any_outgoing", "/");
      await client.do("on", "/", "answer");
      await client.do("emit", "/", "question", [bytes]);
      await client.next("event", "/", "answer");
      await server.got(/ bAQID/);
    },
  },
};

/** What the application was told, without what the official client does not say. */
function told(client) {
  const kinds = ["connect", "connect_error", "disconnect", "event", "any", "outgoing", "ack", "auth"];
  return client.reports
    .filter(([kind]) => kinds.includes(kind))
    .map(([kind, ...rest]) => [kind, ...(kind === "disconnect" || kind === "connect_error" ? rest.slice(0, 2) : rest)]);
}

async function run(t, official, { script, options, play, begin }, more) {
  const server = await ScriptedServer.start(t, script);
  const client = await newClient(t, server, { ...quickly, ...more, ...options }, { official });
  const played = play({ client, server });
  if (begin) {
    await begin(client);
  }
  await played;
  await client.do("state", "/"); // what belongs to the last packet has been told
  // A new session may begin while the last one is still taking leave.
  const sent = [...server.sent].sort((a, b) => parseInt(a) - parseInt(b));
  const outcome = { sent, told: told(client) };
  await client.end();
  return outcome;
}

for (const mode of ["websocket", "polling"]) {
  describe(`The same packets as the official client, ${mode}`, { skip: reference && "it is the official one" }, () => {
    for (const [name, scene] of Object.entries(scenes)) {
      it(name, async (t) => {
        const expected = await run(t, true, scene, transports[mode]);
        const actual = await run(t, false, scene, transports[mode]);
        assert.deepEqual(actual.sent, expected.sent);
        assert.deepEqual(actual.told, expected.told);
      });
    }
  });
}
