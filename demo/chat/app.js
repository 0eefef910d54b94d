// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// The page of the chat demo; PROTOCOL.md is what it speaks. In order: values, state, the connection, what arrives, what
// is sent, what is shown, what the user does. Values from the network become text nodes only, never markup.
//
// A message is identified by the key its sender chose. It stays "pending" until the server acknowledged it; after a
// lost connection every pending message is sent again, and the server knows it by its key.

/* global io */

const MAX_LABEL = 24;
const MAX_TEXT = 1000;
const MAX_ENTRIES = 300; // of a room, in the page
const ANSWER_MS = 8000;
const TYPING_EVERY_MS = 3000;
const TYPING_LASTS_MS = 5000;
const GROUP_MS = 5 * 60 * 1000;

const REASONS = {
  "invalid": "The server did not accept that.",
  "not-a-member": "You are no longer in this room.",
  "too-fast": "That was a bit too fast.",
  "too-many-rooms": "There are too many rooms. Leave one first.",
  "room-full": "This room is full.",
  "no-answer": "The server did not answer.",
};

// ---------------------------------------------------------------- values

const characters = (string) => [...string].length;
const wellFormed = (string) => string.toWellFormed?.() ?? string;

/** A name of a user or room as the server takes it; may be empty or too long. */
function tidyLabel(string) {
  return wellFormed(string)
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

function tidyText(string) {
  return wellFormed(string)
    .replace(/\r\n?/g, "\n")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "")
    .trim();
}

