// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The plain WebSocket jobs of the benchmark on the package ws, which the official Socket.IO server is built on.
//
//   node bench/servers/ws.mjs PORT [cast]

import { packages } from "./packages.mjs";

const { WebSocketServer } = packages("ws");
const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1" });
const cast = process.argv[3] === "cast";

server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, binary) => {
    for (const receiver of cast ? server.clients : [socket]) {
      receiver.send(data, { binary });
    }
  });
});
