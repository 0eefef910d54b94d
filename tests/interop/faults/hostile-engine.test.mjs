/** Servers that break the rules of Engine.IO. */
import { describe } from "node:test";
import { attack, flood, handshake, openPacket, switching } from "./hostile.mjs";
import { closePayload, frame, opcode, reset } from "../support.mjs";

const open = (packet, more) => ({ open: packet, ...more });
const without = (name) => openPacket({ [name]: undefined });
const withText = (name, text) => `0${JSON.stringify({ ...handshake, [name]: "@" }).replace('"@"', text)}`;
const alive = (session) => session.send('40{"sid":"s"}', '42["alive"]');

describe("open packets", () => {
  for (const name of ["sid", "pingInterval", "pingTimeout", "upgrades"]) {
    attack(`without ${name}`, open(without(name)));
  }
  for (const text of [
    "1",
    "null",
    '""',
    '"a b"',
    '"a\\r\\nX: y"',
    '"a&transport=x"',
    '"\\u0000"',
    '"é"',
    `"${"x".repeat(257)}"`,
    `"${"x".repeat(100000)}"`,
  ]) {
    attack(
      `with the sid ${text.slice(0, 40)}, ${text.length} characters`,
      open(withText("sid", text), text.includes("&") ? { connected: alive, expected: "harmless" } : {})
    );
  }
  for (const text of [
    "-1",
    "1e300",
    "2147483648",
    "1.5",
    "null",
    '"1000"',
    "true",
    "[]",
    "NaN",
    "18446744073709551616",
  ]) {
    attack(`with the ping interval ${text}`, open(withText("pingInterval", text)));
    attack(`with the ping timeout ${text}`, open(withText("pingTimeout", text)));
  }
  attack("with no time for the heartbeat", open(openPacket({ pingInterval: 0, pingTimeout: 0 })));
  attack(
    "with next to no time for the heartbeat",
    open(openPacket({ pingInterval: 0, pingTimeout: 1 }), { connected: () => {} })
  );
  for (const text of ["null", "{}", '"websocket"', "[1]", "[null]"]) {
    attack(`with the upgrades ${text}`, open(withText("upgrades", text)));
  }
  attack(
    "with unknown upgrades",
    open(openPacket({ upgrades: ["webtransport", "constructor", "", "x".repeat(1000)] }), {
      connected: alive,
      expected: "harmless",
    })
  );
  attack(
    "with a million upgrades",
    open(openPacket({ upgrades: Array(100000).fill("x") }), { connected: alive, expected: "harmless", memory: 6e6 })
  );
  for (const text of ["0", "1", "1e15", "18446744073709551615", "null"]) {
    attack(
      `with the maximal payload ${text}`,
      open(withText("maxPayload", text), { connected: alive, expected: "harmless" })
    );
  }
  for (const text of ["-1", '"1"', "1.5", "[]"]) {
    attack(`with the maximal payload ${text}`, open(withText("maxPayload", text)));
  }
  for (const [name, packet] of Object.entries({
    "of no JSON": "0hello",
    "of nothing": "0",
    "of an array": "0[]",
    "of a number": "01",
    "of deep nesting": `0${"[".repeat(500000)}`,
    "of deep objects": `0${'{"a":'.repeat(200000)}`,
    "with a name twice": openPacket().replace("{", '{"sid":1,'),
  })) {
    attack(name, open(packet, { memory: 20e6 }));
  }
  for (const packet of ["1", "2", "3", '4["x"]', "5", "6", "7", "x", "", "\u2603"]) {
    attack(`that are ${JSON.stringify(packet)}`, open(packet));
  }
  attack("that are binary", {
    transports: ["websocket"],
    upgrade: (socket, request) =>
      socket.write(Buffer.concat([Buffer.from(switching(request)), frame(opcode.binary, "x", { mask: false })])),
  });
  attack("that come twice", {
    connected: (session) => session.send(openPacket({ sid: "other" })) && alive(session),
    expected: "harmless",
  });
});

