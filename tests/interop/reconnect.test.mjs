// A worker dies: its own clients come back by themselves, the others notice nothing. Needs the workers' machine.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, openClient, openOnAllWorkers, stopAll } from "./clients.mjs";

test("clients of a killed worker reconnect, those of others stay, and the worker comes back", async () => {
  const { clients, byWorker } = await openOnAllWorkers(2, { reconnect: true });
  const [victims, ...rest] = byWorker;
  const survivors = rest.flat();
  const { worker, pid, generation } = victims[0].seat;
  for (const client of clients) {
    client.drops = 0;
    client.connection.onreconnecting(() => ++client.drops);
    client.connection.onreconnected(() => (client.isBack = true));
  }

  process.kill(pid, "SIGKILL");
  await eventually("the worker's clients are back", () => victims.every((client) => client.isBack), 20_000);
  for (const client of victims) {
    const seat = await client.invoke("WhoAmI");
    assert.notEqual(seat.pid, pid);
  }
  for (const client of survivors) {
    assert.equal(client.drops, 0);
    assert.deepEqual(await client.invoke("WhoAmI"), client.seat);
  }
  await eventually("the worker serves again, in a later generation", async () => {
    const client = await openClient();
    const seat = await client.invoke("WhoAmI");
    await client.stop();
    return seat.worker === worker && seat.generation > generation;
  }, 20_000);
  await stopAll(clients);
});
