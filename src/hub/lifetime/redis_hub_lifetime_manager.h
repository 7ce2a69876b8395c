#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "common/redis/redis_client.h"
#include "hub/core/hub_lifetime_manager.h"
#include "hub/lifetime/ack_handler.h"
#include "hub/lifetime/local_recipients.h"
#include "hub/lifetime/redis_channels.h"
#include "hub/lifetime/redis_protocol.h"

namespace hubgate::hub {

/// What has happened since the start, beside what redis::RedisCounters counts.
struct BackplaneCounters {
  std::uint64_t degraded = 0;     // sends that went to this server's connections only, since Redis was down
  std::uint64_t lost = 0;         // direct sends to an id that is not here, while Redis was down
  std::uint64_t malformed = 0;    // payloads that were dropped
  std::uint64_t unsupported = 0;  // messages of other servers that wait for a client's result
  std::uint64_t transcoded = 0;   // messages without the entry that a receiver here needed
};

/// The connections of the hub are on many servers, .NET ones among them, which share a Redis: channels, payloads and
/// order are ASP.NET Core's. A send goes to Redis even for connections of this server, so that all see one order; only
/// Client(id) of a connection that is here is written directly.
///
/// While Redis is not ready nothing fails that can be done here: sends reach local connections (counted as degraded),
/// joins and new connections are done at once, and those that waited for a confirmation too. What needs another server
/// ends with kUnavailable. Everything that is wanted is subscribed again before the first publish goes out.
class RedisHubLifetimeManager final : public HubLifetimeManager, private redis::RedisClient::Handler {
 public:
  struct Options {
    redis::RedisClient::Options redis;
    std::string backplane_name;       // the hub's .NET class name, such as "Demo.ChatHub"
    std::string channel_prefix = {};  // in front of every channel
    std::string server_name = {};     // unique; empty: host name, "_" and 32 random hexadecimal digits
    /// What a message is published in, in this order: whatever any server may need, not only what the hub here speaks.
    /// They outlive the manager. Empty: the standard "json" and "messagepack".
    std::vector<const HubProtocol*> protocols = {};
    Duration ack_timeout = std::chrono::seconds(30);
  };
  using OnState = std::function<void(redis::RedisClient::State)>;

  RedisHubLifetimeManager(event::Loop& loop, Options options, Log& log, Random& random);
  /// Goes silent: nobody who still waits is told. Call stop() first where that matters.
  ~RedisHubLifetimeManager() override;

  /// Connects to Redis; before any connection. `on_state` (may be null) hears every change of state.
  void start(OnState on_state = nullptr);
  /// For a reload of the server's limits.
  void set_max_queue(std::size_t bytes) { client_->set_max_queue(bytes); }
  /// Leaves Redis for good and ends everything that waits; sends stay local from now on.
  void stop();

  bool is_ready() const { return client_->is_ready(); }
  redis::RedisClient::State state() const { return client_->state(); }
  /// Messages on their way to Redis.
  std::size_t unanswered() const { return client_->unanswered(); }
  const std::string& server_name() const { return server_name_; }
  const BackplaneCounters& counters() const { return counters_; }
  const redis::RedisCounters& redis_counters() const { return client_->counters(); }

  void on_connected(HubConnectionContext& connection, Done done) override;
  void on_disconnected(HubConnectionContext& connection) override;

  /// `on_sent` hears how many servers got the message; kUnavailable when it went to local connections only, was lost,
  /// or the link broke before Redis answered.
  Result<void> send_all(const Invocation& invocation, Names excluded, OnSent on_sent) override;
  Result<void> send_connection(std::string_view connection_id, const Invocation& invocation, OnSent on_sent) override;
  /// One message for each id, in order; so do send_groups and send_users, without the empty names.
  Result<void> send_connections(Names connection_ids, const Invocation& invocation, OnSent on_sent) override;
  Result<void> send_group(std::string_view group, const Invocation& invocation, Names excluded,
                          OnSent on_sent) override;
  Result<void> send_groups(Names groups, const Invocation& invocation, OnSent on_sent) override;
  Result<void> send_user(std::string_view user, const Invocation& invocation, OnSent on_sent) override;
  Result<void> send_users(Names users, const Invocation& invocation, OnSent on_sent) override;

  void add_to_group(std::string_view connection_id, std::string_view group, Done done) override;
  void remove_from_group(std::string_view connection_id, std::string_view group, Done done) override;

 private:
  void publish(std::string_view channel, const std::string& payload, OnSent on_sent);
  void publish_each(const std::vector<std::string>& channels, const std::string& payload, OnSent on_sent);
  void degraded(const OnSent& on_sent);
  void join(HubConnectionContext& connection, std::string_view group, Done done);
  void leave(HubConnectionContext& connection, std::string_view group);
  void ask_owner(redis_protocol::GroupAction action, std::string_view connection_id, std::string_view group, Done done);

  void on_redis_message(std::string_view channel, Bytes payload) override;
  void on_redis_state(redis::RedisClient::State state) override;
  void on_invocation(const RedisChannels::Parsed& to, Bytes payload);
  void on_group_command(Bytes payload);
  void send_ack(std::string_view server_name, std::int32_t id);
  void drop(std::string_view what, const Error& error);

  event::Loop& loop_;
  Log& log_;
  const std::string server_name_;
  const RedisChannels channels_;
  const std::vector<const HubProtocol*> protocols_;
  LocalRecipients recipients_{connections_};
  AckHandler acks_;
  BackplaneCounters counters_;
  OnState on_state_;
  std::unique_ptr<redis::RedisClient> client_;
};

}  // namespace hubgate::hub