describe("packets", () => {
  const sends = (packets, more) => ({
    connected: (session) => session.send('40{"sid":"s"}', packets, '42["alive"]'),
    expected: "harmless",
    ...more,
  });
  attack("of ping in a flood", sends(Array(100000).fill("2"), { memory: 6e6 }));
  attack("of pong in a flood", sends(Array(100000).fill("3"), { memory: 6e6 }));
  attack("of noop in a flood", sends(Array(100000).fill("6"), { memory: 6e6 }));
  attack("of ping with data", sends(["2probe", "2".repeat(100000)]));
  attack("of upgrade", sends(["5"]));
  for (const packet of ["7", "9", "x", "\u2603", "-1"]) {
    attack(`of the unknown type ${packet}`, sends([packet], { expected: undefined }));
  }
  attack("of close", sends(["1"], { expected: undefined, transports: ["polling"] }));
  attack("of close, which is nothing over WebSocket", sends(["1"], { transports: ["websocket"] }));
  attack("of close before the open packet", { open: "1" });
  attack("of close before CONNECT is answered", { connected: (session) => session.send("1"), transports: ["polling"] });
  attack("of bytes that are no base64", sends(["b####"], { expected: undefined }));
  attack("of bytes that are half base64", sends(["bAAA"], { expected: undefined }));
  attack("without end, of no bytes", {
    transports: ["polling"],
    poll: (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n") && flood(socket, "\x1e"),
    options: { "max-message": 100000 },
  });
  attack(
    "of CVE-2020-36048: a million in one payload",
    sends(Array(1000000).fill("6"), { transports: ["polling"], memory: 8e6 })
  );
});

describe("heartbeats", () => {
  attack("that fail to come", {
    open: openPacket({ pingInterval: 1500, pingTimeout: 1500 }),
    connected: (session) => session.send('40{"sid":"s"}'),
    quiet: true,
  });
  attack("that fail to come before CONNECT is answered", {
    open: openPacket({ pingInterval: 300, pingTimeout: 300 }),
    connected: () => {},
  });
});

describe("probes", () => {
  const transports = ["polling,websocket"];
  const upgrades = openPacket({ upgrades: ["websocket"] });
  const quick = openPacket({ upgrades: ["websocket"], pingInterval: 1000, pingTimeout: 500 });
  const fails = (hooks) => ({ transports, open: upgrades, ...hooks });
  for (const text of ["3", "3other", "2probe", "4", "0{}", "", "x", "3probe2"]) {
    attack(`that are answered by ${JSON.stringify(text)}`, fails({ probe: (session) => session.send(text) }));
  }
  attack("that are answered by bytes", fails({ probe: (session) => session.send(Buffer.from("3probe")) }));
  attack(
    "that are answered by a flood of pings",
    fails({ probe: (session) => flood(session.socket, frame(opcode.text, "2", { mask: false })) })
  );
  attack("that are closed", fails({ probe: (session) => session.frame(opcode.close, closePayload(1000)) }));
  attack("that are cut off", fails({ probe: (session) => session.socket.destroy() }));
  attack("that are reset", fails({ probe: (session) => reset(session.socket) }));
  attack(
    "that are refused",
    fails({ upgrade: (socket) => socket.write("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") })
  );
  attack(
    "that are answered by a broken frame",
    fails({ probe: (session) => session.frame(opcode.text, "3probe", { rsv: 2 }) })
  );
  attack(
    "that are answered twice",
    fails({ open: quick, probe: (session, message) => message === "2probe" && session.send("3probe", "3probe") })
  );
  attack(
    "that succeed while polling never ends",
    fails({ open: quick, probe: (session, message) => message === "2probe" && session.send("3probe") })
  );
  attack("that are never answered", fails({ open: quick, probe: () => {} }));
  attack(
    "that are cut off when they have succeeded",
    fails({
      open: quick,
      probe: (session, message) => {
        if (message === "2probe") {
          session.send("3probe");
          setTimeout(() => session.socket.destroy(), 50);
        }
      },
    })
  );
});
