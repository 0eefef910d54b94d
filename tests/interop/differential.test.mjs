/**
 * Our decoders against the official ones (engine.io-parser, socket.io-parser) without any network: thousands of
 * packets, most of them damaged, are decoded by both, and what is accepted, refused and decoded must be the same. The
 * packets are made by a generator with a fixed seed. Where we differ on purpose stands in the table `deliberate`: a
 * difference that no row explains fails the test, and so does a row that explains nothing any more.
 *
 * What we decode is told by tests/programs/packet_probe.c; the forms of its input and output are described there.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

const require = createRequire(import.meta.url);
/** The parsers that the official server itself uses. */
const { Decoder } = createRequire(require.resolve("socket.io"))("socket.io-parser");
const { decodePacket } = createRequire(require.resolve("engine.io"))("engine.io-parser");

const here = dirname(fileURLToPath(import.meta.url));
const buildDir = process.env.SIO_BUILD_DIR ?? resolve(here, "../../build/release");
const probe = resolve(buildDir, "tests/packet_probe");

const SEED = 20260101;
const MUTANTS = 12000;
const COMPOSED = 8000;

// --------------------------------------------------------------------------------------------- what they make of it

/** A value in the form of JSON with `{$bytes}` for binary data, so that both sides can be compared. */
function plain(value, bytesOf) {
  const bytes = bytesOf(value);
  if (bytes !== undefined) {
    return { $bytes: bytes };
  }
  if (Array.isArray(value)) {
    return value.map((element) => plain(element, bytesOf));
  }
  if (value !== null && typeof value === "object") {
    return Object.entries(value).map(([key, member]) => [key, plain(member, bytesOf)]);
  }
  return Object.is(value, -0) ? 0 : value;
}

/** The outcome of a list of messages (strings are text frames, Buffers binary ones) in the official parsers. */
function theirs(messages) {
  const packets = [];
  const decoder = new Decoder();
  decoder.on("decoded", ({ type, nsp, id, data }) =>
    packets.push({ type, nsp, id, data: plain(data, (v) => (Buffer.isBuffer(v) ? v.toString("hex") : undefined)) }),
  );
  for (const message of messages) {
    const packet = decodePacket(message, "nodebuffer");
    if (packet.type === "error") {
      return { packets, error: "parse error", waiting: false };
    }
    if (packet.type !== "message") {
      packets.push({ eio: packet.type, data: packet.data ?? "" });
      continue;
    }
    try {
      decoder.add(packet.data);
    } catch (error) {
      return { packets, error: error.message, waiting: false };
    }
  }
  return { packets, error: null, waiting: decoder.reconstructor != null };
}

// ---------------------------------------------------------------------------------------------- what we make of it

const toWord = (message) => `${typeof message === "string" ? "t" : "b"}:${Buffer.from(message).toString("hex")}`;

/** The outcomes of many lists of messages in our decoders. */
function ours(conversations) {
  const { status, stdout, stderr, error } = spawnSync(probe, {
    input: conversations.map((messages) => `${messages.map(toWord).join(" ")}\n`).join(""),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  assert.ifError(error);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split("\n").map(fromLine);
}

function fromLine(line) {
  const { packets, error, waiting, taken } = JSON.parse(line);
  return { packets: packets.map(fromProbe), error, waiting: waiting && error === null, taken };
}

function fromProbe(packet) {
  if (packet.eio) {
    return packet;
  }
  const { type, nsp, id, data, attachments } = packet;
  const bytesOf = (v) => (attachments && v?._placeholder === true ? attachments[v.num] : undefined);
  return { type, nsp, id, data: plain(data, bytesOf) };
}

/** Errors of both sides in the same words. */
function sameError(their, our) {
  if (their === null || our === null) {
    return their === our;
  }
  if (our === "unknown packet type") {
    // The official parser fails on an empty message as it is no string any more.
    return their.startsWith("unknown packet type") || their.startsWith("Cannot read properties of undefined");
  }
  return their === our;
}

const same = (their, our) =>
  sameError(their.error, our.error) &&
  their.waiting === our.waiting &&
  isDeepStrictEqual(their.packets, our.packets);

// -------------------------------------------------------------------------------------------- where we differ, and why

/** Takes the head of a Socket.IO packet off, as far as it is well-formed: what is left begins with id or JSON. */
const afterHead = (text) => /^4[0-6](?:(?<=[56])\d+-)?(?:\/[^,]*,?)?(.*)$/s.exec(text)?.[1] ?? "";

const isCanonicalBase64 = (digits) => {
  const canonical = Buffer.from(digits, "base64").toString("base64");
  return digits === canonical || digits === canonical.replace(/=+$/, "");
};

/** A value in which each string is what `change` makes of it. */
function mapStrings(value, change) {
  if (Array.isArray(value)) {
    return value.map((element) => mapStrings(element, change));
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, mapStrings(member, change)]));
  }
  return typeof value === "string" ? change(value) : value;
}

