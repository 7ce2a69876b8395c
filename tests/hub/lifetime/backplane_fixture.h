#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/lifetime/redis_hub_lifetime_manager.h"
#include "tests/support/catch.h"
#include "tests/support/fake_redis.h"
#include "tests/support/hub_messages.h"
#include "tests/support/memory_connection.h"
#include "tests/support/memory_log.h"
#include "tests/support/turn_until.h"

namespace hubgate::test {

inline constexpr const char* kWeb1 = "web1_0123456789abcdef0123456789abcdef";
inline constexpr const char* kWeb2 = "web2_0123456789abcdef0123456789abcdef";

inline std::string id_of(int number) {
  const std::string digits = std::to_string(number);
  return "connection_" + std::string(11 - digits.size(), '0') + digits;
}

/// A client of one server: what it was sent can be read.
struct BackplaneClient {
  BackplaneClient(std::string id, const char* protocol, std::string user)
      : transport(std::move(id)), connection(transport, hub::find_standard_protocol(protocol), std::move(user)) {}

  std::vector<std::string> take_messages() { return messages_of(connection.protocol(), transport.take()); }

  MemoryConnection transport;
  hub::HubConnectionContext connection;
};

/// Servers of one backplane on a FakeRedis, as the golden bytes have them.
struct Backplane {
  explicit Backplane(std::string channel_prefix = "", std::vector<const hub::HubProtocol*> protocols = {})
      : prefix(std::move(channel_prefix)), protocols(std::move(protocols)) {}
  ~Backplane() {
    for (auto& server : servers) server->stop();
    servers.clear();
    loop.turn(false);
  }

  hub::RedisHubLifetimeManager& add_server(const char* name = kWeb1, bool wait = true) {
    hub::RedisHubLifetimeManager::Options options;
    options.redis.url = redis::RedisUrl::parse(redis.url()).value();
    options.redis.first_pause = std::chrono::milliseconds(1);
    options.redis.longest_pause = std::chrono::milliseconds(5);
    options.backplane_name = "Probe.ExtraHub";
    options.channel_prefix = prefix;
    options.server_name = name;
    options.protocols = protocols;
    servers.push_back(std::make_unique<hub::RedisHubLifetimeManager>(loop, std::move(options), *log, random));
    servers.back()->start();
    if (wait) REQUIRE(turn_until(loop, [&] { return servers.back()->is_ready(); }));
    return *servers.back();
  }

  BackplaneClient& connect(hub::RedisHubLifetimeManager& server, std::string id, std::string user = "",
                           const char* protocol = "json") {
    clients.push_back(std::make_unique<BackplaneClient>(std::move(id), protocol, std::move(user)));
    wait_for([&](hub::Done done) { server.on_connected(clients.back()->connection, std::move(done)); });
    return *clients.back();
  }

  /// Runs one operation until its end; the error's text, or empty.
  template <class Operation>
  std::string wait_for(Operation operation) {
    auto told = std::make_shared<std::vector<std::string>>();
    operation([told](const Result<void>& result) { told->push_back(result ? "" : result.error().what); });
    REQUIRE(turn_until(loop, [&] { return !told->empty(); }));
    CHECK(told->size() == 1);
    return told->front();
  }
  std::string join(hub::HubLifetimeManager& server, const std::string& id, const std::string& group) {
    return wait_for([&](hub::Done done) { server.add_to_group(id, group, std::move(done)); });
  }
  std::string leave(hub::HubLifetimeManager& server, const std::string& id, const std::string& group) {
    return wait_for([&](hub::Done done) { server.remove_from_group(id, group, std::move(done)); });
  }
  /// Everything that was sent has arrived.
  void settle() { turn_until_idle(loop); }

  event::Loop loop;
  MemoryLog log;
  SeededRandom random{7};
  FakeRedis redis{loop};
  std::string prefix;
  std::vector<const hub::HubProtocol*> protocols;
  std::vector<std::unique_ptr<BackplaneClient>> clients;
  std::vector<std::unique_ptr<hub::RedisHubLifetimeManager>> servers;
};

inline hub::Invocation receive(std::vector<Value> arguments) { return {"Receive", std::move(arguments)}; }

}  // namespace hubgate::test
