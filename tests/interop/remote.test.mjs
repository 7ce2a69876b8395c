// ASP.NET Core SignalR servers behind the gateway, as remote endpoints: they know nothing of tags, cookies or each other,
// and yet each request of a client must reach the one that it negotiated with. $HUBGATE_SERVERS names a file with a
// line "NAME PORT PID" for each of them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HttpTransportType } from "@microsoft/signalr";
import { adminUrl, baseUrl, eventually, makeClient, metric, openClient, stopAll } from "./clients.mjs";

const servers = readFileSync(process.env.HUBGATE_SERVERS, "utf8").trim().split("\n").map((line) => {
  const [name, port, pid] = line.split(" ");
  return { name, address: `127.0.0.1:${port}`, port, pid: Number(pid) };
});

const endpoints = async () => (await (await fetch(`${adminUrl}/status?format=json`)).json()).pools[0].endpoints;
const stateOf = async (server) => (await endpoints()).find((one) => one.name === server.address).state;
const becomes = (server, state) =>
  eventually(`${server.name} is ${state}`, async () => (await stateOf(server)) === state);

/// Clients that are stopped when the test is over, however it ends.
function ended(t) {
  const clients = [];
  t.after(() => stopAll(clients));
  return clients;
}

for (const [name, transport] of Object.entries({
  WebSockets: HttpTransportType.WebSockets,
  ServerSentEvents: HttpTransportType.ServerSentEvents,
  LongPolling: HttpTransportType.LongPolling,
})) {
  test(`50 clients over ${name} reach the server that they negotiated with, spread over both`, async (t) => {
    const before = await metric("hubgate_proxy_affinity_total", { verdict: "found" });
    const clients = ended(t);
    const counts = new Map();
    for (let i = 0; i < 50; ++i) {
      const client = await openClient("/live", { transport });
      clients.push(client);
      const server = await client.invoke("WhoAmI");
      counts.set(server, (counts.get(server) ?? 0) + 1);
      assert.equal(await client.invoke("Echo", "ä".repeat(1000)), "ä".repeat(1000));
      // The tag names the endpoint; the server knows the rest.
      assert.equal(client.tag().generation, 0);
      assert.equal(client.token().length, 24 + 22);
    }
    assert.equal(counts.size, 2);
    for (const [server, count] of counts) assert.ok(count >= 15, `${server} has ${count} of 50`);
    // Who broadcasts reaches the clients of its own server: each is there, and no other.
    await clients[0].invoke("Broadcast", name);
    const own = await clients[0].invoke("WhoAmI");
    for (const client of clients) {
      const expected = (await client.invoke("WhoAmI")) === own ? 1 : 0;
      await eventually("the broadcast", () => client.received.length === expected);
    }
    assert.ok((await metric("hubgate_proxy_affinity_total", { verdict: "found" })) >= before + 50);
  });
}

test("a client that chooses its transport itself and one that skips the negotiation work too", async () => {
  const client = await openClient("/live");
  assert.equal(await client.invoke("Echo", "x"), "x");
  await client.stop();
  const direct = makeClient("/live", { transport: HttpTransportType.WebSockets, skipNegotiation: true });
  await direct.connection.start();
  assert.equal(await direct.invoke("Echo", "y"), "y");
  assert.equal(direct.token(), undefined);
  await direct.stop();
});

test("version 0: the connection's id is the token, and carries the tag", async () => {
  const answer = await (await fetch(`${baseUrl}/live/negotiate`, { method: "POST" })).json();
  assert.equal(answer.connectionToken, undefined);
  assert.equal(answer.connectionId.length, 24 + 22);
  const poll = await fetch(`${baseUrl}/live?id=${answer.connectionId}`);
  assert.equal(poll.status, 200);
  await poll.text();
});

test("a token that nobody knows is answered by a server, in its own words", async () => {
  for (let i = 0; i < 4; ++i) {
    const answer = await fetch(`${baseUrl}/live?id=${"x".repeat(46)}`);
    assert.equal(answer.status, 404);
    assert.equal(await answer.text(), "No Connection with that ID");
  }
});

test("an unhealthy server keeps its clients and gets no new ones", async (t) => {
  const [one, two] = servers;
  const clients = ended(t);
  while (!clients.some((client) => client.server === one.name)) {
    const client = await openClient("/live");
    client.server = await client.invoke("WhoAmI");
    clients.push(client);
  }
  const bound = clients.find((client) => client.server === one.name);
  await fetch(`http://${one.address}/wellness?value=no`, { method: "POST" });
  await becomes(one, "unhealthy");
  for (let i = 0; i < 10; ++i) {
    const client = await openClient("/live");
    clients.push(client);
    assert.equal(await client.invoke("WhoAmI"), two.name);
  }
  assert.equal(await bound.invoke("WhoAmI"), one.name);
  await fetch(`http://${one.address}/wellness?value=yes`, { method: "POST" });
  await becomes(one, "healthy");
});

test("a server that is killed loses its clients only; they come back to the other, and it is taken back", async (t) => {
  const [one, two] = servers;
  const clients = ended(t);
  for (let i = 0; i < 20; ++i) {
    const client = await openClient("/live", { reconnect: true });
    client.server = await client.invoke("WhoAmI");
    clients.push(client);
  }
  for (const client of clients) {
    client.drops = 0;
    client.connection.onreconnecting(() => ++client.drops);
  }
  process.kill(one.pid, "SIGKILL");
  await eventually("all are at the other", async () => {
    for (const client of clients) {
      try {
        if ((await client.invoke("WhoAmI")) !== two.name) return false;
      } catch {
        return false; // between two connections
      }
    }
    return true;
  });
  for (const client of clients) assert.equal(client.drops, client.server === one.name ? 1 : 0);
  await becomes(one, "unhealthy");
  assert.equal(await metric("hubgate_proxy_endpoint_up", { endpoint: one.address }), 0);

  const again = spawn("dotnet", [process.env.HUBGATE_SERVER_PROGRAM, one.name, one.port], { stdio: "ignore" });
  t.after(() => again.kill("SIGKILL"));
  await eventually(`${one.name} is healthy`, async () => (await stateOf(one)) === "healthy", 30_000);
  await eventually("it gets clients again", async () => {
    const client = await openClient("/live");
    clients.push(client);
    return (await client.invoke("WhoAmI")) === one.name;
  });
});
