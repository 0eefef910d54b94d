/** Servers that break the rules of Socket.IO. */
import { describe } from "node:test";
import { flood, attack } from "./hostile.mjs";
import { frame, opcode } from "../support.mjs";

const connect = '40{"sid":"s"}';
const alive = '42["alive"]';

/** What a connected socket gets; then the event that tells that it lives. */
const gets = (...packets) => ({ connected: (session) => session.send(connect, packets, alive) });
const harmless = (...packets) => ({ ...gets(...packets), expected: "harmless" });
const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;

describe("answers to CONNECT", () => {
  for (const packet of [
    "40",
    "40{}",
    '40{"sid":1}',
    '40{"sid":null}',
    "40[]",
    '40"s"',
    "401",
    "40nonsense",
    '40{"sid":',
    '40{"sid":"s"}x',
    '400-{"sid":"s"}',
    '401{"sid":"s"}',
  ]) {
    attack(`as ${packet}`, { connected: (session) => session.send(packet, alive) });
  }
  attack("that never come", { connected: () => {}, quiet: true });
  attack("that come twice", harmless(connect, '40{"sid":"other"}'));
  attack(
    "of namespaces that nobody asked for",
    harmless('40/never,{"sid":"x"}', '44/never,{"message":"x"}', "41/never,")
  );
  attack("of a hundred thousand namespaces", {
    ...harmless(Array.from({ length: 100000 }, (_, i) => `40/${i},{"sid":"x"}`)),
    memory: 20e6,
  });
  for (const packet of [
    '44{"message":"no"}',
    "44{}",
    "44",
    '44"no"',
    "44[]",
    '44{"message":1}',
    '44{"message":"no","data":{"a":[1]}}',
  ]) {
    attack(`that refuse, as ${packet}`, { connected: (session) => session.send(packet) });
  }
  attack("that refuse what is connected", harmless('44{"message":"late"}'));
  attack("after a hundred thousand tiny events", {
    connected: (session) => session.send(Array(100000).fill('42["a"]'), connect, alive),
    memory: 60e6,
    expected: "harmless",
  });
  attack("after events without end", {
    transports: ["websocket"],
    connected: (session) => flood(session.socket, frame(opcode.text, '42["a"]', { mask: false })),
    memory: 30e6,
  });
  attack("after large events without end", {
    transports: ["websocket"],
    connected: (session) => flood(session.socket, frame(opcode.text, `42["${"a".repeat(60000)}"]`, { mask: false })),
    memory: 20e6,
  });
  attack("by a DISCONNECT", { connected: (session) => session.send("41") });
});

