/**
 * The other test files against servers that are refused memory, one allocation in so many. What the tests find does not
 * matter then: they may lose answers, events and connections. What matters is what becomes of every server that they
 * start: it lives to the end of its tests, works as soon as there is memory again, and ends in good order.
 *
 * The servers do as SIO_STARVE says (tests/programs/starve.h); support.mjs feeds them, tries them, and reports.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ms, reference } from "./support.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));

/** How short of memory the servers are, and with which tests. */
const runs = [
  ["socketio.test.mjs", 300],
  ["socketio.test.mjs", 40],
  ["socketio-broadcast.test.mjs", 200],
  ["socketio-lifecycle.test.mjs", 150],
  ["engine.test.mjs", 60],
  ["engine-session.test.mjs", 60],
  ["websocket.test.mjs", 60],
  ["malformed.test.mjs", 300],
  ["http.test.mjs", 100],
  ["client-bundle.test.mjs", 30],
  ["advisories.test.mjs", 100],
  ["protocol-engine.test.mjs", 30],
  ["protocol-socketio.test.mjs", 50],
];

/** Tests wait in vain for much: not for long. */
const WAIT = ms(200);
const LONGEST_RUN = ms(180_000);

async function run(file, seed, oneIn, report) {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  Object.assign(env, { SIO_STARVE: `${seed}:${oneIn}`, SIO_STARVE_REPORT: report, SIO_DEADLINE: String(WAIT) });
  const child = spawn(process.execPath, [join(here, file)], { env, stdio: "ignore", timeout: LONGEST_RUN });
  await once(child, "close");
  assert.ok(!child.killed, `${file} takes too long`);
}

/** What is reported of each server, by its name. */
function read(report) {
  const servers = new Map();
  for (const line of readFileSync(report, "utf8").trim().split("\n")) {
    const { name, ...what } = JSON.parse(line);
    servers.set(name, { ...servers.get(name), ...what });
  }
  return servers;
}

describe("Servers out of memory", { skip: reference, concurrency: 3 }, () => {
  let folder;
  before(() => (folder = mkdtempSync(join(tmpdir(), "sio-starve-"))));
  after(() => rmSync(folder, { recursive: true }));

  let refusals = 0;
  for (const [index, [file, oneIn]] of runs.entries()) {
    it(`live through ${file} with every ${oneIn}th allocation failing`, async () => {
      const report = join(folder, `${index}`);
      await run(file, index + 1, oneIn, report);
      const servers = read(report);
      assert.ok(servers.size > 0);
      for (const [name, { killed, ended, refused, error, errors }] of servers) {
        if (ended === undefined && killed !== undefined) {
          continue; // by the test
        }
        assert.deepEqual(ended, { code: 0, signal: null }, `${name}: ${errors}`);
        assert.doesNotMatch(errors, /Sanitizer|runtime error/, name);
        assert.equal(error, undefined, `${name}, after ${refused} refusals: ${error}`);
        refusals += refused ?? 0;
      }
    });
  }

  after(() => assert.ok(reference || refusals > 100, `only ${refusals} refusals`));
});
