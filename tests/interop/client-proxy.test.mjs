/**
 * Proxies: HTTP (CONNECT) and SOCKS5, by the option and by the environment. The official client for Node has none.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  certificates, Client, connectedClient, groupServer, httpProxy, newClient, reference, servers, socksProxy, tlsBefore,
  transports, upgraded,
} from "./client-support.mjs";

const certs = certificates();
const noProxies = Object.fromEntries(
  ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].map(
    (name) => [name, ""]
  )
);

for (const [serverName, official] of servers) {
  describe(`Proxies, ${serverName}`, { skip: reference && "the official client has none" }, () => {
    const group = groupServer(official);

    for (const [mode, options] of Object.entries(transports)) {
      const works = async (t, url, proxy, more) => {
        const client = await connectedClient(t, url, { ...options, proxy, ...more });
        if (mode === "upgrading") {
          await upgraded(client);
        }
        assert.deepEqual(await client.call("/", "ack", Buffer.alloc(100_000, 7)), [Buffer.alloc(100_000, 7)]);
      };

      it(`HTTP proxy, ${mode}`, async (t) => {
        const proxy = await httpProxy(t);
        await works(t, group.server.origin, proxy.url);
        assert.deepEqual(new Set(proxy.seen), new Set([`CONNECT 127.0.0.1:${group.server.port}`]));
      });

      it(`HTTP proxy with user and password, ${mode}`, async (t) => {
        const proxy = await httpProxy(t, { credentials: "user:pass word" });
        await works(t, group.server.origin, proxy.url.replace("//", "//user:pass%20word@"));
      });

      it(`SOCKS5 proxy, ${mode}: names are resolved here`, async (t) => {
        const proxy = await socksProxy(t);
        await works(t, `http://localhost:${group.server.port}`, proxy.url());
        assert.ok(proxy.seen.length > 0 && proxy.seen.every((host) => !host.startsWith("name ")), `${proxy.seen}`);
      });

      it(`SOCKS5 proxy, ${mode}: socks5h lets the proxy resolve names`, async (t) => {
        const proxy = await socksProxy(t, { credentials: "user:secret" });
        await works(t, `http://localhost:${group.server.port}`, proxy.url("socks5h", "user:secret@"));
        assert.deepEqual(new Set(proxy.seen), new Set([`name localhost:${group.server.port}`]));
      });

      it(`https through a proxy, ${mode}`, async (t) => {
        const pair = { key: readFileSync(certs.file("server.key")), cert: readFileSync(certs.file("server.pem")) };
        const front = await tlsBefore(t, group.server, pair);
        const tls = { ca_file: certs.file("ca.pem") };
        for (const proxy of [await httpProxy(t), await socksProxy(t)]) {
          await works(t, front.origin, typeof proxy.url === "string" ? proxy.url : proxy.url(), { tls });
          assert.ok(proxy.seen.length > 0);
        }
      });
    }

    it("the environment's http_proxy, all_proxy and no_proxy", async (t) => {
      const proxy = await httpProxy(t);
      const socks = await socksProxy(t);
      const run = async (env) => {
        const client = await newClient(t, group.server, transports.websocket, { env: { ...noProxies, ...env } });
        await client.connect("/");
      };
      await run({ http_proxy: proxy.url });
      assert.equal(proxy.seen.length, 1);
      await run({ all_proxy: socks.url() });
      assert.equal(socks.seen.length, 1);
      await run({ http_proxy: proxy.url, no_proxy: "example.org,127.0.0.1" });
      await run({ https_proxy: proxy.url });
      assert.deepEqual([proxy.seen.length, socks.seen.length], [1, 1]);
    });

    it('the option "" keeps the environment\'s proxy out', async (t) => {
      const proxy = await httpProxy(t);
      const env = { ...noProxies, http_proxy: proxy.url };
      const client = await newClient(t, group.server, { ...transports.websocket, proxy: "" }, { env });
      await client.connect("/");
      assert.deepEqual(proxy.seen, []);
    });

    it("a proxy that refuses says why", async (t) => {
      const http = await httpProxy(t, { credentials: "user:right" });
      const forbidding = await httpProxy(t, { refuse: "403 Forbidden" });
      const socks = await socksProxy(t, { credentials: "user:right" });
      const unreachable = await socksProxy(t, { refuse: 4 });
      for (const [proxy, pattern] of [
        [http.url.replace("//", "//user:wrong@"), /407/],
        [forbidding.url, /403/],
        [socks.url("socks5", "user:wrong@"), /password|login|refuse/i],
        [unreachable.url(), /unreachable|refuse|4/i],
      ]) {
        const client = await newClient(t, group.server, { proxy, no_reconnection: true });
        await client.do("socket", "/");
        const [message] = await client.next("connect_error", "/");
        assert.match(message, pattern, proxy);
        assert.doesNotMatch(message, /wrong/, "no password in errors");
      }
    });

    it("a proxy's URL that is none is an error of the options", async (t) => {
      for (const proxy of ["ftp://127.0.0.1:1", "https://127.0.0.1:1", "http://", "socks5://x:99999"]) {
        const client = new Client(t);
        assert.equal(await client.do("client", group.server.origin, { proxy }), "SIO_ERR_INVALID", proxy);
        await client.next("log", "error");
      }
    });
  });
}
