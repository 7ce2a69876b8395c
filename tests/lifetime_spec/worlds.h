#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/lifetime/local_hub_lifetime_manager.h"
#include "hub/lifetime/redis_hub_lifetime_manager.h"
#include "tests/support/catch.h"
#include "tests/support/fake_redis.h"
#include "tests/support/hub_messages.h"
#include "tests/support/memory_connection.h"
#include "tests/support/memory_log.h"
#include "tests/support/real_redis.h"
#include "tests/support/turn_until.h"

namespace hubgate::test {

/// A client of one of the world's servers.
class Client {
 public:
  Client(hub::HubLifetimeManager& of, const std::string& connection_id, std::string user, const char* protocol)
      : server(of),
        id(connection_id),
        transport(connection_id),
        connection(transport, hub::find_standard_protocol(protocol), std::move(user)) {}

  /// Looks at what came; what fences() counts is kept apart.
  void look() {
    for (std::string& message : messages_of(connection.protocol(), transport.take())) {
      if (message.starts_with("Fence(")) {
        ++fences_;
      } else {
        messages_.push_back(std::move(message));
      }
    }
  }
  std::size_t fences() const { return fences_; }
  /// What came since the last call, fences left out.
  std::vector<std::string> take() {
    look();
    return std::exchange(messages_, {});
  }

  hub::HubLifetimeManager& server;
  const std::string id;
  MemoryConnection transport;
  hub::HubConnectionContext connection;

 private:
  std::vector<std::string> messages_;
  std::size_t fences_ = 0;
};

/// One hub on one or more servers that share a backplane. Clients are spread over them in turn, so a sentence about two
/// clients is one about two servers where there are two.
class World {
 public:
  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  virtual hub::HubLifetimeManager& server(std::size_t index) = 0;
  virtual std::size_t servers() const = 0;

  Client& connect(std::string user = "", const char* protocol = "json") {
    const std::string id = "client-" + std::to_string(clients_.size());
    clients_.push_back(std::make_unique<Client>(server(clients_.size() % servers()), id, std::move(user), protocol));
    Client& client = *clients_.back();
    finish([&](hub::Done done) { client.server.on_connected(client.connection, std::move(done)); });
    return client;
  }
  void disconnect(Client& client) {
    client.server.on_disconnected(client.connection);
    std::erase_if(clients_, [&](const auto& kept) { return kept.get() == &client; });
  }

  /// Group operations asked for at the server of `asker`, whosever connection it is.
  void join(const Client& asker, const Client& client, const std::string& group) {
    finish([&](hub::Done done) { asker.server.add_to_group(client.id, group, std::move(done)); });
  }
  void join(const Client& client, const std::string& group) { join(client, client, group); }
  void leave(const Client& asker, const Client& client, const std::string& group) {
    finish([&](hub::Done done) { asker.server.remove_from_group(client.id, group, std::move(done)); });
  }
  void leave(const Client& client, const std::string& group) { leave(client, client, group); }

  /// Until everything that was sent has arrived: each server sends a fence to all, and on one publishing link nothing
  /// overtakes.
  void settle() {
    for (const auto& client : clients_) client->look();
    std::vector<std::size_t> wanted;
    for (const auto& client : clients_) wanted.push_back(client->fences() + servers());
    for (std::size_t i = 0; i < servers(); ++i) REQUIRE(server(i).send_all({"Fence", {}}));
    REQUIRE(turn_until(loop, [&] {
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        clients_[i]->look();
        if (clients_[i]->fences() < wanted[i]) return false;
      }
      return true;
    }));
  }

  template <class Operation>
  void finish(Operation operation) {
    auto result = std::make_shared<std::vector<std::string>>();
    operation([result](const Result<void>& end) { result->push_back(end ? "" : end.error().what); });
    REQUIRE(turn_until(loop, [&] { return !result->empty(); }));
    REQUIRE(result->front().empty());
  }

  event::Loop loop;

 protected:
  World() = default;
  void disconnect_all() {
    while (!clients_.empty()) disconnect(*clients_.back());
  }
  std::vector<std::unique_ptr<Client>> clients_;
};

class LocalWorld final : public World {
 public:
  static bool is_possible() { return true; }
  hub::HubLifetimeManager& server(std::size_t) override { return server_; }
  std::size_t servers() const override { return 1; }
  ~LocalWorld() override { disconnect_all(); }

 private:
  hub::LocalHubLifetimeManager server_;
};

/// Two servers on a Redis of either kind.
class RedisWorld : public World {
 public:
  ~RedisWorld() override {
    disconnect_all();
    for (auto& manager : managers_) manager->stop();
    managers_.clear();
    loop.turn(false);
  }
  hub::HubLifetimeManager& server(std::size_t index) override { return *managers_[index]; }
  std::size_t servers() const override { return managers_.size(); }
  hub::RedisHubLifetimeManager& redis_server(std::size_t index) { return *managers_[index]; }

  const MemoryLog& log() const { return log_; }

  virtual void kill_redis() = 0;
  virtual void restart_redis() = 0;
  void wait_until(bool ready) {
    REQUIRE(turn_until(loop, [&] {
      return std::all_of(managers_.begin(), managers_.end(), [&](const auto& m) { return m->is_ready() == ready; });
    }));
  }

 protected:
  void start(const std::string& url, redis::LinkTimes times = {}) {
    for (int i = 0; i < 2; ++i) {
      hub::RedisHubLifetimeManager::Options options;
      options.redis.url = redis::RedisUrl::parse(url).value();
      options.redis.times = times;
      options.redis.first_pause = std::chrono::milliseconds(2);
      options.redis.longest_pause = std::chrono::milliseconds(20);
      options.backplane_name = "Demo.ChatHub";
      managers_.push_back(std::make_unique<hub::RedisHubLifetimeManager>(loop, std::move(options), *log_, random_));
      managers_.back()->start();
    }
    if (waits_for_redis) wait_until(true);
  }
  bool waits_for_redis = true;

 private:
  MemoryLog log_;
  SeededRandom random_{11};
  std::vector<std::unique_ptr<hub::RedisHubLifetimeManager>> managers_;
};

class FakeRedisWorld final : public RedisWorld {
 public:
  static bool is_possible() { return true; }
  FakeRedisWorld() { start(redis_.url()); }
  void kill_redis() override { redis_.go_away(); }
  void restart_redis() override { redis_.come_back(); }

 private:
  FakeRedis redis_{loop};
};

class RealRedisWorld final : public RedisWorld {
 public:
  static bool is_possible() {
    if (RealRedis::is_installed()) return true;
    WARN("SKIPPED on a real Redis: no redis-server in PATH (Debian package redis-server)");
    return false;
  }
  RealRedisWorld() { start(redis_.url()); }
  void kill_redis() override { redis_.kill(); }
  void restart_redis() override { redis_.start(); }

 private:
  RealRedis redis_;
};

}  // namespace hubgate::test
