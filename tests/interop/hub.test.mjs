// One worker's answers to the official client: values, errors, bodies of every size.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, makeClient, openClient, stopAll } from "./clients.mjs";

test("values come back as they went", async () => {
  const client = await openClient("/bench");
  for (const value of [null, true, 0, -1, 1.5, 9007199254740991, "", "ü€😀\u001e\n\"\\", [1, [2]], { a: { b: [null] } }]) {
    assert.deepEqual(await client.invoke("Echo", value), value);
  }
  await client.stop();
});

test("texts up to the message limit come back whole", async () => {
  const client = await openClient("/bench");
  for (const size of [125, 126, 4096, 30_000]) {
    const text = "ä".repeat(size / 2);
    assert.equal(await client.invoke("Echo", text), text);
  }
  await client.stop();
});

test("answers to many calls at once belong to their calls", async () => {
  const client = await openClient("/bench");
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => client.invoke("Echo", i)));
  assert.deepEqual(answers, Array.from({ length: 500 }, (_, i) => i));
  await client.stop();
});

test("an unknown method is an error of the call, and the connection lives on", async () => {
  const client = await openClient("/bench");
  await assert.rejects(client.invoke("Nothing"), /Method does not exist/);
  assert.equal(await client.invoke("Echo", 1), 1);
  await client.stop();
});

test("a message above the limit ends the connection with an error", async () => {
  const client = await openClient("/bench");
  const closed = new Promise((resolve) => client.connection.onclose(resolve));
  client.invoke("Echo", "x".repeat(40_000)).catch(() => {});
  assert.match(String(await closed), /Connection closed with an error/);
});

test("a broadcast reaches the caller and others", async () => {
  const clients = [await openClient("/bench"), await openClient("/bench")];
  await clients[0].invoke("Broadcast", { n: 1 });
  for (const client of clients) {
    await eventually("the broadcast", () => client.received.length === 1);
    assert.deepEqual(client.received, [{ n: 1 }]);
  }
  await stopAll(clients);
});

test("a client may stop and start again", async () => {
  const client = makeClient("/chat");
  for (let i = 0; i < 3; ++i) {
    await client.connection.start();
    assert.ok((await client.invoke("WhoAmI")).pid > 0);
    await client.stop();
  }
});
