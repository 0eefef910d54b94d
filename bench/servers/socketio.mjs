// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The jobs of the benchmark on the official Socket.IO server, with its defaults (the page's client is not asked for).
//
//   node bench/servers/socketio.mjs PORT

import { packages } from "./packages.mjs";

const { Server } = packages("socket.io");
const io = new Server(Number(process.argv[2]), { serveClient: false });

io.on("connection", (socket) => {
  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("ack", (...args) => args.pop()(...args));
  socket.on("cast", (...args) => io.emit("cast", ...args));
});
