// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.

/**
 * As much of a terminal as line editors need: what is written becomes lines of a screen that has no end below. Wraps
 * as xterm does: the cursor stays in the last column until one more character comes.
 */
export class Terminal {
  #rows = [[]];
  #row = 0;
  #column = 0;
  #pending = "";

  constructor(columns) {
    this.columns = columns;
  }

  /** The rows down to the last one that has something, or the cursor, without blanks at their ends. */
  get lines() {
    const lines = this.#rows.map((row) => Array.from(row, (c) => c ?? " ").join("").trimEnd());
    while (lines.length - 1 > this.#row && lines.at(-1) === "") {
      lines.pop();
    }
    return lines;
  }

  write(text) {
    const token = /\x1b\[([?\d;]*)([@-~])|\x1b[()]?[^[(]|[\s\S]/gu;
    let rest = this.#pending + text;
    const cut = /\x1b(\[[?\d;]*)?$/.exec(rest);
    this.#pending = cut ? cut[0] : "";
    rest = cut ? rest.slice(0, cut.index) : rest;
    for (const [all, parameters, final] of rest.matchAll(token)) {
      if (final !== undefined) {
        this.#control(final, parameters);
      } else if (all[0] !== "\x1b") {
        this.#character(all);
      }
    }
  }

  #line() {
    while (this.#rows.length <= this.#row) {
      this.#rows.push([]);
    }
    return this.#rows[this.#row];
  }

  #character(c) {
    if (c === "\r") {
      this.#column = 0;
    } else if (c === "\n") {
      this.#row++;
      this.#line();
    } else if (c === "\b") {
      this.#column = Math.max(Math.min(this.#column, this.columns - 1) - 1, 0);
    } else if (c >= " " && c !== "\x7f") {
      if (this.#column === this.columns) {
        this.#column = 0;
        this.#row++;
      }
      this.#line()[this.#column++] = c;
    }
  }

  #control(final, parameters) {
    const count = Number(parameters || 1);
    const line = this.#line();
    const column = Math.min(this.#column, this.columns - 1);
    if (final === "A") {
      this.#row = Math.max(this.#row - count, 0);
    } else if (final === "B") {
      this.#row += count;
    } else if (final === "C") {
      this.#column = Math.min(column + count, this.columns - 1);
    } else if (final === "D") {
      this.#column = Math.max(column - count, 0);
    } else if (final === "G") {
      this.#column = Math.min(count - 1, this.columns - 1);
    } else if (final === "K" && (parameters || "0") === "0") {
      line.length = Math.min(line.length, column);
    } else if (final === "J" && (parameters || "0") === "0") {
      line.length = Math.min(line.length, column);
      this.#rows.length = this.#row + 1;
    } else if (final === "@") {
      line.splice(column, 0, ...Array(count).fill(" "));
      line.length = Math.min(line.length, this.columns);
    } else if (final === "P") {
      line.splice(column, count);
    }
  }
}
