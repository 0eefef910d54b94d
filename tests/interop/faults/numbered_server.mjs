/**
 * The official server for the fault tests, a process of its own: it can be stopped, killed, and put into a network
 * namespace. Its argument is a JSON object: {host, port} and options of the server. It answers each event "seq" with its
 * number, and prints lines of JSON: {port}, {connect}, {disconnect}, {seq}. A line N on its standard input makes it emit
 * the next N numbered events "news".
 */
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";

const { host = "127.0.0.1", port = 0, ...options } = JSON.parse(process.argv[2] ?? "{}");
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const http = createServer((request, response) => response.writeHead(404).end());
const io = new Server(http, { pingInterval: 1000, pingTimeout: 1000, ...options });
io.on("connection", (socket) => {
  tell({ connect: socket.id, transport: socket.conn.transport.name });
  socket.on("seq", (n, acknowledge) => {
    tell({ seq: n });
    acknowledge(n);
  });
  socket.on("disconnect", (reason) => tell({ disconnect: reason }));
});
http.listen(port, host, () => tell({ port: http.address().port }));

let last = 0;
createInterface({ input: process.stdin })
  .on("line", (count) => {
    for (let i = 0; i < Number(count); i++) {
      io.emit("news", ++last);
    }
  })
  .on("close", () => process.exit(0));