const withoutIds = (packets) => packets.map((packet) => ({ ...packet, id: undefined }));
const withoutSurrogates = (packets) => mapStrings(packets, (string) => string.replace(/\p{Surrogate}/gu, "\ufffd"));

/**
 * Each row is about messages that we refuse with `error` when `refused` holds of their text, whatever the official
 * parsers make of them; or about packets that are the same on both sides once `altered` (and what other rows have for
 * it) was applied to them.
 */
const deliberate = [
  {
    what: "a blank is no packet type (JavaScript reads it as the number 0)",
    refused: (text) => /^4\s/.test(text),
    error: "unknown packet type",
  },
  {
    what: "the number of attachments is decimal digits (JavaScript reads blanks, signs, 1e0, 0x1, 1.0 as numbers)",
    refused: (text) => /^4[56](?!\d+-)[^-]*-/.test(text),
    error: "Illegal attachments",
  },
  {
    what: "a number of attachments beyond the range of a double is too many (JavaScript reads Infinity)",
    refused: (text) => /^4[56]\d{309,}-/.test(text),
    error: "too many attachments",
  },
  {
    what: "acknowledgement ids beyond 2^53-1 are refused (JavaScript answers with another id than was sent)",
    refused: (text) => Number(/^\d*/.exec(afterHead(text))[0]) > Number.MAX_SAFE_INTEGER,
    error: "Illegal acknowledgement id",
  },
  {
    what: "white space is no part of an acknowledgement id (JavaScript reads it as digits), it may only precede JSON",
    refused: (text) => /^\d*\s/.test(afterHead(text)),
    error: "invalid payload",
  },
  {
    what: "lone surrogates become U+FFFD (they cannot be written in UTF-8)",
    altered: withoutSurrogates,
  },
  {
    what: "white space before JSON does not make an acknowledgement id (JavaScript reads it as 0)",
    altered: withoutIds,
  },
  {
    what: "base64 is that of RFC 4648, padding may be missing (JavaScript skips what is no base64)",
    refused: (text) => text.startsWith("b") && !isCanonicalBase64(text.slice(1)),
    error: "parse error",
  },
  {
    what: "the number of a placeholder is an integer (JavaScript replaces 0.5 by undefined)",
    // The text is an earlier message: what is refused is the last attachment.
    refused: (text, messages) => messages.some((m) => /"num":[\d.]*\.\d*[1-9]/.test(m)),
    error: "illegal attachments",
  },
  {
    what: "numbers beyond the range of a double are refused (JavaScript reads Infinity)",
    refused: (text) => /\d[eE]\+?\d{3,}/.test(text),
    error: "invalid payload",
  },
];

const alter = (packets) => withoutSurrogates(withoutIds(packets));

