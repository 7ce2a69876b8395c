// What one worker's clients send reaches the other's: all of it, once, and in order for each sender.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, openOnAllWorkers, stopAll } from "./clients.mjs";

let clients;
let byWorker;

before(async () => {
  ({ clients, byWorker } = await openOnAllWorkers(2));
});
after(() => stopAll(clients));

const kMessages = 200;

/// Every receiver has `wanted` texts of each sender, in order, and nothing else that begins with `prefix`.
async function checkReceived(receivers, senders, prefix) {
  const wanted = Array.from({ length: kMessages }, (_, i) => `${prefix} ${i}`);
  for (const receiver of receivers) {
    const mine = () => receiver.received.filter(([, text]) => text.startsWith(prefix));
    await eventually(`${prefix}: all messages`, () => mine().length >= kMessages * senders.length);
    for (const sender of senders) {
      const texts = mine().filter(([from]) => from === sender.connection.connectionId).map(([, text]) => text);
      assert.deepEqual(texts, wanted);
    }
    assert.equal(mine().length, kMessages * senders.length);
  }
}

test("messages to all arrive on every worker, in order and once", async () => {
  const senders = byWorker.map((list) => list[0]);
  for (let i = 0; i < kMessages; ++i) {
    await Promise.all(senders.map((sender) => sender.send("Send", `all ${i}`)));
  }
  await checkReceived(clients, senders, "all");
});

test("messages to a group arrive at its members on every worker, and at nobody else", async () => {
  const members = byWorker.map((list) => list[0]);
  const others = byWorker.flatMap((list) => list.slice(1));
  await Promise.all(members.map((member) => member.invoke("Join", "interop")));
  const senders = byWorker.map((list) => list[1]);
  for (let i = 0; i < kMessages; ++i) {
    await Promise.all(senders.map((sender) => sender.send("SendToGroup", "interop", `group ${i}`)));
  }
  await checkReceived(members, senders, "group");
  for (const other of others) assert.equal(other.received.filter(([, text]) => text.startsWith("group")).length, 0);
});

test("who has left a group receives nothing more of it", async () => {
  const [member] = byWorker[0];
  const [witness] = byWorker.at(-1);
  await Promise.all([member.invoke("Join", "left"), witness.invoke("Join", "left")]);
  await member.invoke("Leave", "left");
  await witness.invoke("SendToGroup", "left", "after leaving");
  await eventually("the witness hears it", () => witness.received.some(([, text]) => text === "after leaving"));
  // Sent later through the same channels, and received: what was to come has come.
  await witness.invoke("Send", "marker");
  await eventually("the marker", () => member.received.some(([, text]) => text === "marker"));
  assert.ok(!member.received.some(([, text]) => text === "after leaving"));
});

test("Join awaited, then a group message from the other worker: received, 1,000 times", async () => {
  const [receiver] = byWorker[0];
  const [sender] = byWorker.at(-1);
  for (let i = 0; i < 1000; ++i) {
    const group = `round ${i}`;
    await receiver.invoke("Join", group);
    await sender.invoke("SendToGroup", group, group);
    await eventually(group, () => receiver.received.at(-1)?.[1] === group, 5_000);
    if (i % 2 === 0) await receiver.invoke("Leave", group);
  }
});
