/**
 * The server on both loopback addresses: names such as localhost may stand for either.
 */
import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import { after, before, describe, it } from "node:test";
import { call, connect, modes, next, startServer, upgraded } from "./support.mjs";

describe("The server listens on both loopback addresses", () => {
  let server;
  before(async () => (server = await startServer()));
  after(() => server.stop());

  const named = lookup("localhost").then(
    () => true,
    () => false
  );

  for (const [mode, transport] of Object.entries(modes)) {
    for (const [host, address] of [
      ["127.0.0.1", /^(::ffff:)?127\.0\.0\.1$/],
      ["[::1]", /^::1$/],
      ["localhost", /^(::1|(::ffff:)?127\.0\.0\.1)$/],
    ]) {
      it(`and serves a ${mode} client of ${host}`, async (t) => {
        if (host === "localhost" && !(await named)) {
          t.skip("this machine does not know the name localhost");
          return;
        }
        const socket = await connect(t, { origin: `http://${host}:${server.port}` }, "/", transport);
        const [facts] = await call(socket, "handshake");
        assert.match(facts.address, address);
        if (mode === "upgrading") {
          await upgraded(socket);
        }
      });
    }
  }

  it("and lets clients of both meet in one namespace", async (t) => {
    const [four, six] = await Promise.all(
      ["127.0.0.1", "[::1]"].map((host) => connect(t, { origin: `http://${host}:${server.port}` }))
    );
    const heard = next(six, "news");
    await call(four, "tell", {}, "news", ["from IPv4"]);
    assert.deepEqual(await heard, ["from IPv4"]);
  });
});