function explains({ refused, error, altered }, messages, their, our) {
  if (altered) {
    const changes = !isDeepStrictEqual(altered(their.packets), their.packets);
    return changes && same({ ...their, packets: alter(their.packets) }, { ...our, packets: alter(our.packets) });
  }
  const before = their.packets.slice(0, our.packets.length);
  return (
    our.error === error &&
    refused(String(messages[our.taken]), messages) &&
    isDeepStrictEqual(alter(before), alter(our.packets))
  );
}

// ------------------------------------------------------------------------------------------------------- the generator

/** mulberry32: numbers in [0, 1), the same on every machine. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = generator(SEED);
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const bytes = (...values) => Buffer.from(values);
const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;

/** What peers of good faith send. */
const valid = [
  ["40"],
  ['40{"token":"123"}'],
  ['40/admin,{"token":"abc","a":[1,2.5,null,true,"\u20ac"]}'],
  ["40/admin,"],
  ["40/a?x=1&y=2,"],
  ['40{"sid":"wZX3oN0bSVIhsaknAAAI","pid":"_9EQZf--4QZv52QrAAAD"}'],
  ["41"],
  ["41/admin,"],
  ['42["foo",1]'],
  ['42["echo","xxx"]'],
  ['4212["foo"]'],
  ['42/admin,456["project:delete",123]'],
  ['42["deep",{"a":{"b":[[[{"c":null}]]]},"d":"\\u00e9\\n\\"\\\\"}]'],
  ["42[7,1e21,-0,0.1,1e-7,5e-324,123456789012345680000,-9007199254740993]"],
  ["43/admin,13[]"],
  ['430["bar"]'],
  ['44{"message":"Not authorized","data":{"code":7}}'],
  ['44/no,"plain"'],
  [`451-["baz",${placeholder(0)}]`, bytes(1, 2, 3, 4)],
  [`452-/admin,3["baz",${placeholder(1)},{"x":[${placeholder(0)},${placeholder(1)}]}]`, bytes(1), bytes()],
  [`461-/admin,456[${placeholder(0)}]`, bytes(0x1e, 0xff)],
  [`451-["baz",${placeholder(0)}]`, "bAQIDBA=="],
  [`4510-["ten"${[..."0123456789"].map((n) => `,${placeholder(n)}`).join("")}]`, ...Array(10).fill(bytes(5))],
  ["2", '42["x"]', "2probe", "3", "5", "6"],
  ['42["a"]', `451-["b",${placeholder(0)}]`, bytes(9), '42["c"]', "41"],
];