/** Why a label cannot be used, or an empty string. */
function labelProblem(label) {
  if (label === "") return "Please enter a name.";
  return characters(label) > MAX_LABEL ? `At most ${MAX_LABEL} characters, please.` : "";
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Remembers small values; a browser that forbids it only forgets them. */
const memory = {
  read(storage, name, otherwise) {
    try {
      return JSON.parse(storage().getItem(`sio-chat.${name}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  write(storage, name, value) {
    try {
      storage().setItem(`sio-chat.${name}`, JSON.stringify(value));
    } catch {
      // full or forbidden
    }
  },
};
const local = () => localStorage;
const session = () => sessionStorage;

// ---------------------------------------------------------------- state

const state = {
  name: memory.read(local, "name", ""),
  me: undefined, // user, once introduced on this connection
  connections: 0, // counts them, to tell answers of an earlier one apart
  lost: false, // the connection was there and should be again
  listed: new Map(), // name of every room -> number of members
  joined: new Map(), // name -> room, see newRoom()
  current: undefined, // the room on the screen
  ownKeys: new Set(memory.read(session, "keys", [])),
};

function newRoom(name) {
  return {
    name,
    entries: [], // messages and notices, oldest first
    keys: new Set(),
    people: new Map(), // id -> user
    typing: new Map(), // id -> { name, timer }
    unread: 0,
    ready: false, // joined on this connection
    draft: "",
  };
}

function addEntry(room, entry) {
  room.entries.push(entry);
  if (entry.key) room.keys.add(entry.key);
  while (room.entries.length > MAX_ENTRIES) room.keys.delete(room.entries.shift().key);
}

function rememberKey(key) {
  state.ownKeys.add(key);
  memory.write(session, "keys", [...state.ownKeys].slice(-500));
}

const rememberRooms = () => memory.write(session, "rooms", [...state.joined.keys()]);

// ---------------------------------------------------------------- connection

const transport = new URLSearchParams(location.search).get("transport");

const socket = io({
  autoConnect: false,
  reconnectionDelay: 500,
  reconnectionDelayMax: 5000,
  ...(["polling", "websocket"].includes(transport) && { transports: [transport] }),
});

/** Emits and waits for the answer: { ok: true, ... } or { ok: false, error }. */
async function ask(event, ...args) {
  try {
    const answer = await socket.timeout(ANSWER_MS).emitWithAck(event, ...args);
    return typeof answer === "object" && answer !== null ? answer : { ok: false, error: "no-answer" };
  } catch {
    return { ok: false, error: "no-answer" };
  }
}

/** As ask(), but waits for its turn when the server asks for patience. Undefined when the connection was lost. */
async function askPatiently(event, ...args) {
  const connection = state.connections;
  for (let tries = 0; ; tries++) {
    const answer = await ask(event, ...args);
    if (connection !== state.connections || !socket.connected) return undefined;
    if (answer.error !== "too-fast" || tries === 10) return answer;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (connection !== state.connections || !socket.connected) return undefined;
  }
}

socket.on("connect", async () => {
  state.connections += 1;
  state.lost = false;
  const { engine } = socket.io;
  engine.on("upgrade", showConnection);
  showConnection();

  const connection = state.connections;
  const answer = await ask("hello", state.name);
  if (connection !== state.connections || !socket.connected) return;
  if (answer.error === "invalid") {
    socket.disconnect();
    askName("Please choose another name.");
    return;
  }
  if (!answer.ok) {
    socket.disconnect().connect();
    return;
  }
  state.me = answer.user;
  state.listed = new Map(answer.rooms.map((room) => [room.name, room.members]));
  showRooms();
  for (const room of state.joined.values()) enter(room);
});

socket.on("disconnect", (reason) => {
  state.me = undefined;
  state.lost = reason !== "io client disconnect";
  for (const room of state.joined.values()) {
    room.ready = false;
    for (const { timer } of room.typing.values()) clearTimeout(timer);
    room.typing.clear();
  }
  typing.forget();
  if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
  showConnection();
  showTyping();
  showComposer();
});

socket.io.on("reconnect_attempt", showConnection);
socket.on("connect_error", showConnection);

// ---------------------------------------------------------------- what arrives

socket.on("room", (name, members) => {
  state.listed.set(name, members);
  showRooms();
});

socket.on("gone", (name) => {
  state.listed.delete(name);
  showRooms();
});

socket.on("joined", (name, user, time) => {
  const room = state.joined.get(name);
  if (!room) return;
  room.people.set(user.id, user);
  arrive(room, { notice: `${user.name} joined`, time });
  showPeople();
});

socket.on("left", (name, user, time) => {
  const room = state.joined.get(name);
  if (!room) return;
  room.people.delete(user.id);
  setTyping(room, user, false);
  arrive(room, { notice: `${user.name} left`, time });
  showPeople();
});

socket.on("message", (message) => {
  const room = state.joined.get(message.room);
  if (!room || room.keys.has(message.key)) return;
  setTyping(room, message.user, false);
  arrive(room, { ...message, own: false });
  if (room !== state.current || document.hidden) {
    room.unread += 1;
    showRooms();
  }
});

socket.on("typing", (name, user, on) => {
  const room = state.joined.get(name);
  if (room) setTyping(room, user, on);
});

function arrive(room, entry) {
  addEntry(room, entry);
  if (room === state.current) showNewEntry(entry);
}

function setTyping(room, user, on) {
  clearTimeout(room.typing.get(user.id)?.timer);
  room.typing.delete(user.id);
  if (on) {
    const timer = setTimeout(() => setTyping(room, user, false), TYPING_LASTS_MS);
    room.typing.set(user.id, { name: user.name, timer });
  }
  if (room === state.current) showTyping();
}

/** The history of a room just joined, put among what the page has already. */
function mergeHistory(room, history) {
  for (const message of history) {
    if (room.keys.has(message.key)) continue;
    addEntry(room, { ...message, own: state.ownKeys.has(message.key) });
  }
  room.entries.sort((a, b) => a.time - b.time);
}

// ---------------------------------------------------------------- what is sent

/** Joins on this connection, and sends what is still pending. */
async function enter(room) {
  const answer = await askPatiently("join", room.name);
  if (!answer || state.joined.get(room.name) !== room) return;
  if (!answer.ok) {
    state.joined.delete(room.name);
    if (state.current === room) openRoom(state.joined.keys().next().value);
    showProblem(answer.error);
    return;
  }
  room.ready = true;
  room.people = new Map(answer.members.map((user) => [user.id, user]));
  mergeHistory(room, answer.history);
  if (room === state.current) showRoom();
  for (const entry of room.entries.filter(({ status }) => status === "pending")) deliver(room, entry);
}

function leave(room) {
  state.joined.delete(room.name);
  rememberRooms();
  if (room.ready) askPatiently("leave", room.name);
  openRoom(state.joined.keys().next().value);
}

function post(room, text) {
  const message = { key: newKey(), room: room.name, text, time: Date.now(), own: true, status: "pending" };
  rememberKey(message.key);
  addEntry(room, message);
  showNewEntry(message, { follow: true });
  deliver(room, message);
}

async function deliver(room, message) {
  if (!room.ready) return; // enter() comes back to it
  const answer = await askPatiently("message", room.name, message.text, message.key);
  if (!answer) return;
  message.status = answer.ok ? "sent" : "failed";
  message.time = answer.time ?? message.time;
  message.problem = REASONS[answer.error] ?? "Not sent.";
  updateStatus(message);
}

/** Tells the room that the user is typing: at most every few seconds, and once when it ends. */
const typing = {
  room: undefined,
  at: 0,
  timer: undefined,
  on(room) {
    if (this.room && this.room !== room) this.off();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.off(), TYPING_LASTS_MS - 500);
    if (!room.ready || (this.room === room && performance.now() - this.at < TYPING_EVERY_MS)) return;
    this.room = room;
    this.at = performance.now();
    socket.emit("typing", room.name, true);
  },
  off() {
    if (this.room?.ready) socket.emit("typing", this.room.name, false);
    this.forget();
  },
  forget() {
    clearTimeout(this.timer);
    this.room = undefined;
  },
};

// ---------------------------------------------------------------- what is shown

const $ = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const { dataset, ...others } = properties;
  const node = Object.assign(document.createElement(name), others);
  Object.assign(node.dataset, dataset);
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function paint(node, name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 3600;
  node.style.setProperty("--hue", hash / 10);
  return node;
}

function avatar(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[1]].map((word) => [...word][0]) : [...name].slice(0, 2);
  const node = element("span", { className: "avatar", textContent: letters.join("").toLocaleUpperCase() });
  node.setAttribute("aria-hidden", "true");
  return paint(node, name);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });

function timeNode(time) {
  const date = new Date(time);
  return element("time", {
    className: "time",
    dateTime: date.toISOString(),
    title: moment.format(date),
    textContent: clock.format(date),
  });
}

function dayName(time) {
  const day = new Date(time).toDateString();
  if (day === new Date().toDateString()) return "Today";
  if (day === new Date(Date.now() - 24 * 3600 * 1000).toDateString()) return "Yesterday";
  return calendar.format(time);
}

/** The text with its web addresses as links. */
function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/).map((part, index) => {
    if (index % 2 === 0 || !URL.canParse?.(part)) return part;
    return element("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow", textContent: part });
  });
}

/** Puts new nodes into a list and keeps the focus on the one with the same data-key. */
function replaceItems(list, items) {
  const key = list.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  list.replaceChildren(...items);
  if (key !== undefined) list.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

function showRooms() {
  const names = new Set([...state.listed.keys(), ...state.joined.keys()]);
  const sorted = [...names].sort((a, b) => a.localeCompare(b));
  replaceItems($("rooms"), sorted.map(roomItem));

  const unread = [...state.joined.values()].reduce((sum, room) => sum + room.unread, 0);
  $("menu-dot").hidden = unread === 0;
  $("show-rooms").setAttribute("aria-label", unread ? `Rooms, ${plural(unread, "unread message", "unread messages")}` : "Rooms");
  const place = state.current ? `#${state.current.name} · sio chat` : "sio chat";
  document.title = unread ? `(${unread}) ${place}` : place;
  showHead();
}

function roomItem(name) {
  const room = state.joined.get(name);
  const members = state.listed.get(name) ?? 0;
  const button = element(
    "button",
    { type: "button", className: "room", title: name, dataset: { key: name } },
    element("bdi", { className: "label", textContent: name }),
  );
  if (room) button.classList.add("joined");
  if (room === state.current && room) button.setAttribute("aria-current", "true");
  if (room?.unread) {
    button.classList.add("unread");
    button.append(element("span", { className: "count", textContent: room.unread > 99 ? "99+" : room.unread }));
    button.append(element("span", { className: "hidden", textContent: "unread" }));
  } else {
    button.append(element("span", { className: "members", textContent: members, title: plural(members, "member", "members") }));
    button.append(element("span", { className: "hidden", textContent: members === 1 ? "member" : "members" }));
  }
  button.addEventListener("click", () => {
    openRoom(name);
    closePanels();
  });
  return element("li", {}, button);
}

function showHead() {
  const room = state.current;
  $("room-name").textContent = room ? `# ${room.name}` : "sio chat";
  $("room-members").textContent = room?.ready ? plural(room.people.size, "member", "members") : "";
  $("leave").hidden = !room;
  $("show-people").hidden = !room;
}

function showPeople() {
  const room = state.current;
  const people = [...(room?.people.values() ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  $("people-title").textContent = `Online (${people.length})`;
  replaceItems(
    $("people"),
    people.map(({ id, name }) =>
      element(
        "li",
        { className: "person" },
        avatar(name),
        element("bdi", { className: "label", textContent: name, title: name }),
        id === state.me?.id ? element("span", { className: "you", textContent: "you" }) : undefined,
      ),
    ),
  );
  showHead();
}

/** Everything of the room that is open. */
function showRoom() {
  const room = state.current;
  const log = $("log");
  log.setAttribute("aria-busy", "true");
  log.setAttribute("aria-label", room ? `Messages in ${room.name}` : "Messages");
  $("messages").replaceChildren();
  room?.entries.forEach((entry, index) => appendEntry(entry, room.entries[index - 1]));
  followLog();
  showEmpty();
  showRooms();
  showPeople();
  showTyping();
  showComposer();
  requestAnimationFrame(() => log.removeAttribute("aria-busy"));
}

function showEmpty() {
  const room = state.current;
  $("empty").hidden = room?.entries.length > 0;
  if (!room) $("empty-text").textContent = "Choose a room, or create one.";
  else $("empty-text").textContent = room.ready ? "Nothing here yet. Say hello!" : "Joining the room…";
}

/** True while the log stands at its end, and new messages scroll it. */
let following = true;

function followLog() {
  following = true;
  $("log").scrollTop = $("log").scrollHeight;
  $("newer").hidden = true;
}

function showNewEntry(entry, { follow = false } = {}) {
  const { entries } = state.current;
  appendEntry(entry, entries[entries.length - 2]);
  while ($("messages").children.length > 2 * MAX_ENTRIES) $("messages").firstChild.remove();
  if (following || follow) followLog();
  else if (!entry.notice) $("newer").hidden = false;
  showEmpty();
}

function appendEntry(entry, previous) {
  const list = $("messages");
  if (!previous || new Date(previous.time).toDateString() !== new Date(entry.time).toDateString()) {
    list.append(element("li", { className: "day", textContent: dayName(entry.time) }));
    previous = undefined;
  }
  if (entry.notice) {
    list.append(element("li", { className: "notice", title: moment.format(entry.time) }, element("bdi", { textContent: entry.notice })));
    return;
  }
  const grouped =
    previous &&
    !previous.notice &&
    previous.own === entry.own &&
    (entry.own || previous.user.id === entry.user.id) &&
    entry.time - previous.time < GROUP_MS;
  if (grouped) list.lastElementChild.classList.remove("last");
  list.append(messageNode(entry, !grouped));
}

function messageNode(message, first) {
  const node = element("li", { className: "message last", dataset: { message: message.key } });
  const body = element("span", { className: "body", dir: "auto" }, ...linked(message.text));
  const bubble = element("div", { className: "bubble" }, body);
  if (first) node.classList.add("first");
  if (message.own) {
    node.classList.add("own");
    bubble.prepend(element("span", { className: "hidden", textContent: "You: " }));
    bubble.append(element("span", { className: "meta" }));
  } else if (first) {
    const name = paint(element("bdi", { className: "name", textContent: message.user.name }), message.user.name);
    node.append(avatar(message.user.name), element("div", { className: "head" }, name, timeNode(message.time)));
  } else {
    bubble.title = moment.format(message.time);
  }
  node.append(bubble);
  if (message.own) paintStatus(node, message);
  return node;
}

function paintStatus(node, message) {
  const status = message.status ?? "sent";
  const word = { pending: "sending", sent: "delivered", failed: "not sent" }[status];
  node.querySelector(".problem")?.remove();
  node.querySelector(".meta").replaceChildren(
    timeNode(message.time),
    ...(status === "failed" ? [] : [icon(status)]),
    element("span", { className: "hidden", textContent: word }),
  );
  node.dataset.status = status;
  if (status !== "failed") return;

  const retry = element("button", { type: "button", textContent: "Send again" });
  const room = state.joined.get(message.room);
  retry.addEventListener("click", () => {
    message.status = "pending";
    updateStatus(message);
    if (room) deliver(room, message);
  });
  node.append(element("p", { className: "problem" }, message.problem, retry));
}

function updateStatus(message) {
  const node = $("messages").querySelector(`[data-message="${CSS.escape(message.key)}"]`);
  if (node) paintStatus(node, message);
}

function showTyping() {
  const names = [...(state.current?.typing.values() ?? [])].map(({ name }) => name);
  const bar = $("typing");
  bar.replaceChildren();
  if (names.length === 0) return;
  const dots = element("span", { className: "dots" }, element("i"), element("i"), element("i"));
  const bold = (name) => element("bdi", { textContent: name });
  if (names.length === 1) bar.append(dots, bold(names[0]), " is typing");
  else if (names.length === 2) bar.append(dots, bold(names[0]), " and ", bold(names[1]), " are typing");
  else bar.append(dots, `${names.length} people are typing`);
}

function showConnection() {
  const online = socket.connected;
  const word = state.lost ? "reconnecting" : "connecting";
  $("badge").dataset.state = online ? "online" : word;
  $("badge-text").textContent = online ? socket.io.engine.transport.name : word;
  $("banner").hidden = online || !state.lost;
  if (!$("banner").hidden) $("banner").textContent = "The connection was lost. Trying again; what you write is sent then.";
}

function showProblem(error) {
  $("banner").textContent = REASONS[error] ?? "Something went wrong.";
  $("banner").hidden = false;
  setTimeout(showConnection, 5000);
}

function showComposer() {
  const text = $("text");
  const room = state.current;
  const length = characters(tidyText(text.value));
  text.disabled = !room;
  $("composer").classList.toggle("disabled", !room);
  text.placeholder = room ? `Message #${room.name}` : "Message";
  $("send").disabled = !room || length === 0 || length > MAX_TEXT;
  $("count").textContent = length > MAX_TEXT - 100 ? `${MAX_TEXT - length}` : "";
  $("count").classList.toggle("over", length > MAX_TEXT);
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`; // 2: the border
}

// ---------------------------------------------------------------- what the user does

/** Opens a room, joining it first if need be; without a name, shows none. */
function openRoom(name) {
  typing.off();
  if (state.current) state.current.draft = $("text").value;
  let room = state.joined.get(name);
  if (name !== undefined && !room) {
    room = newRoom(name);
    state.joined.set(name, room);
    if (state.me) enter(room);
  }
  state.current = room;
  if (room) room.unread = 0;
  rememberRooms();
  $("text").value = room?.draft ?? "";
  const hash = room ? `#${encodeURIComponent(room.name)}` : location.pathname + location.search;
  if (location.hash !== hash) history.replaceState(null, "", hash);
  showRoom();
}

/** The room that the page's address names, if any. */
function roomOfAddress() {
  try {
    const label = tidyLabel(decodeURIComponent(location.hash.slice(1)));
    return labelProblem(label) ? undefined : label;
  } catch {
    return undefined;
  }
}

function send() {
  if ($("send").disabled) return;
  const text = tidyText($("text").value);
  $("text").value = "";
  typing.off();
  post(state.current, text);
  showComposer();
}

function askName(problem = "") {
  $("name").value = state.name;
  $("name-error").textContent = problem;
  $("name-title").textContent = state.name ? "Your name" : "Welcome";
  $("app").inert = true;
  if (!$("name-dialog").open) $("name-dialog").showModal();
  $("name").select();
}

function setName(name) {
  state.name = name;
  memory.write(local, "name", name);
  $("name-dialog").close();
  start();
}

/** Connects, anew if need be: a name holds as long as the connection. */
function start() {
  $("app").inert = false;
  $("me-name").textContent = state.name;
  paint($("me-avatar"), state.name).textContent = avatar(state.name).textContent;
  if (socket.active) socket.disconnect();
  socket.connect();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
}

const panels = { "show-rooms": "rooms-panel", "show-people": "people-panel" };

function closePanels() {
  for (const [button, panel] of Object.entries(panels)) {
    if (!$(panel).classList.contains("open")) continue;
    $(panel).classList.remove("open");
    $(button).setAttribute("aria-expanded", "false");
    if ($(panel).contains(document.activeElement)) $(button).focus();
  }
  document.querySelector("main").inert = false;
}

for (const [button, panel] of Object.entries(panels)) {
  $(button).addEventListener("click", () => {
    $(panel).classList.add("open");
    $(button).setAttribute("aria-expanded", "true");
    $(panel).querySelector("[data-close-panel]").focus();
    document.querySelector("main").inert = true;
  });
}

for (const button of document.querySelectorAll("[data-close-panel]")) button.addEventListener("click", closePanels);
$("shade").addEventListener("click", closePanels);
for (const width of [720, 1020]) matchMedia(`(max-width: ${width}px)`).addEventListener("change", closePanels);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closePanels();
});

$("name-dialog").addEventListener("cancel", (event) => {
  event.preventDefault();
  if (state.name && socket.active) {
    $("name-dialog").close();
    $("app").inert = false;
  }
});

$("name-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = tidyLabel($("name").value);
  const problem = labelProblem(name);
  $("name-error").textContent = problem;
  if (!problem) setName(name);
});

$("create").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = tidyLabel($("create-name").value.replace(/^\s*#/, ""));
  const problem = labelProblem(name);
  $("create-error").textContent = problem;
  if (problem) return;
  $("create-name").value = "";
  openRoom(name);
  closePanels();
  $("text").focus();
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});

$("text").addEventListener("input", () => {
  showComposer();
  if (tidyText($("text").value) === "") typing.off();
  else typing.on(state.current);
});

$("log").addEventListener("scroll", () => {
  const log = $("log");
  following = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  if (following) $("newer").hidden = true;
});

// The field below grows, or the keyboard of a phone comes up.
new ResizeObserver(() => {
  if (following) followLog();
}).observe($("log"));

$("newer").addEventListener("click", () => {
  $("log").scrollTo({ top: $("log").scrollHeight, behavior: "smooth" });
});

$("leave").addEventListener("click", () => {
  if (state.current) leave(state.current);
});

$("rename").addEventListener("click", () => {
  closePanels();
  askName();
});

addEventListener("hashchange", () => {
  const name = roomOfAddress();
  if (name !== undefined && name !== state.current?.name) openRoom(name);
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden || !state.current?.unread) return;
  state.current.unread = 0;
  showRooms();
});

for (const name of memory.read(session, "rooms", [])) {
  if (typeof name === "string" && name === tidyLabel(name) && !labelProblem(name)) state.joined.set(name, newRoom(name));
}
openRoom(roomOfAddress() ?? state.joined.keys().next().value ?? "general");
showConnection();
if (state.name) start();
else askName();
