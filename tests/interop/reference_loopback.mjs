/** What both reference servers share: listening on the two loopback addresses, on one port. */
import { createServer } from "node:http";
import { once } from "node:events";

async function listen(server, port, host) {
  server.listen(port, host);
  await once(server, "listening");
  return server.address().port;
}

/** Lets `http` serve 127.0.0.1 and ::1; resolves with the port, a free one when 0 is asked for. */
export async function listenOnLoopback(http, port) {
  const twin = createServer();
  for (const event of ["request", "upgrade"]) {
    twin.on(event, (...args) => http.emit(event, ...args));
  }
  http.on("close", () => twin.close());
  for (;;) {
    const taken = await listen(http, port, "127.0.0.1");
    try {
      await listen(twin, taken, "::1");
      return taken;
    } catch (error) {
      if (port !== 0 || error.code !== "EADDRINUSE") {
        throw error;
      }
      await new Promise((done) => http.close(done));
    }
  }
}