/** Malformed on purpose; among it what advisories on implementations of the protocol were about. */
const hostile = [
  [""], ["4"], ["7"], ["abc"], ["4abc"], ["47"], ["48[]"], ["4 "], ["4\t{}"], ["42{}"], ["42[]"], ["42[null]"],
  ['42["connect"]'], ['42["disconnecting",1]'], ['42["\\u0063onnect"]'], ['42["newListener"]'], ['42["Connect"]'],
  ['42[{"toString":"foo"}]'], ["42[[]]"], ["42[true]"], ["42[1,2]"], ["42[-1.5]"], ["42"], ["43"], ["430[]"], ["43{}"],
  ["40[]"], ['40"x"'], ["40null"], ["41{}"], ["41 "], ["44"], ["44[]"], ["44{}"], ["44 {}"], ["4/"], ["40/"], ["40/,"],
  ["40/,/x"], ["40/zzz"], ["42/a"], ['42/a["x",1]'], ['42abc["x"]'], ['42-1["x"]'], ['42 ["x"]'], ['421 2["x"]'],
  ['42\u00a0["x"]'], ['429007199254740991["x"]'], ['429007199254740992["x"]'], [`43${"9".repeat(400)}[]`],
  ['4200000000000000000000007["x"]'], ["45"], ["46"], ["45-"], ["45[]"], ['450-["x"]', bytes(1), bytes(2)],
  [`450-["x",${placeholder(0)}]`, bytes(1)], ['45["x"]'], ['4511-["x"]'], ["459999999-"], ['45-1-["x"]'],
  ['451e0-["x"]'],
  ['45+1-["x"]'], ['45 1-["x"]'], ['450x1-["x"]'], ['451.0-["x"]'], ['451.5-["x"]'], ['4501-["x"]', bytes(1)],
  [`45${"9".repeat(400)}-["x"]`], ["451-", bytes(1)], ["451-{}", bytes(1)], ['451-["connect"]', bytes(1)],
  ...["1", "-1", '"0"', "0.5", "1e0", "0.0", "-0", "null", "9007199254740992", "[0]", "{}", "true"].map((num) => [
    `451-["x",${placeholder(num)}]`,
    bytes(1),
  ]),
  ['451-["x",{"_placeholder":true}]', bytes(1)],
  ['451-["x",{"_placeholder":1,"num":0}]', bytes(1)],
  ['451-["x",{"_placeholder":"true","num":7}]', bytes(1)],
  ['451-["x",{"num":0,"a":{"b":1},"_placeholder":true}]', bytes(1)],
  ['451-["x",{"_placeholder":false,"_placeholder":true,"num":0}]', bytes(1)],
  ['451-[{"_placeholder":true,"num":0}]', bytes(1)],
  ['451-["x",{"__proto__":{"_placeholder":true,"num":0}}]', bytes(1)],
  ['42["x",{"_placeholder":true,"num":7}]'],
  ['42["x",{"__proto__":1,"constructor":2}]'],
  ['42["x",{"a":1,"b":2,"a":3}]'],
  ['42["x","\\ud800","\\udc00\\ud800","\\ud83d\\ude00"]'],
  ['42["x",1e999,-1e999]'], ['42["x",1e-999]'], ['42["x",01]'], ['42["x",+1]'], ['42["x",.5]'], ['42["x",1.]'],
  ['42["x",NaN]'], ['42["x",\'y\']'], ['42["x",]'], ['42["x"],'], ['42["x"]]'], ['42["x"] '], ['42["x"]\u0000'],
  ['42["x\u0001"]'], ['42["x\t"]'], ['42["\\x41"]'], ['42["\\u12"]'], ["42\ufeff[]"], ['42["x"/**/]'],
  [bytes(1)], [bytes()], ["b"], ["bAQID"], [`451-["x",${placeholder(0)}]`, '42["y"]'],
  [`451-["x",${placeholder(0)}]`, bytes(1), bytes(2)], [`452-["x",${placeholder(0)}]`, bytes(1)],
  ...["AQI", "AQ=", "AQ==AQ==", "AR==", "A", "====", "-_-_", "AQ ID", "AQID\n", "+/+/", "AQI=="].map((digits) => [
    `451-["x",${placeholder(0)}]`,
    `b${digits}`,
  ]),
  [`451-["x",${placeholder(0)}]`, "2", bytes(1)],
];

const pieces = {
  type: ["0", "1", "2", "2", "3", "4", "5", "5", "6", "6", "7", "a", " ", ""],
  attachments: [
    "", "", "1-", "1-", "2-", "0-", "10-", "11-", "01-", "1", "-", "1e0-", " 1-", "-1-", "1.5-", "99999999999-",
  ],
  nsp: ["", "", "", "/,", "/a,", "/a", "/admin/x,", "/a?b=c,", ",", "/\u00e9,", "//,"],
  id: ["", "", "", "0", "1", "42", "007", "9007199254740991", "9007199254740993", " ", "1 ", "-1", "1.5", "1e3"],
  json: [
    "", "", "{}", "[]", '{"a":1}', '["x"]', '["x",1,{"y":[null]}]', "[1]", "[null]", "[{}]", '"x"', "1", "null",
    "false", '["connect"]', '["disconnect",1]', `["x",${placeholder(0)}]`, `["x",${placeholder(1)}]`,
    `[${placeholder(0)}]`,
    `["x",${placeholder('"0"')}]`, "[", '["x"', '["x"]x', " ", ' ["x"]', '["x"] ', '{"a":1,"a":2}', '["\\ud800"]',
  ],
  last: [[], [], [bytes(1)], [bytes(1), bytes(2)], ["bAQ=="], ['42["y"]'], ["2"], [bytes(1), '42["y"]']],
};

