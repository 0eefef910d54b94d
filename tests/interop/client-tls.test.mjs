/**
 * https and wss: who is trusted, who is not, and what is said about it. TLS ends in front of the servers, in Node.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  certificates, connectedClient, groupServer, newClient, reference, servers, tlsBefore, transports, upgraded,
} from "./client-support.mjs";

const onlyC = { skip: reference && "not of the official client" };
const certs = certificates();
const read = (name) => readFileSync(certs.file(name), "utf8");
const pair = (name) => ({ key: read(`${name}.key`), cert: read(`${name}.pem`) });

for (const [serverName, official] of servers) {
  describe(`TLS, ${serverName}`, () => {
    const group = groupServer(official);

    /** Connects in vain: the text of the error. */
    async function refusal(t, url, tls, options = transports.polling) {
      const client = await newClient(t, url, { ...options, tls, no_reconnection: true });
      await client.do("socket", "/");
      const [message] = await client.next("connect_error", "/");
      const { status } = await client.notice("error");
      return { message, status };
    }

    for (const [mode, options] of Object.entries(transports)) {
      it(`https and wss, ${mode}: a server of one's own authority is accepted`, async (t) => {
        const front = await tlsBefore(t, group.server, pair("server"));
        const urls = [front.origin, `https://localhost:${front.port}`, `wss://127.0.0.1:${front.port}`];
        for (const url of mode === "websocket" ? urls : urls.slice(0, 2)) {
          const client = await connectedClient(t, url, { ...options, tls: { ca_file: certs.file("ca.pem") } });
          if (mode === "upgrading") {
            await upgraded(client);
          }
          assert.deepEqual(await client.call("/", "ack", Buffer.alloc(200_000, 7)), [Buffer.alloc(200_000, 7)]);
        }
      });

      it(`a self-signed certificate is refused by default, ${mode}, with a clear text`, async (t) => {
        const front = await tlsBefore(t, group.server, pair("self"));
        const { message, status } = await refusal(t, front.origin, {}, options);
        if (!reference) {
          assert.match(message, /self-signed|self signed/);
          assert.equal(status, "SIO_ERR_TLS");
        }
      });
    }

    it("the authority as text", async (t) => {
      const front = await tlsBefore(t, group.server, pair("server"));
      const client = await connectedClient(t, front.origin, { tls: { ca_pem: read("ca.pem") } });
      assert.deepEqual(await client.call("/", "ack", 1), [1]);
    });

    it("a self-signed certificate is accepted as its own authority", async (t) => {
      const front = await tlsBefore(t, group.server, pair("self"));
      const client = await connectedClient(t, front.origin, { tls: { ca_file: certs.file("self.pem") } });
      assert.deepEqual(await client.call("/", "ack", 1), [1]);
    });

    it("rejectUnauthorized: false accepts everybody", async (t) => {
      const front = await tlsBefore(t, group.server, pair("self"));
      const client = await connectedClient(t, front.origin, { tls: { insecure: true } });
      assert.deepEqual(await client.call("/", "ack", 1), [1]);
    });

    it("a certificate for another name is refused", onlyC, async (t) => {
      const front = await tlsBefore(t, group.server, pair("named"));
      const { message, status } = await refusal(t, front.origin, { ca_file: certs.file("ca.pem") });
      assert.match(message, /mismatch|name|address/i);
      assert.equal(status, "SIO_ERR_TLS");
    });

    it("an expired certificate is refused", onlyC, async (t) => {
      const front = await tlsBefore(t, group.server, pair("expired"));
      const { message } = await refusal(t, front.origin, { ca_file: certs.file("ca.pem") });
      assert.match(message, /expired/);
    });

    it("SNI: the host's name is sent, an address is not", onlyC, async (t) => {
      const front = await tlsBefore(t, group.server, pair("server"));
      const tls = { ca_file: certs.file("ca.pem") };
      await connectedClient(t, `https://localhost:${front.port}`, { ...transports.websocket, tls });
      await connectedClient(t, front.origin, { ...transports.websocket, tls });
      assert.deepEqual(front.connections.map(({ serverName }) => serverName), ["localhost", false]);
    });

    it("server_name: another name is sent, and expected in the certificate", onlyC, async (t) => {
      const front = await tlsBefore(t, group.server, pair("named"));
      const tls = { ca_file: certs.file("ca.pem"), server_name: "chat.example" };
      const client = await connectedClient(t, front.origin, { ...transports.websocket, tls });
      assert.deepEqual(await client.call("/", "ack", 1), [1]);
      assert.equal(front.connections[0].serverName, "chat.example");
    });

    it("a client certificate is shown to the server, from files and as text", async (t) => {
      const front = await tlsBefore(t, group.server, {
        ...pair("server"), ca: read("ca.pem"), requestCert: true, rejectUnauthorized: true,
      });
      const files = { cert_file: certs.file("client.pem"), key_file: certs.file("client.key") };
      const texts = { cert_pem: read("client.pem"), key_pem: read("client.key") };
      for (const own of reference ? [files] : [files, texts]) {
        const client = await connectedClient(t, front.origin, { tls: { ca_file: certs.file("ca.pem"), ...own } });
        assert.deepEqual(await client.call("/", "ack", 1), [1]);
      }
      assert.ok(front.connections.every(({ peer }) => peer === "a client"));
    });

    it("without the client certificate that the server wants there is no connection", async (t) => {
      const front = await tlsBefore(t, group.server, {
        ...pair("server"), ca: read("ca.pem"), requestCert: true, rejectUnauthorized: true,
      });
      const { message } = await refusal(t, front.origin, { ca_file: certs.file("ca.pem") }, transports.websocket);
      assert.notEqual(message, "");
    });

    it("TLS 1.3 and 1.2, and nothing older", onlyC, async (t) => {
      const tls = { ca_file: certs.file("ca.pem") };
      for (const version of ["TLSv1.3", "TLSv1.2"]) {
        const front = await tlsBefore(t, group.server, { ...pair("server"), minVersion: version, maxVersion: version });
        const client = await connectedClient(t, front.origin, { ...transports.websocket, tls });
        assert.deepEqual(await client.call("/", "ack", 1), [1]);
      }
      const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
      const front = await tlsBefore(t, group.server, { ...pair("server"), ...old });
      assert.equal((await refusal(t, front.origin, tls)).status, "SIO_ERR_TLS");
    });

    it("a certificate that cannot be read is an error of the options", onlyC, async (t) => {
      for (const tls of [{ ca_file: "/nonexistent" }, { ca_pem: "nonsense" }, { cert_file: certs.file("ca.key") }]) {
        const { Client } = await import("./client-support.mjs");
        const client = new Client(t);
        assert.equal(await client.do("client", "https://127.0.0.1:1", { tls }), "SIO_ERR_TLS");
        assert.match((await client.next("log", "error"))[1], /^tls: ./);
      }
    });

    it("plain HTTP where TLS is expected is an error", onlyC, async (t) => {
      const url = `https://127.0.0.1:${group.server.port}`;
      assert.equal((await refusal(t, url, { ca_file: certs.file("ca.pem") })).status, "SIO_ERR_TLS");
    });
  });
}