describe("packets", () => {
  for (const packet of [
    "47",
    "48",
    "49",
    "4x",
    "4",
    "4-1",
    "4\u2603",
    "42",
    "42{}",
    '42"x"',
    "42[",
    "42[]x",
    "421",
    "42-1[]",
    '42/,["x"',
    "42null",
  ]) {
    attack(`as ${packet}`, gets(packet));
  }
  attack("of deep nesting", { ...gets(`42["x",${"[".repeat(500000)}${"]".repeat(500000)}]`), memory: 40e6 });
  attack("of deep nesting that breaks off", { ...gets(`42["x",${"[".repeat(1000000)}`), memory: 40e6 });
  attack("of deep objects", { ...gets(`42["x",${'{"a":'.repeat(200000)}1${"}".repeat(200000)}]`), memory: 40e6 });
  attack("of numbers beyond all bounds", gets('42["x",1e400]'));
  attack("of numbers beyond all precision", harmless('42["x",1e-400]', `42["x",0.${"9".repeat(100000)}]`));
  attack("of a hundred thousand digits", gets(`42["x",${"9".repeat(100000)}]`));
  attack("of strings with lone surrogates", harmless('42["x","\\ud800"]'));
  attack("of a name twice", harmless('42["x",{"a":1,"a":2,"__proto__":3}]'));
  attack("of 100 MB", {
    transports: ["polling"],
    poll: (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n42["') && flood(socket, "x", 100e6),
    memory: 40e6,
  });
  attack("of 100 MB in fragments", {
    transports: ["websocket"],
    connected: async (session) => {
      session.send(connect).frame(opcode.text, '42["', { fin: false });
      flood(session.socket, frame(opcode.continuation, "x".repeat(60000), { mask: false, fin: false }), 100e6);
    },
    memory: 40e6,
  });
});

describe("acknowledgements", () => {
  attack(
    "that nobody asked for",
    harmless("430[]", '43123456["x"]', "43999999999[]", '461-5[{"_placeholder":true,"num":0}]', Buffer.from("x"))
  );
  attack("that come twice", {
    packet: (session, packet) => packet.includes('"seq"') && session.send("430[1]", "430[2]", alive),
    connected: (session) => session.send(connect),
    options: {},
    expected: "harmless",
    command: "emit 1",
  });
  for (const packet of [
    "4318446744073709551615[]",
    "4318446744073709551616[]",
    `43${"9".repeat(1000)}[]`,
    "43[]",
    '430{"a":1}',
    "430",
    "43-1[]",
  ]) {
    attack(`as ${packet.slice(0, 40)}`, gets(packet));
  }
  attack("that events ask for with huge numbers", gets('4218446744073709551615["x"]'));
});

describe("attachments", () => {
  attack("that nobody announced", gets(Buffer.from("x")));
  attack("after a packet that has none", gets('450-["x"]', Buffer.from("x")));
  for (const packet of [
    '4559999999-["x"]',
    '451000000-["x"]',
    '4511-["x"]',
    '45-["x"]',
    '45["x"]',
    '45-1-["x"]',
    '451["x"]',
    '4518446744073709551617-["x"]',
  ]) {
    attack(`as ${packet}`, gets(packet));
  }
  for (const num of [
    '"0"',
    "-1",
    "0.5",
    "1",
    "9007199254740992",
    "18446744073709551616",
    "null",
    "true",
    "{}",
    '"__proto__"',
    "1e999",
  ]) {
    attack(`with the placeholder ${num}`, gets(`451-["x",${placeholder(num)}]`, Buffer.from("x")));
  }
  attack("with one placeholder twice", gets(`451-["x",${placeholder(0)},${placeholder(0)}]`, Buffer.from("x")));
  attack(
    "with a placeholder for less than all",
    gets(`452-["x",${placeholder(0)}]`, Buffer.from("x"), Buffer.from("y"))
  );
  attack("with a placeholder in place of the name", gets(`451-[${placeholder(0)}]`, Buffer.from("x")));
  attack("with placeholders in an event without", harmless(`42["x",${placeholder(0)}]`));
  attack("that fail to come", {
    connected: (session) => session.send(connect, `452-["x",${placeholder(0)},${placeholder(1)}]`, Buffer.from("x")),
    quiet: true,
  });
  attack("that are interrupted by an event", gets(`451-["x",${placeholder(0)}]`, '42["y"]'));
  attack("that are interrupted by DISCONNECT", gets(`451-["x",${placeholder(0)}]`, "41"));
  attack("that are too large together", {
    connected: (session) => {
      session.send(connect, `4510-["x",${Array.from({ length: 10 }, (_, i) => placeholder(i))}]`);
      for (let i = 0; i < 10; i++) {
        session.send(Buffer.alloc(3e6));
      }
    },
    transports: ["websocket"],
    memory: 45e6,
  });
});

describe("names of events", () => {
  for (const name of ["1", "null", "true", "{}", "[]", '{"toString":"x"}', "1e999"]) {
    attack(`that are ${name}`, gets(`42[${name}]`));
  }
  attack("that are missing", gets("42[]"));
  attack("that are empty", harmless('42[""]'));
  for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
    attack(`that are reserved, ${name}`, gets(`42["${name}"]`));
  }
  attack("that are long", harmless(`42["${"x".repeat(100000)}"]`));
  attack("that have a NUL", harmless('42["a\\u0000b"]'));
});

describe("ends", () => {
  attack("of a socket, by the server", gets("41"));
  attack("of another socket", harmless("41/other,"));
  attack("of a socket, with data", gets('41{"a":1}'));
  attack("of a socket, twice", gets("41", "41"));
});
