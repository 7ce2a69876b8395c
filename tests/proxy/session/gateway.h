#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/net/address.h"
#include "proxy/pool/pool_registry.h"
#include "proxy/pool/worker_slot.h"
#include "proxy/session/downstream_session.h"
#include "tests/support/fake_upstream.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_worker.h"
#include "tests/support/socket_pair.h"

namespace hubgate::proxy::test {

using namespace hubgate::test;

inline std::string hub_upgrade(const std::string& target, const std::string& more = {}) {
  return "GET " + target +
         " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
         more + "\r\n";
}
inline const std::string kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
inline const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

inline std::string get(const std::string& target, const std::string& more = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + more + "\r\n";
}
inline std::string post(const std::string& target, const std::string& body, const std::string& more = {}) {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more +
         "\r\n" + body;
}
inline std::string status_of(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }
inline std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}
// The random part of a connection token, behind its tag.
inline const std::string kTokenRest = "0123456789012345678901";

/// A worker that says Ready, answers pings, and by default takes what it is given.
struct Worker {
  explicit Worker(event::Loop& loop) : links(loop) {}

  void turn(std::uint64_t epoch) {
    links.turn();
    for (; heard < links.heard.size(); ++heard) {
      if (std::holds_alternative<control::Ping>(links.heard[heard]) && alive) links.say(control::Pong{});
    }
    for (; answered < links.accepts.size() && (acks || refuses); ++answered) {
      const std::uint64_t n = links.accepts[answered].n;
      if (refuses) {
        links.sockets[answered].reset();
        links.say_on_handover(control::Refused{epoch, n});
      } else {
        links.say_on_handover(control::Mine{epoch, n});
      }
    }
  }
  void die() {
    alive = false;
    links.die();
  }

  ScriptedWorker links;
  bool acks = true;
  bool refuses = false;
  bool alive = true;
  std::size_t answered = 0;
  std::size_t heard = 0;
};

/// What a proxy is to its sessions: pools, routes and limits, with a loop and a clock that are turned by hand.
/// Routes: /app and the hub /chat to pool "main", /web and the hub /live to "web", nothing else.
class Gateway {
 public:
  explicit Gateway(HandoverMode handover = HandoverMode::kAuto) {
    config.routes = {
        {.prefix = "/app", .pool = "main", .folder = {}, .listeners = {}},
        {.prefix = "/chat", .pool = "main", .folder = {}, .hub = true, .listeners = {}},
        {.prefix = "/web", .pool = "web", .folder = {}, .listeners = {}},
        {.prefix = "/live", .pool = "web", .folder = {}, .hub = true, .listeners = {}},
    };
    PoolConfig pool;
    pool.handover = handover;
    pool.name = "main";
    config.pools.push_back(pool);
    pool.name = "web";
    config.pools.push_back(pool);
    put_in_force();
  }
  ~Gateway() {
    for (auto& session : sessions) loop.dispose(std::move(session));
    for (auto& slot : slots) loop.dispose(std::move(slot.slot));
    loop.turn(false);
  }

  void put_in_force() {
    snapshot = make_snapshot(config, ++revision_);
    pools.apply(config);
  }

  Endpoint& add_upstream(FakeUpstream& upstream, std::uint32_t id, const std::string& pool = "main") {
    upstreams.push_back(&upstream);
    const EndpointKey key{id, 0};
    tags[id] = affinity.add(key);
    return pools.find(pool)->add({.name = upstream.address().to_string(), .key = key, .slow_start = false},
                                 {upstream.address()});
  }

  static constexpr std::uint64_t kEpoch = 99;

  Endpoint& add_worker(Worker& worker, std::uint32_t slot, bool ready = true, std::uint32_t generation = 1000) {
    control::Welcome welcome;
    welcome.epoch = kEpoch;
    welcome.pool = "main";
    welcome.slot = slot;
    welcome.generation = generation;
    welcome.endpoint = slot + 1;
    const EndpointKey key{welcome.endpoint, generation};
    tags[key.endpoint] = welcome.tag = affinity.add(key);
    slots.push_back({});
    Slot& entry = slots.back();
    entry.gateway = this;
    entry.key = key;
    workers.push_back(&worker);
    entry.slot =
        std::make_unique<WorkerSlot>(loop, timers, *log, keeper, welcome,
                                     WorkerSlot::Links{worker.links.take_control(), worker.links.take_handover()}, 1,
                                     std::chrono::seconds(30), entry);
    entry.endpoint = &pools.find("main")->add({.name = "main/" + std::to_string(slot), .key = key, .slow_start = false},
                                              *entry.slot);
    if (ready) worker.links.become_ready(kEpoch);
    turn();
    return *entry.endpoint;
  }
  WorkerSlot& slot(std::size_t index) { return *slots[index].slot; }

