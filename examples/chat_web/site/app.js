"use strict";

// The demo: one SignalR connection to /chat. "?user=ann" in the page's address is passed on to the hub, which may use
// it as a name; without one, a client is known by its connection id.

const kRetryDelays = [0, 500, 1000, 2000, 5000]; // ms; the last one again and again
const kMostMessages = 500;

const element = (id) => document.getElementById(id);
const delayOf = (attempt) => kRetryDelays[Math.min(attempt, kRetryDelays.length - 1)];
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const user = new URLSearchParams(location.search).get("user");
const hubUrl = user === null ? "/chat" : `/chat?user=${encodeURIComponent(user)}`;
const rooms = new Set(); // joined, or to be joined again after a reconnect

const connection = new signalR.HubConnectionBuilder()
  .withUrl(hubUrl)
  .withAutomaticReconnect({ nextRetryDelayInMilliseconds: (context) => delayOf(context.previousRetryCount) })
  .configureLogging(signalR.LogLevel.Warning)
  .build();

function showState(state, text) {
  document.body.dataset.state = state;
  element("state").textContent = text;
  element("send").disabled = state !== "connected";
}

function append(item) {
  const list = element("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.append(item);
  while (list.childElementCount > kMostMessages) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function note(text) {
  const item = document.createElement("li");
  item.className = "note";
  item.textContent = text;
  append(item);
}

function isMe(from) {
  return from === user || from === connection.connectionId;
}

function shortName(from) {
  return from.length > 16 ? `${from.slice(0, 8)}…` : from;
}

function showMessage(from, text) {
  const item = document.createElement("li");
  item.classList.toggle("own", isMe(from));
  if (isMe(from)) element("me").textContent = shortName(from);
  const sender = document.createElement("span");
  sender.className = "from";
  sender.title = from;
  sender.textContent = isMe(from) ? "you" : shortName(from);
  const body = document.createElement("span");
  body.className = "text";
  body.textContent = text;
  item.append(sender, body);
  append(item);
}

function showRooms() {
  const items = [];
  const options = [new Option("everyone", "")];
  for (const room of rooms) {
    const leave = document.createElement("button");
    leave.type = "button";
    leave.textContent = `${room} ×`;
    leave.setAttribute("aria-label", `Leave ${room}`);
    leave.addEventListener("click", () => leaveRoom(room));
    const item = document.createElement("li");
    item.append(leave);
    items.push(item);
    options.push(new Option(room, room));
  }
  element("room-list").replaceChildren(...items);
  const target = element("target");
  const chosen = target.value;
  target.replaceChildren(...options);
  target.value = rooms.has(chosen) ? chosen : "";
}

async function joinRoom(room) {
  await connection.invoke("Join", room);
  rooms.add(room);
  showRooms();
}

async function leaveRoom(room) {
  rooms.delete(room);
  showRooms();
  await connection.invoke("Leave", room).catch((error) => note(error.message));
}

// Where this tab sits. A reconnect may land on another worker, whose hub knows nothing of our rooms.
async function settle() {
  const seat = await connection.invoke("WhoAmI");
  element("worker").textContent = seat.worker;
  element("pid").textContent = seat.pid;
  element("endpoint").textContent = seat.endpoint;
  element("generation").textContent = seat.generation;
  element("me").textContent = shortName(connection.connectionId); // until others see our user name, if the hub has any
  showState("connected", "connected");
  note(`on ${seat.worker}, process ${seat.pid}`);
  for (const room of rooms) {
    await connection.invoke("Join", room).catch((error) => note(`${room}: ${error.message}`));
  }
}

async function start() {
  for (let attempt = 0; ; ++attempt) {
    try {
      showState("connecting", "connecting …");
      await connection.start();
      await settle();
      return;
    } catch (error) {
      if (connection.state === signalR.HubConnectionState.Reconnecting) return; // goes on there
      if (connection.state === signalR.HubConnectionState.Connected) return note(error.message);
      showState("disconnected", "no connection");
      console.warn(error);
      await wait(Math.max(delayOf(attempt), 500));
    }
  }
}

connection.on("Receive", showMessage);
connection.onreconnecting(() => showState("connecting", "reconnecting …"));
connection.onreconnected(() => settle().catch((error) => note(error.message)));
// The server said goodbye for good, or the handshake failed: begin anew.
connection.onclose(() => {
  showState("disconnected", "no connection");
  wait(1000).then(start);
});

element("send-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = element("text").value;
  const room = element("target").value;
  try {
    await (room === "" ? connection.invoke("Send", text) : connection.invoke("SendToGroup", room, text));
    element("text").value = "";
  } catch (error) {
    note(error.message);
  }
  element("text").focus();
});

element("join-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const room = element("room").value.trim();
  if (room === "") return; // blanks pass for a value
  try {
    await joinRoom(room);
    element("target").value = room;
    element("room").value = "";
  } catch (error) {
    note(error.message);
  }
});

start();
