// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The chat demo in a real browser: headless Chromium against `sio serve`, or with SIO_REFERENCE=1 against the official
// server of demo/chat/reference.mjs, which checks these tests themselves.
//
//   CHROMIUM        the browser (else the first of the usual places)
//   SIO_SHOTS=DIR   also takes pictures of the page for looking at

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { chromium } from "playwright-core";
import { ChatServer } from "./chat_server.mjs";
import { eventually } from "./support.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const BROWSER = process.env.CHROMIUM ?? NAMES.map((name) => `/usr/bin/${name}`).find(existsSync);
const PATIENCE_MS = 15_000;
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

const until = (condition, what) => eventually(condition, what, PATIENCE_MS);

/** One user's window. */
class Visitor {
  static async arrive(name, { path = "", prepare, ...options } = {}) {
    const visitor = new Visitor();
    visitor.context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: "en-GB",
      reducedMotion: "reduce",
      ...options,
    });
    visitor.context.setDefaultTimeout(PATIENCE_MS);
    visitor.page = await visitor.context.newPage();
    visitor.problems = [];
    visitor.page.on("pageerror", (error) => visitor.problems.push(String(error)));
    visitor.page.on("console", (line) => line.type() === "error" && visitor.problems.push(line.text()));
    if (prepare) await visitor.page.addInitScript(prepare);
    await visitor.page.goto(server.url + path);
    await visitor.page.getByLabel("Your name", { exact: true }).fill(name);
    await visitor.page.keyboard.press("Enter");
    return visitor;
  }

  /** Waits for the badge, and for the room to be joined. */
  async online(transport) {
    await this.badge(transport);
    await this.page.locator("#room-members", { hasText: "member" }).waitFor();
    return this;
  }

  badge(text) {
    return this.page.locator("#badge-text").getByText(text, { exact: true }).waitFor();
  }

  async say(text) {
    await this.page.locator("#text").fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** The message of that text once it is shown. */
  async sees(text) {
    const message = this.page.locator(".message", { has: this.page.locator(".body").getByText(text, { exact: true }) });
    await message.waitFor();
    return message;
  }

  async open(room) {
    await this.page.locator(`#rooms [data-key="${room}"]`).click();
    await this.page.locator("#room-name").getByText(`# ${room}`, { exact: true }).waitFor();
    await this.page.locator("#room-members", { hasText: "member" }).waitFor();
  }

  async create(room) {
    await this.page.getByLabel("New room").fill(room);
    await this.page.keyboard.press("Enter");
    await this.page.locator("#room-name").getByText(`# ${room}`, { exact: true }).waitFor();
    await this.page.locator("#room-members", { hasText: "member" }).waitFor();
  }

  async leaves({ quietly = true } = {}) {
    await this.context.close();
    if (quietly) assert.deepEqual(this.problems, [], "the console of the page is empty");
  }
}

let browser;
let server;

