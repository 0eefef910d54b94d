// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The server of the chat demo as a process: `sio serve`, or with SIO_REFERENCE=1 demo/chat/reference.mjs. The program is
// SIO_BIN, else bin/sio of SIO_BUILD_DIR.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { reference, within } from "./support.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const program = resolve(here, process.env.SIO_BIN ?? `${process.env.SIO_BUILD_DIR ?? "../../build/release"}/bin/sio`);
const command = reference ? [process.execPath, resolve(here, "../../demo/chat/reference.mjs")] : [program, "serve"];

/** A running server; `url` is where its page is. */
export class ChatServer {
  static async start(port = 0) {
    const [file, ...args] = [...command, "--port", String(port)];
    const server = new ChatServer();
    server.child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
    server.exited = once(server.child, "exit");
    server.port = await within(server.#announcement(), `address of ${file}`, 10_000);
    server.url = `http://127.0.0.1:${server.port}/`;
    return server;
  }

  /** The port in the address that the server logs when it is up. */
  #announcement() {
    const said = [];
    return new Promise((resolve, reject) => {
      this.exited.then(([code]) => reject(new Error(`ended with ${code}: ${said.join("\n")}`)), reject);
      createInterface({ input: this.child.stderr }).on("line", (line) => {
        said.push(line);
        const address = line.match(/http:\/\/\S+:(\d+)\//);
        if (address) {
          resolve(Number(address[1]));
        }
      });
    });
  }

  async stop(signal = "SIGTERM") {
    this.child.kill(signal);
    await within(this.exited, `end on ${signal}`, 10_000);
  }
}
