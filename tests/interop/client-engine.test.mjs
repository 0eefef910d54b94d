/**
 * The Engine.IO side of the client: transports and the way from one to the other, heartbeats, batches, and what goes
 * into its requests. Named after the options of the official client ("Client options"), where they are about one.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { WebSocketServer } from "ws";
import {
  connectedClient, eventually, groupServer, listening, ms, newClient, reference, ScriptedServer, servers, testServer,
  transports, upgraded, wayTo,
} from "./client-support.mjs";
import { relayTo } from "./support.mjs";

const onlyC = { skip: reference && "not of the official client" };

for (const [serverName, official] of servers) {
  describe(`Engine, ${serverName}`, () => {
    const group = groupServer(official);

    for (const [mode, options] of Object.entries(transports)) {
      describe(mode, () => {
        it("transports: the connection begins with the first, and ends with the best", async (t) => {
          const client = await connectedClient(t, group.server, options);
          assert.equal((await client.notice("open")).text, options.transports[0]);
          if (mode === "upgrading") {
            await upgraded(client);
          }
          assert.equal((await client.state()).transport, options.transports.at(-1));
          assert.deepEqual(await client.call("/", "ack", Buffer.from([1])), [Buffer.from([1])]);
        });

        it("query, extraHeaders: the server sees them", async (t) => {
          const client = await connectedClient(t, group.server, {
            ...options,
            query: "q=a%20b%26c%3Dd%20%C3%A9&other=1",
            headers: ["x-test: of the client"],
          });
          const [{ query, header, url }] = await client.call("/", "handshake");
          assert.deepEqual({ query, header }, { query: "a b&c=d é", header: "of the client" });
          assert.match(url, /^\/socket\.io\/\?.*EIO=4/);
        });

        it("the query of the URL replaces the option", async (t) => {
          const client = await newClient(t, `${group.server.origin}/?q=url`, { ...options, query: "q=option" });
          await client.connect("/");
          assert.equal((await client.call("/", "handshake"))[0].query, "url");
        });

        it("http and ws are the same in a URL", async (t) => {
          for (const scheme of ["http", "ws"]) {
            const client = await connectedClient(t, `${scheme}://127.0.0.1:${group.server.port}`, options);
            assert.deepEqual(await client.call("/", "ack", scheme), [scheme]);
          }
        });

        for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
          it(`connects to ${host}`, async (t) => {
            const client = await connectedClient(t, `http://${host}:${group.server.port}`, options);
            assert.deepEqual(await client.call("/", "ack", 1), [1]);
          });
        }

        it("stays connected while heartbeats come", async (t) => {
          const server = await testServer(t, official, "--ping-interval", ms(40), "--ping-timeout", ms(2000));
          const client = await connectedClient(t, server, options);
          await eventually(() => client.all("notice", "ping").length >= 4, "4 pings");
          assert.deepEqual(await client.call("/", "ack", 1), [1]);
          assert.deepEqual(client.all("disconnect"), []);
        });

        it("ping timeout: the server did not send a PING in time", async (t) => {
          const server = await testServer(t, official, "--ping-interval", ms(100), "--ping-timeout", ms(100));
          const client = await connectedClient(t, server, { ...options, no_reconnection: true });
          if (mode === "upgrading") {
            await upgraded(client);
          }
          server.process.kill("SIGSTOP");
          const [reason] = await client.next("disconnect", "/");
          server.process.kill("SIGCONT");
          assert.equal(reason, "ping timeout");
        });

        it("maxPayload: many messages at once are sent in batches that the server takes", async (t) => {
          const server = await testServer(t, official, "--max-payload", 10_000);
          const client = await connectedClient(t, server, options);
          await client.do("on", "/", "echo");
          const values = Array.from({ length: 100 }, (unused, i) => (i % 5 ? "x".repeat(900) : Buffer.alloc(700, i)));
          const sent = values.map((value) => client.do("emit", "/", "echo", [value]));
          assert.deepEqual(new Set(await Promise.all(sent)), new Set([""]));
          await eventually(() => client.all("event", "/", "echo").length === values.length, "all events");
          assert.deepEqual(client.all("event", "/", "echo").map(([args]) => args[0]), values);
          assert.deepEqual(client.all("disconnect"), []);
        });

        it("path: another one than /socket.io", async (t) => {
          const server = await testServer(t, official, "--path", "/my/path");
          const client = await connectedClient(t, server, { ...options, path: "/my/path" });
          assert.match((await client.call("/", "handshake"))[0].url, /^\/my\/path\/\?/);
        });

        it("path: with its slash, and apart from the namespace of the URL", async (t) => {
          const server = await testServer(t, official, "--path", "/my/path/");
          const client = await newClient(t, `${server.origin}/chat`, { ...options, path: "/my/path/" });
          await client.do("socket", null);
          await client.next("connect", "/chat");
          assert.match((await client.call("/chat", "handshake"))[0].url, /^\/my\/path\/\?/);
        });

        it("path: one that the server does not serve ends in connect_error", async (t) => {
          const client = await newClient(t, group.server, { ...options, path: "/other", no_reconnection: true });
          await client.do("socket", "/");
          const [message] = await client.next("connect_error", "/");
          assert.match(message, mode === "websocket" ? /^websocket error/ : /^xhr poll error/);
        });

        it("a payload larger than maxHttpBufferSize ends the connection", async (t) => {
          const server = await testServer(t, official, "--max-payload", 10_000);
          const client = await connectedClient(t, server, { ...options, no_reconnection: true });
          if (mode === "upgrading") {
            await upgraded(client);
          }
          await client.do("emit", "/", "echo", ["x".repeat(20_000)]);
          const [reason] = await client.next("disconnect", "/");
          assert.equal(reason, mode === "polling" ? "transport error" : "transport close");
        });

        it("addTrailingSlash: false", async (t) => {
          const server = await testServer(t, official, "--no-trailing-slash");
          const client = await connectedClient(t, server, { ...options, no_trailing_slash: true });
          assert.match((await client.call("/", "handshake"))[0].url, /^\/socket\.io\?/);
        });

        it("transport close: the connection was closed, and all is well after the reconnection", async (t) => {
          const way = await wayTo(t, group.server);
          const client = await connectedClient(t, way, { ...options, reconnection_delay_ms: 10 });
          if (mode === "upgrading") {
            await upgraded(client);
          }
          // Between two polls the end of a connection is not noticed.
          await eventually(() => (way.cut(), client.all("disconnect").length > 0), "a disconnection");
          const [reason] = await client.next("disconnect", "/");
          assert.match(reason, /^transport (close|error)$/);
          await client.next("connect", "/");
          assert.deepEqual(await client.call("/", "ack", 1), [1]);
        });
      });
    }

    it("transports: WebSocket first, then polling", async (t) => {
      const client = await connectedClient(t, group.server, { transports: ["websocket", "polling"] });
      assert.equal((await client.state()).transport, "websocket");
    });

    it("upgrade: false stays on polling", async (t) => {
      const client = await connectedClient(t, group.server, { no_upgrade: true });
      await client.call("/", "ack");
      assert.equal((await client.state()).transport, "polling");
    });

    it("a server that offers no upgrade is used over polling", async (t) => {
      const server = await testServer(t, official, "--no-upgrade");
      const client = await connectedClient(t, server);
      await client.call("/", "ack");
      assert.equal((await client.state()).transport, "polling");
    });

    it("events in both directions survive the upgrade, in order", async (t) => {
      const relay = await relayTo(t, group.server, { holdUpgrades: true });
      const client = await connectedClient(t, relay, transports.upgrading);
      await client.do("on", "/", "echo");
      for (let i = 0; i < 50; i++) {
        client.do("emit", "/", "echo", [i]);
      }
      await relay.release();
      for (let i = 50; i < 100; i++) {
        client.do("emit", "/", "echo", [i]);
      }
      await upgraded(client);
      await eventually(() => client.all("event", "/", "echo").length === 100, "100 events");
      const numbers = client.all("event", "/", "echo").map(([args]) => args[0]);
      assert.deepEqual(numbers, Array.from({ length: 100 }, (unused, i) => i));
    });

    it("tryAllTransports: the next transport is tried when the first one fails", async (t) => {
      const server = await testServer(t, official, "--transports", "websocket");
      const client = await connectedClient(t, server, { try_all_transports: true });
      assert.equal((await client.state()).transport, "websocket");
      const other = await testServer(t, official, "--transports", "polling");
      const backwards = { transports: ["websocket", "polling"], try_all_transports: true };
      const second = await connectedClient(t, other, backwards);
      assert.equal((await second.state()).transport, "polling");
    });

    it("without tryAllTransports a transport that the server does not have is an error", async (t) => {
      const server = await testServer(t, official, "--transports", "websocket");
      const client = await newClient(t, server, { no_reconnection: true });
      await client.do("socket", "/");
      const [message] = await client.next("connect_error", "/");
      assert.match(message, reference ? /xhr poll error/ : /400/);
    });

    it("rememberUpgrade: the next connection begins with WebSocket", async (t) => {
      const client = await connectedClient(t, group.server, { remember_upgrade: true });
      await upgraded(client);
      await client.do("disconnect", "/");
      await client.notice("close");
      await client.do("connect", "/");
      await client.notice("open");
      assert.equal((await client.notice("open")).text, "websocket");
    });

    it("rememberUpgrade: without it the next connection begins with polling", async (t) => {
      const client = await connectedClient(t, group.server);
      await upgraded(client);
      await client.do("disconnect", "/");
      await client.notice("close");
      await client.do("connect", "/");
      await client.notice("open");
      assert.equal((await client.notice("open")).text, "polling");
    });

    it("cookies: the server's cookie is kept and sent", async (t) => {
      const server = await testServer(t, official, "--cookie", "io");
      const client = await connectedClient(t, server, { cookies: true });
      await upgraded(client);
      assert.deepEqual(await client.call("/", "ack", 1), [1]);
    });
  });
}

// ----------------------------------------------------------------------------------------------------- byte for byte

describe("Engine, a scripted server", () => {
  const started = async (t, script, options, nsp) => {
    const server = await ScriptedServer.start(t, script);
    const client = await newClient(t, server, options);
    await client.do("socket", nsp ?? "/");
    return { server, client };
  };

  it("polling: the handshake's request, and that of CONNECT", async (t) => {
    const { server, client } = await started(t, {}, transports.polling);
    await client.next("connect", "/");
    const [open, ...rest] = server.packets;
    assert.equal(open, "GET /socket.io/?EIO=4&transport=polling&t=T");
    assert.deepEqual(rest.slice(0, 2).sort(), [
      "GET /socket.io/?EIO=4&transport=polling&t=T&sid=session1",
      "POST /socket.io/?EIO=4&transport=polling&t=T&sid=session1 40",
    ]);
    const post = server.requests.find(({ method }) => method === "POST");
    assert.match(post.headers["content-type"], /^text\/plain;charset=UTF-8$/i);
    assert.equal(post.headers.accept, "*/*");
  });

  it("websocket: no timestamp, and CONNECT in the first frame", async (t) => {
    const { server, client } = await started(t, {}, transports.websocket);
    await client.next("connect", "/");
    assert.deepEqual(server.packets, ["GET /socket.io/?EIO=4&transport=websocket", "ws 40"]);
  });

  it("timestampRequests, timestampParam", async (t) => {
    const always = await started(t, {}, { ...transports.websocket, timestamp_always: true });
    await always.client.next("connect", "/");
    assert.equal(always.server.log[0], "GET /socket.io/?EIO=4&transport=websocket&t=T");
    const never = await started(t, {}, { ...transports.polling, no_timestamp: true });
    await never.client.next("connect", "/");
    assert.equal(never.server.log[0], "GET /socket.io/?EIO=4&transport=polling");
    const other = await started(t, {}, { ...transports.polling, timestamp_param: "stamp" });
    await other.client.next("connect", "/");
    assert.match(other.server.log[0], /&stamp=[\w.-]+$/);
  });

  it("query: EIO, transport and sid are reserved", async (t) => {
    const query = reference ? "EIO=3&transport=other&a=1" : "EIO=3&transport=other&sid=other&a=1";
    for (const transport of [transports.polling, transports.websocket]) {
      const { server, client } = await started(t, {}, { ...transport, query });
      await client.next("connect", "/");
      const { searchParams } = new URL(server.requests[0].url, server.origin);
      const seen = ["EIO", "transport", "sid", "a"].map((name) => searchParams.getAll(name));
      assert.deepEqual(seen, [["4"], transport.transports, [], ["1"]]);
    }
  });

  it("the timestamp is another one in every request", async (t) => {
    const { server, client } = await started(t, {}, transports.polling);
    await client.next("connect", "/");
    const stamps = server.requests.map(({ url }) => /[?&]t=([^&]+)/.exec(url)[1]);
    assert.equal(new Set(stamps).size, stamps.length);
  });

  it("upgrade: the probe, then the upgrade packet, and no packet is lost or repeated", async (t) => {
    const { server, client } = await started(t, { upgrades: ["websocket"] }, transports.upgrading);
    await client.next("connect", "/");
    await upgraded(client);
    await client.do("emit", "/", "over websocket", []);
    await server.saw(/over websocket/);
    const frames = server.packets.filter((line) => line.startsWith("ws "));
    assert.deepEqual(frames, ["ws 2probe", "ws 5", 'ws 42["over websocket"]']);
    assert.ok(server.log.includes("GET /socket.io/?EIO=4&transport=websocket&sid=session1"));
    assert.equal(server.log.filter((line) => / 40$/.test(line)).length, 1);
  });

  it("upgradeError: a probe that fails leaves the session on polling", async (t) => {
    const refuseUpgrade = (request, response) => {
      if (request.url.includes("transport=websocket")) {
        response.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return true;
      }
      return false;
    };
    const script = { upgrades: ["websocket"], request: refuseUpgrade, event: (s) => s.send('42["got it"]') };
    const { client } = await started(t, script, transports.upgrading);
    await client.next("connect", "/");
    const { text } = await client.notice("upgradeError");
    assert.match(text, reference ? /probe error/ : /503/);
    await client.do("on", "/", "got it");
    await client.do("emit", "/", "x", []);
    await client.next("event", "/", "got it");
    assert.equal((await client.state()).transport, "polling");
  });

  it("extraHeaders: with every request, the WebSocket's too", async (t) => {
    const { server, client } = await started(t, { upgrades: ["websocket"] }, {
      headers: ["X-One: 1", "Authorization: Bearer abc"],
    });
    await client.next("connect", "/");
    await upgraded(client);
    assert.ok(server.requests.length >= 4);
    for (const { headers, url } of server.requests) {
      assert.deepEqual([headers["x-one"], headers.authorization], ["1", "Bearer abc"], url);
    }
  });

  it("cookies: kept between requests, replaced, and forgotten when they expire", async (t) => {
    const setCookies = (request, response, server) => {
      const cookies = [["a=1; HttpOnly", "b=2"], ["a=3", "b=; Max-Age=0"]][server.requests.length - 1];
      if (cookies && !request.headers.upgrade) {
        response.setHeader("Set-Cookie", cookies);
      }
      return false;
    };
    const { server, client } = await started(t, { request: setCookies }, { ...transports.polling, cookies: true });
    await client.next("connect", "/");
    await client.do("emit", "/", "x", []);
    await server.saw(/\["x"\]/);
    const seen = server.requests.map(({ headers }) => headers.cookie ?? "");
    assert.equal(seen[0], "");
    assert.deepEqual(seen[1].split(/; ?/).sort(), ["a=1", "b=2"]);
    assert.equal(seen.at(-1), "a=3");
  });

  it("cookies: sent with the WebSocket's request, too", async (t) => {
    const setCookie = (request, response) => {
      if (!request.headers.upgrade) {
        response.setHeader("Set-Cookie", "a=1");
      }
      return false;
    };
    const { server, client } = await started(t, { upgrades: ["websocket"], request: setCookie }, { cookies: true });
    await client.next("connect", "/");
    await upgraded(client);
    assert.equal(server.requests.find(({ headers }) => headers.upgrade).headers.cookie, "a=1");
  });

  it("cookies: in one field with the application's, behind those", async (t) => {
    const setCookie = (request, response) => {
      if (!request.headers.upgrade) {
        response.setHeader("Set-Cookie", "a=1");
      }
      return false;
    };
    const headers = ["Cookie: own=1", "X-One: 1", "cookie: b=2"];
    const { server, client } = await started(t, { upgrades: ["websocket"], request: setCookie }, { headers, cookies: true });
    await client.next("connect", "/");
    await upgraded(client);
    for (const [i, { rawHeaders, headers, url }] of server.requests.entries()) {
      assert.equal(headers.cookie, i === 0 ? "own=1; b=2" : "own=1; b=2; a=1", url);
      assert.equal(rawHeaders.filter((name) => name.toLowerCase() === "cookie").length, 1, url);
      assert.equal(headers["x-one"], "1", url);
    }
  });

  it("cookies are not kept without the option", async (t) => {
    const setCookie = (request, response) => {
      response.setHeader("Set-Cookie", "a=1");
      return false;
    };
    const { server, client } = await started(t, { request: setCookie }, transports.polling);
    await client.next("connect", "/");
    assert.deepEqual(server.requests.map(({ headers }) => headers.cookie), server.requests.map(() => undefined));
  });

  it("protocols: the WebSocket's subprotocols", async (t) => {
    const { server, client } = await started(t, {}, { ...transports.websocket, protocols: "one, two" });
    await client.next("connect", "/");
    assert.match(server.requests[0].headers["sec-websocket-protocol"], /^one, ?two$/);
  });

  it("forceBase64: binary is sent as text", async (t) => {
    const { server, client } = await started(t, {}, { ...transports.websocket, force_base64: true });
    await client.next("connect", "/");
    await client.do("emit", "/", "x", [Buffer.from([1, 2, 3])]);
    await server.saw(/^ws bAQID$/);
    assert.match(server.log[0], /[?&]b64=1/);
  });

  it("binary over polling is base64, over WebSocket a binary frame", async (t) => {
    for (const [options, pattern] of [
      [transports.polling, /^POST .*[ \x1e]bAQID$/],
      [transports.websocket, /^ws binary 010203$/],
    ]) {
      const { server, client } = await started(t, {}, options);
      await client.next("connect", "/");
      await client.do("emit", "/", "x", [Buffer.from([1, 2, 3])]);
      await server.saw(pattern);
    }
  });

  it("maxPayload: no request with several packets is larger; a packet that is larger is sent by itself", async (t) => {
    const script = { handshake: { maxPayload: 100 } };
    const { server, client } = await started(t, script, { ...transports.polling, no_auto_connect: true });
    const texts = Array.from({ length: 40 }, (unused, i) => `${i} ${"é".repeat(i === 20 ? 300 : i % 30)}`);
    texts.forEach((text) => client.do("emit", "/", "e", [text]));
    await client.do("connect", "/");
    await server.got(/"e"/, texts.length);
    assert.deepEqual(server.sent.slice(1), texts.map((text) => `1 42["e","${text}"]`));
    const bodies = server.requests.filter(({ method }) => method === "POST").map(({ body }) => body);
    for (const body of bodies.filter((body) => body.includes("\x1e"))) {
      assert.ok(Buffer.byteLength(body) <= 100, body);
    }
    assert.ok(bodies.length < texts.length, "there are batches");
  });

  it("heartbeat: a ping is answered at once", async (t) => {
    for (const [options, pattern] of [
      [transports.polling, /^POST .* 3$/],
      [transports.websocket, /^ws 3$/],
    ]) {
      const { server, client } = await started(t, {}, options);
      await client.next("connect", "/");
      server.session.send("2");
      await server.saw(pattern);
    }
  });

  it("transport close: the server has said so over polling", async (t) => {
    const { server, client } = await started(t, {}, { ...transports.polling, no_reconnection: true });
    await client.next("connect", "/");
    await server.saw(/^GET .*sid=/, 1);
    await eventually(() => server.session.poll, "a poll");
    server.session.send("1");
    assert.equal((await client.next("disconnect", "/"))[0], "transport close");
  });

  it("transport error: a polling request fails", async (t) => {
    const { server, client } = await started(t, {}, { ...transports.polling, no_reconnection: true });
    await client.next("connect", "/");
    server.sessions.clear();
    await client.do("emit", "/", "x", []);
    assert.equal((await client.next("disconnect", "/"))[0], "transport error");
  });

  it("ping timeout, transport close, transport error: socket.active is true, and it reconnects", async (t) => {
    const options = { reconnection_delay_ms: 50 };
    for (const [reason, transport, end] of [
      ["ping timeout", transports.polling, () => {}],
      ["ping timeout", transports.websocket, () => {}],
      ["transport close", transports.websocket, (server) => server.session.drop()],
      ["transport error", transports.polling, (server) => server.sessions.clear()],
    ]) {
      const script = { handshake: reason === "ping timeout" ? { pingInterval: 40, pingTimeout: 40 } : {} };
      const { server, client } = await started(t, script, { ...transport, ...options });
      await client.next("connect", "/");
      script.handshake = {};
      end(server);
      if (reason === "transport error") {
        await client.do("emit", "/", "x", []);
      }
      assert.equal((await client.next("disconnect", "/"))[0], reason);
      assert.equal((await client.state()).active, 1);
      await client.next("connect", "/");
    }
  });

  it("connect_error: xhr poll error over polling, websocket error over WebSocket", async (t) => {
    const refuse = (request, response) => {
      response.writeHead?.(503).end();
      response.destroy();
      return true;
    };
    for (const [transport, expected] of [
      [transports.polling, /^xhr poll error/],
      [transports.websocket, /^websocket error/],
    ]) {
      const { client } = await started(t, { request: refuse }, { ...transport, no_reconnection: true });
      assert.match((await client.next("connect_error", "/"))[0], expected);
    }
  });

  it("a plain WebSocket server is none of Socket.IO", async (t) => {
    const server = new WebSocketServer({ noServer: true });
    const http = createServer();
    http.on("upgrade", (...request) => server.handleUpgrade(...request, (ws) => ws.send("hello")));
    const port = await listening(t, http);
    const options = { ...transports.websocket, open_timeout_ms: 200, no_reconnection: true };
    const client = await newClient(t, `ws://127.0.0.1:${port}`, options);
    await client.do("socket", "/");
    await client.next("connect_error", "/");
  });

  it("disconnect: the details tell the low-level reason, such as xhr post error and 413", onlyC, async (t) => {
    const { server, client } = await started(t, {}, { ...transports.polling, no_reconnection: true });
    await client.next("connect", "/");
    server.script.request = ({ method }, response) => method === "POST" && response.writeHead(413).end();
    await client.do("emit", "/", "x", []);
    assert.deepEqual(await client.next("disconnect", "/"), ["transport error", "HTTP_STATUS"]);
    const { status, text } = await client.notice("close");
    assert.equal(status, "SIO_ERR_HTTP");
    assert.match(text, /^xhr post error: .*413/);
  });

  it("parse error: the server has sent an invalid packet", async (t) => {
    for (const packet of ['42[1', "49", '42["connect"]'].slice(0, 2)) {
      const { server, client } = await started(t, {}, { ...transports.websocket, no_reconnection: true });
      await client.next("connect", "/");
      server.session.send(packet);
      assert.equal((await client.next("disconnect", "/"))[0], "parse error", packet);
    }
  });

  it("close: over polling a close packet, over WebSocket a Close frame", async (t) => {
    for (const [options, pattern] of [
      [transports.polling, /^POST .* (41\x1e)?1$/],
      [transports.websocket, /^closed$/],
    ]) {
      const { server, client } = await started(t, {}, options);
      await client.next("connect", "/");
      await client.do("disconnect", "/");
      await server.saw(pattern);
      await client.notice("close");
    }
  });

  it("timeout: an attempt to connect takes too long", async (t) => {
    const silent = () => true;
    for (const options of [transports.polling, transports.websocket]) {
      const impatient = { ...options, open_timeout_ms: 50, no_reconnection: true };
      const { client } = await started(t, { request: silent }, impatient);
      const [message] = await client.next("connect_error", "/");
      assert.match(message, reference ? /^timeout$/ : /time/);
    }
  });

  it("requestTimeout: of each polling request", onlyC, async (t) => {
    const script = { request: (request) => request.method === "POST" };
    const impatient = { ...transports.polling, request_timeout_ms: 50, no_reconnection: true };
    const { client } = await started(t, script, impatient);
    const [message] = await client.next("connect_error", "/");
    assert.notEqual(message, undefined);
  });

  it("a refusing status says so, and without reconnection that is all", onlyC, async (t) => {
    for (const status of [403, 404, 500, 502]) {
      const refuse = (request, response) => {
        response.writeHead?.(status).end("no");
        return true;
      };
      const { client } = await started(t, { request: refuse }, { ...transports.polling, no_reconnection: true });
      const [message, , active] = await client.next("connect_error", "/");
      assert.match(message, new RegExp(`${status}`));
      assert.equal(active, false);
      assert.equal((await client.notice("error")).status, "SIO_ERR_HTTP");
    }
  });

  it("a handshake that is none is an error", onlyC, async (t) => {
    for (const body of ["", "x", "0{}", '0{"sid":1}', "4x"]) {
      const answer = (request, response) => {
        response.end(body);
        return true;
      };
      const { client } = await started(t, { request: answer }, { ...transports.polling, no_reconnection: true });
      await client.next("connect_error", "/");
    }
  });

  it("a message larger than max_message_bytes ends the connection", onlyC, async (t) => {
    for (const options of [transports.polling, transports.websocket]) {
      const limits = { ...options, max_message_bytes: 1000, no_reconnection: true };
      const { server, client } = await started(t, {}, limits);
      await client.next("connect", "/");
      await client.do("trace");
      if (options === transports.polling) {
        await eventually(() => server.session.poll, "a poll");
      }
      server.session.send(`42["x","${"y".repeat(2000)}"]`);
      await client.next("disconnect", "/");
      assert.deepEqual(client.all("event"), []);
    }
  });

  it("the trace shows every packet in both directions", onlyC, async (t) => {
    const { server, client } = await started(t, {}, { ...transports.websocket });
    await client.do("trace");
    await client.next("connect", "/");
    await client.do("emit", "/", "x", [Buffer.from([7])]);
    server.session.send("2", '42["y"]');
    await server.saw(/^ws 3$/);
    const packets = client.all("trace").map(([direction, , data]) => [direction, data]);
    for (const expected of [
      ["sent", '451-["x",{"_placeholder":true,"num":0}]'],
      ["sent", Buffer.from([7])],
      ["received", "2"],
      ["sent", "3"],
      ["received", '42["y"]'],
    ]) {
      assert.ok(packets.some((packet) => JSON.stringify(packet) === JSON.stringify(expected)), `${expected}`);
    }
  });

  it("pending bytes: what waits to be sent", onlyC, async (t) => {
    const stall = (request) => request.method === "POST" && !request.url.includes("first");
    const { server, client } = await started(t, {}, transports.polling);
    await client.next("connect", "/");
    server.script.request = stall;
    await client.do("emit", "/", "x", ["y".repeat(1000)]);
    await server.saw(/yyyy/);
    await client.do("emit", "/", "x", ["z".repeat(5000)]);
    const { pending } = await client.state();
    assert.ok(pending >= 5000 && pending < 10000, `${pending}`);
  });

  it("drain: once what was too much is sent", onlyC, async (t) => {
    const server = await testServer(t);
    for (const transport of [transports.polling, transports.websocket]) {
      const client = await connectedClient(t, server, { ...transport, send_high_water_bytes: 100_000 });
      assert.equal(await client.do("emit", "/", "echo", ["little"]), "");
      assert.deepEqual(client.all("notice", "drain"), []);
      let result = "";
      while (result === "") {
        result = await client.do("emit", "/", "echo", ["x".repeat(500_000)]);
      }
      assert.equal(result, "SIO_SLOW");
      await client.notice("drain");
    }
  });
});