/** A packet put together from parts that are right or wrong each for itself. */
function compose() {
  const text = ["type", "attachments", "nsp", "id", "json"].map((part) => pick(pieces[part])).join("");
  return [`4${text}`, ...pick(pieces.last)];
}

const ALPHABET = [
  ..."0123456789", ..."0125", ..."-,/[]{}\":.eEb ", "\\", "\t", "\n", "a", "x", "\u00e9", "\u20ac", "\u{1f600}",
  "\\u0041", "\\ud800", "null", "true", '"_placeholder"', '"num":', placeholder(0), "1e400",
];

/** A text with one part of it deleted, replaced, doubled, moved, or something put into it. */
function damage(text) {
  // By code points, so that no surrogate pair is cut: what comes is UTF-8.
  const chars = [...text];
  const at = below(chars.length + 1);
  const count = below(3) === 0 ? below(12) : 1;
  switch (below(5)) {
    case 0:
      chars.splice(at, count);
      break;
    case 1:
      chars.splice(at, count, pick(ALPHABET));
      break;
    case 2:
      chars.splice(at, 0, ...chars.slice(at, at + count));
      break;
    case 3:
      chars.splice(at, 0, ...chars.splice(below(chars.length + 1), count));
      break;
    default:
      chars.splice(at, 0, pick(ALPHABET));
  }
  return chars.join("");
}

/** A list of messages with one to three faults. */
function mutate(messages) {
  const list = [...messages];
  for (let faults = 1 + below(3); faults > 0 && list.length > 0; faults--) {
    const at = below(list.length);
    switch (below(8)) {
      case 0:
        list.splice(at, 1);
        break;
      case 1:
        list.splice(at, 0, pick(list));
        break;
      case 2:
        list.splice(at, 0, pick(pick(valid)));
        break;
      default:
        if (typeof list[at] === "string") {
          list[at] = damage(list[at]);
        } else {
          list[at] = below(2) === 0 ? `b${list[at].toString("base64")}` : Buffer.from([below(256)]);
        }
    }
  }
  return list;
}

function corpus() {
  const mutants = Array.from({ length: MUTANTS }, () => mutate(pick(below(3) === 0 ? hostile : valid)));
  return [...valid, ...hostile, ...Array.from({ length: COMPOSED }, compose), ...mutants];
}

// ------------------------------------------------------------------------------------------------------------ the test

const skip = process.env.SIO_REFERENCE === "1" && "nothing of ours is under test";

it("decodes and refuses what the official parsers do, but for the differences listed", { skip }, () => {
  const conversations = corpus();
  const answers = ours(conversations);
  assert.equal(answers.length, conversations.length);

  const used = new Set();
  const unexplained = [];
  let accepted = 0;
  conversations.forEach((messages, i) => {
    const their = theirs(messages);
    const our = answers[i];
    accepted += our.error === null ? 1 : 0;
    if (same(their, our)) {
      return;
    }
    const reason = deliberate.find((row) => explains(row, messages, their, our));
    if (reason) {
      used.add(reason);
    } else {
      unexplained.push({ messages, their, our });
    }
  });

  assert.deepEqual(unexplained.slice(0, 10), [], `${unexplained.length} differences without an explanation`);
  assert.deepEqual(deliberate.filter((reason) => !used.has(reason)).map(({ what }) => what), []);
  // The corpus must not consist of rubbish alone, nor of what is fine.
  assert.ok(accepted > conversations.length / 10 && accepted < (conversations.length * 9) / 10, `${accepted} accepted`);
});
