/**
 * The server described in SERVER.md that the protocol tests talk to, on the official packages.
 */
import { createServer } from "node:http";
import { Server as Engine } from "engine.io";
import { Server } from "socket.io";
import { listenOnLoopback } from "./reference_loopback.mjs";

const options = {
  pingInterval: 300,
  pingTimeout: 200,
  maxHttpBufferSize: 1e6,
  cors: { origin: "*" },
  destroyUpgrade: false,
};

const http = createServer((request, response) => response.writeHead(404).end());
const engine = new Engine(options);
engine.attach(http, { path: "/engine.io/", destroyUpgrade: false });
engine.on("connection", (session) => session.on("data", (data) => session.send(data)));

const io = new Server(http, { ...options, connectTimeout: 1000 });
const sendAuth = (socket) => socket.emit("auth", socket.handshake.auth);
io.on("connection", (socket) => {
  sendAuth(socket);
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => args.pop()(...args));
});
io.of("/custom").on("connection", sendAuth);

process.on("SIGTERM", () => process.exit(0));
console.log(`listening ${await listenOnLoopback(http, Number(process.argv[2] ?? 0))}`);