describe("chat page", { skip: BROWSER ? false : "no Chromium", timeout: 180_000 }, () => {
  before(async () => {
    server = await ChatServer.start();
    browser = await chromium.launch({
      executablePath: BROWSER,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it("lets two users chat over websocket after an upgrade from polling", async () => {
    const ada = await Visitor.arrive("Ada");
    await ada.online("websocket");
    const grace = await Visitor.arrive("Grace");
    await grace.online("websocket");
    await ada.page.getByText("Grace joined").waitFor();

    await ada.say("Hello Grace");
    const received = await grace.sees("Hello Grace");
    assert.equal(await received.locator(".name").textContent(), "Ada");
    await grace.say("Hello Ada");
    await ada.sees("Hello Ada");

    const own = await ada.sees("Hello Grace");
    await until(async () => (await own.getAttribute("data-status")) === "sent", "the acknowledgement of the message");
    assert.equal(await ada.page.locator("#people .person").count(), 2);

    await grace.leaves();
    await ada.page.getByText("Grace left").waitFor();
    await ada.leaves();
  });

  it("stays on polling when the browser has no WebSocket", async () => {
    const ada = await Visitor.arrive("Ada", { prepare: () => delete globalThis.WebSocket });
    await ada.online("polling");
    const grace = await Visitor.arrive("Grace");
    await grace.online("websocket");

    await ada.say("by post");
    await grace.sees("by post");
    await grace.say("by wire");
    await ada.sees("by wire");
    await ada.badge("polling");

    await ada.leaves();
    await grace.leaves();
  });

  it("keeps to polling when the address asks for it", async () => {
    const ada = await Visitor.arrive("Ada", { path: "?transport=polling" });
    const sockets = [];
    ada.page.on("websocket", (socket) => sockets.push(socket.url()));
    await ada.online("polling");
    await ada.say("only requests");
    const own = await ada.sees("only requests");
    await until(async () => (await own.getAttribute("data-status")) === "sent", "the acknowledgement of the message");
    assert.deepEqual(sockets, []);
    await ada.leaves();
  });

  it("shows who is typing, and stops when the text is gone or sent", async () => {
    const ada = await (await Visitor.arrive("Ada")).online("websocket");
    const grace = await (await Visitor.arrive("Grace")).online("websocket");
    const bar = grace.page.locator("#typing");

    await ada.page.locator("#text").pressSequentially("Hm");
    await bar.getByText("Ada is typing").waitFor();
    await ada.page.locator("#text").fill("");
    await until(async () => (await bar.textContent()) === "", "the end of the typing notice");

    await ada.page.locator("#text").pressSequentially("Yes");
    await bar.getByText("Ada is typing").waitFor();
    await ada.page.keyboard.press("Enter");
    await grace.sees("Yes");
    await until(async () => (await bar.textContent()) === "", "the end of the typing notice");

    await ada.leaves();
    await grace.leaves();
  });

  it("keeps rooms apart and counts what was not read", async () => {
    const ada = await (await Visitor.arrive("Ada")).online("websocket");
    const grace = await (await Visitor.arrive("Grace")).online("websocket");
    await ada.create("Engines");
    await ada.say("not for everybody");
    await grace.page.locator('#rooms [data-key="Engines"]').waitFor();
    await grace.say("for the general public");

    // Ada is in both rooms: an unread message in the other one. Grace is in one only.
    await ada.page.locator('#rooms [data-key="general"] .count').getByText("1", { exact: true }).waitFor();
    assert.equal(await ada.page.locator(".message").filter({ hasText: "for the general public" }).count(), 0);
    await ada.open("general");
    await ada.sees("for the general public");
    assert.equal(await ada.page.locator("#rooms .count").count(), 0);
    assert.equal(await grace.page.locator(".message").filter({ hasText: "not for everybody" }).count(), 0);

    // Who joins later reads the history.
    await grace.open("Engines");
    await grace.sees("not for everybody");

    // The room goes with its last member.
    await grace.page.getByLabel("Leave this room").click();
    await ada.open("Engines");
    await ada.page.getByLabel("Leave this room").click();
    await grace.page.locator('#rooms [data-key="Engines"]').waitFor({ state: "detached" });

    await ada.leaves();
    await grace.leaves();
  });

  it("shows markup in names, rooms and messages as text", async () => {
    const name = "<img src=x onerror=a()>";
    const room = "<b onclick=a()>bold</b>";
    const text = '<script>a()</script><img src="x" onerror="a()"> &lt;';
    const ada = await (await Visitor.arrive("Ada")).online("websocket");
    const mallory = await (await Visitor.arrive(name)).online("websocket");

    await ada.page.getByText(`${name} joined`, { exact: true }).waitFor();
    await mallory.say(text);
    const message = await ada.sees(text);
    assert.equal(await message.locator(".name").textContent(), name);
    await mallory.create(room);
    await ada.page.locator("#rooms").getByText(room, { exact: true }).waitFor();
    await ada.page.locator("#people").getByText(name, { exact: true }).waitFor();
    for (const { page } of [ada, mallory]) {
      assert.equal(await page.locator('script:not([src]), img[src="x"], [onclick], [onerror]').count(), 0);
    }

    await ada.leaves();
    await mallory.leaves();
  });

  it("comes back when the server was killed and started again, and sends what was written meanwhile", async () => {
    const ada = await (await Visitor.arrive("Ada")).online("websocket");
    const grace = await (await Visitor.arrive("Grace")).online("websocket");
    await ada.say("before");
    await grace.sees("before");

    await server.stop("SIGKILL");
    await ada.badge("reconnecting");
    await grace.badge("reconnecting");
    await ada.say("in between");
    const own = await ada.sees("in between");
    assert.equal(await own.getAttribute("data-status"), "pending");

    server = await ChatServer.start(server.port);
    await ada.badge("websocket");
    await grace.badge("websocket");
    await until(async () => (await own.getAttribute("data-status")) === "sent", "the message written meanwhile");
    await grace.sees("in between");
    await grace.say("after");
    await ada.sees("after");
    assert.equal(await grace.page.locator(".message").filter({ hasText: "in between" }).count(), 1);
    await ada.sees("before");

    // Refused connections are in the console by right.
    await ada.leaves({ quietly: false });
    await grace.leaves({ quietly: false });
  });

  it("fits on a phone without scrolling sideways", async () => {
    const ada = await (await Visitor.arrive("Ada", PHONE)).online("websocket");
    const overflow = () => ada.page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);

    await ada.say("unbreakable".repeat(30));
    await ada.sees("unbreakable".repeat(30));
    assert.ok((await overflow()) <= 0, "with a long word");
    assert.ok((await ada.page.locator("#log").evaluate((log) => log.scrollWidth - log.clientWidth)) <= 0, "in the log");

    await ada.page.getByRole("button", { name: "Rooms", exact: true }).click();
    await ada.open("ideas");
    assert.ok((await overflow()) <= 0, "after the list of rooms");
    await ada.page.getByLabel("People in this room").first().click();
    await ada.page.locator("#people").getByText("Ada").waitFor();
    assert.ok((await overflow()) <= 0, "with the list of people");
    await ada.page.keyboard.press("Escape");
    await ada.page.locator("#people").waitFor({ state: "hidden" });
    await ada.leaves();
  });

  it("remembers the name, and refuses one that is too long", async () => {
    const ada = await Visitor.arrive("A".repeat(25));
    await ada.page.getByText("At most 24 characters").waitFor();
    await ada.page.getByLabel("Your name", { exact: true }).fill("Ada");
    await ada.page.keyboard.press("Enter");
    await ada.online("websocket");
    await ada.page.reload();
    await ada.online("websocket");
    assert.equal(await ada.page.locator("#me-name").textContent(), "Ada");
    assert.equal(await ada.page.locator("#name-dialog").isVisible(), false);
    await ada.leaves();
  });

  it("looks right", { skip: process.env.SIO_SHOTS ? false : "SIO_SHOTS is not set" }, async () => {
    await server.stop();
    server = await ChatServer.start();
    const desktop = { viewport: { width: 1120, height: 700 }, deviceScaleFactor: 1.5 };
    const ada = await (await Visitor.arrive("Ada Lovelace", desktop)).online("websocket");
    const grace = await (await Visitor.arrive("Grace Hopper", { ...desktop, colorScheme: "dark" })).online("websocket");
    const linus = await (await Visitor.arrive("Jun Sato")).online("websocket");
    const phone = { ...PHONE, deviceScaleFactor: 2, colorScheme: "dark" };
    const mary = await (await Visitor.arrive("Mary Allen", phone)).online("websocket");

    const lines = [
      [grace, "Morning! The new build is on the test machine."],
      [grace, "Please open it on whatever you have at hand."],
      [linus, "A laptop behind a strict proxy here: polling, and it works."],
      [ada, "Websocket for me. Notes are at https://example.org/notes"],
      [mary, "I kept my phone on a train all morning: three tunnels, three reconnections, nothing lost."],
      [ada, "That is the part I like best."],
      [ada, "Let us ship it."],
    ];
    for (const [who, text] of lines) {
      await who.say(text);
      for (const other of [ada, grace, linus, mary]) await other.sees(text);
    }
    for (const room of ["Compilers", "Lunch"]) await linus.create(room);
    await grace.open("ideas");
    await ada.open("ideas");
    await grace.say("What if the page could show the transport?");
    await ada.open("general");
    await grace.say("It could be a small badge.");
    await grace.open("general");
    await linus.open("general");
    await linus.page.locator("#text").pressSequentially("On");
    const shot = async ({ page }, name) => {
      await page.locator("#typing").getByText("is typing").waitFor();
      await page.screenshot({ path: join(process.env.SIO_SHOTS, `${name}.png`) });
    };
    await shot(ada, "desktop-light");
    await shot(grace, "desktop-dark");
    await shot(mary, "phone");
    await mary.page.getByRole("button", { name: /^Rooms/ }).click();
    await mary.page.screenshot({ path: join(process.env.SIO_SHOTS, "phone-rooms.png") });
    for (const visitor of [ada, grace, linus, mary]) await visitor.leaves();
  });
});
