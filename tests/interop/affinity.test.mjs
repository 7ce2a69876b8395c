// 200 × negotiate and connect without cookies: the token alone brings the WebSocket to the worker that minted it.
// $HUBGATE_MODE says how connections are expected to travel: "handover", "relay" or "worker" (no gateway in front).
import assert from "node:assert/strict";
import { test } from "node:test";
import { adminUrl, eventually, expectedWorkers, metric, openClient, stopAll } from "./clients.mjs";

const kClients = 200;
const kAtOnce = 8;
const mode = process.env.HUBGATE_MODE ?? "handover";

test("200 clients reach the worker that their tokens name, spread over all workers", async () => {
  const watched = adminUrl !== undefined && mode === "handover";
  const descriptors = watched ? await metric("hubgate_proxy_descriptors") : 0;
  if (watched) assert.ok(descriptors > 0, "the proxy counts its descriptors");
  const acked = watched ? await metric("hubgate_proxy_handovers_total", { result: "acked" }) : 0;

  const clients = [];
  const counts = new Map();
  const openOne = async () => {
    const client = await openClient();
    clients.push(client);
    const seat = await client.invoke("WhoAmI");
    counts.set(seat.worker, (counts.get(seat.worker) ?? 0) + 1);
    if (mode === "worker") return;
    const tag = client.tag();
    assert.ok(tag !== undefined, "the token has a tag");
    assert.deepEqual([tag.endpoint, tag.generation], [seat.endpoint, seat.generation]);
  };
  for (let begun = 0; begun < kClients; begun += kAtOnce) {
    await Promise.all(Array.from({ length: kAtOnce }, openOne));
  }
  assert.equal(clients.length, kClients);
  assert.equal(counts.size, expectedWorkers);
  const fair = kClients / expectedWorkers;
  for (const [worker, count] of counts) {
    assert.ok(count >= fair * 0.8 && count <= fair * 1.2, `${worker} has ${count} of ${kClients}`);
  }

  if (watched) {
    assert.equal((await metric("hubgate_proxy_handovers_total", { result: "acked" })) - acked, kClients);
    // With the test's configuration idle keep-alive connections go after a second; the question's own is in both.
    await eventually("the proxy's descriptors are back", async () =>
      (await metric("hubgate_proxy_descriptors")) <= descriptors);
  }
  await stopAll(clients);
});