  /// A client's end of a new session.
  Descriptor connect(const std::string& peer = "192.0.2.7:50000") {
    SocketPair pair;
    std::shared_ptr<void> place;
    if (!DownstreamSession::admits(services, *listener, *net::Address::parse(peer), place)) return std::move(pair.b);
    sessions.push_back(std::make_unique<DownstreamSession>(services, listener, std::move(pair.a),
                                                           *net::Address::parse(peer), std::move(place),
                                                           [this](DownstreamSession& ended) {
                                                             for (auto& session : sessions) {
                                                               if (session.get() == &ended)
                                                                 loop.dispose(std::move(session));
                                                             }
                                                             std::erase(sessions, nullptr);
                                                           }));
    return std::move(pair.b);
  }

  void turn(int times = 12) {
    for (int i = 0; i < times; ++i) {
      loop.turn(false);
      for (FakeUpstream* upstream : upstreams) upstream->turn();
      for (Worker* worker : workers) worker->turn(kEpoch);
      timers.advance(Duration::zero());
    }
  }
  /// In steps, so that heartbeats are answered.
  void advance(Duration by) {
    for (; by > Duration::zero(); by -= std::chrono::milliseconds(500)) {
      timers.advance(std::min<Duration>(by, std::chrono::milliseconds(500)));
      turn(2);
    }
    turn();
  }

  /// Sends and gives all that comes back.
  std::string ask(const Descriptor& client, const std::string& request) {
    write_all(client.get(), request);
    turn();
    return read_available(client.get());
  }
  std::string ask(const std::string& request) { return ask(connect(), request); }

  std::uint64_t handovers(HandoverResult result) const { return metrics.handovers[static_cast<std::size_t>(result)]; }
  std::uint64_t verdicts(Affinity verdict) const { return metrics.affinity[static_cast<std::size_t>(verdict)]; }

  struct NoKeeper final : Keeper {
    Result<void> spawn(const control::Spawn&) override { return {}; }
    void signal(const control::SlotId&, int) override {}
  };
  struct Slot final : WorkerSlot::Handler {
    void on_slot_ready(WorkerSlot&) override { endpoint->on_ready(); }
    void on_slot_load(WorkerSlot&) override { endpoint->on_load_read(); }
    void on_slot_gone(WorkerSlot&) override {
      gateway->affinity.remove(key);
      gateway->pools.find("main")->remove(*endpoint);
      gateway->loop.dispose(std::move(slot));
    }
    Gateway* gateway = nullptr;
    EndpointKey key;
    Endpoint* endpoint = nullptr;
    std::unique_ptr<WorkerSlot> slot;
  };

  event::Loop loop;
  ManualTimers timers;
  MemoryLog log{LogLevel::kDebug};
  SeededRandom random{1};
  ProxyConfig config;
  SnapshotPointer snapshot;
  PoolRegistry pools{loop, timers, *log};
  AffinityTable affinity{AffinityKeys({AffinityKeys::Key{.id = 1, .secret = {}}}, "0123456789abcdef")};
  HubPaths hub_paths;
  SessionMetrics metrics;
  SourceLimits sources{random};
  WallClock clock;
  AccessLog access_log{loop, timers, *log, clock};
  HandedOverBook handed_over{access_log};
  NoKeeper keeper;
  std::map<std::uint32_t, std::string> tags;  // by endpoint id
  std::vector<FakeUpstream*> upstreams;
  std::vector<Worker*> workers;
  std::deque<Slot> slots;
  std::shared_ptr<ListenerFacts> listener = std::make_shared<ListenerFacts>(ListenerFacts{"public", nullptr});
  SessionServices services{.loop = loop,
                           .timers = timers,
                           .log = *log,
                           .random = random,
                           .pools = pools,
                           .affinity = affinity,
                           .hub_paths = hub_paths,
                           .snapshot = snapshot,
                           .metrics = metrics,
                           .sources = sources,
                           .access_log = access_log,
                           .handed_over = handed_over};
  std::vector<std::unique_ptr<DownstreamSession>> sessions;

 private:
  std::uint64_t revision_ = 0;
};

}  // namespace hubgate::proxy::test
