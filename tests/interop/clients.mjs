// The official client, as these tests use it. The gateway's address comes from $HUBGATE_URL, such as
// http://127.0.0.1:8080; https addresses with a self-signed certificate need NODE_TLS_REJECT_UNAUTHORIZED=0.
import * as signalR from "@microsoft/signalr";

export const baseUrl = (process.env.HUBGATE_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
export const adminUrl = process.env.HUBGATE_ADMIN_URL?.replace(/\/$/, "") || undefined;
export const expectedWorkers = Number(process.env.HUBGATE_WORKERS ?? 2);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// Polls until `check` gives something true; throws after `ms`.
export async function eventually(what, check, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}

/// The JavaScript client hides the token: its negotiate answer is looked at as it passes.
class WatchingHttpClient extends signalR.HttpClient {
  #inner = new signalR.DefaultHttpClient(signalR.NullLogger.instance);
  tokens = [];

  async send(request) {
    const response = await this.#inner.send(request);
    if (request.url.includes("/negotiate")) this.tokens.push(JSON.parse(response.content).connectionToken);
    return response;
  }
  getCookieString() {
    return ""; // no cookies: only the token says where a request belongs
  }
}

/// "<tag><random>": the tag names the endpoint and its generation.
export function readTag(token) {
  if (token.length !== 46) return undefined;
  const tag = Buffer.from(token.slice(0, 24), "base64url");
  return { version: tag[0], key: tag[1], endpoint: tag.readUInt32BE(2), generation: tag.readUInt32BE(6) };
}

/// A client of one hub. `reconnect` gives it the automatic reconnect, at once and often; `transport` is the only one that
/// it takes.
export function makeClient(path = "/chat", { reconnect = false, transport = undefined, skipNegotiation = false } = {}) {
  const httpClient = new WatchingHttpClient();
  const builder = new signalR.HubConnectionBuilder()
    .withUrl(baseUrl + path, { httpClient, transport, skipNegotiation })
    .configureLogging(signalR.LogLevel.None);
  if (reconnect) builder.withAutomaticReconnect({ nextRetryDelayInMilliseconds: () => 100 });
  const connection = builder.build();
  const received = [];
  connection.on("Receive", (from, text) => received.push([from, text]));
  connection.on("msg", (value) => received.push(value));
  return {
    connection,
    received,
    token: () => httpClient.tokens.at(-1),
    tag: () => readTag(httpClient.tokens.at(-1)),
    invoke: (...call) => connection.invoke(...call),
    send: (...call) => connection.send(...call),
    stop: () => connection.stop(),
  };
}

export async function openClient(path, options) {
  const client = makeClient(path, options);
  await client.connection.start();
  return client;
}

/// Chat clients with their seats ("seat" is WhoAmI's answer), at least `each` on every worker.
export async function openOnAllWorkers(each = 1, options) {
  const clients = [];
  const seats = new Map();
  for (let tries = 0; tries < 50 * each; ++tries) {
    const client = await openClient("/chat", options);
    client.seat = await client.invoke("WhoAmI");
    clients.push(client);
    const here = seats.get(client.seat.worker) ?? [];
    here.push(client);
    seats.set(client.seat.worker, here);
    if (seats.size === expectedWorkers && [...seats.values()].every((list) => list.length >= each)) break;
  }
  if (seats.size !== expectedWorkers) throw new Error(`only ${[...seats.keys()]} of ${expectedWorkers} workers`);
  return { clients, byWorker: [...seats.values()] };
}

export const stopAll = (clients) => Promise.all(clients.map((client) => client.stop()));

/// The value of one series of the admin port's metrics; labels are given as {name: value}. 0 when it is not there.
export async function metric(name, labels = {}) {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  let sum = 0;
  for (const line of text.split("\n")) {
    const series = /^([a-zA-Z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (series === null || series[1] !== name) continue;
    const has = ([label, value]) => (series[2] ?? "").includes(`${label}="${value}"`);
    if (Object.entries(labels).every(has)) sum += Number(series[3]);
  }
  return sum;
}
