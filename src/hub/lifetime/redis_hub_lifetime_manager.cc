#include "hub/lifetime/redis_hub_lifetime_manager.h"

#include <unistd.h>

#include <array>
#include <optional>
#include <utility>

namespace hubgate::hub {
namespace {

constexpr std::array<std::string_view, 0> kNobody{};

Error down() { return make_error(ErrorCode::kUnavailable, "Redis is down", Side::kUpstream); }

std::string make_server_name(Random& random) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {};
  std::array<std::byte, 16> bytes;
  random.fill(bytes);
  std::string name = std::string(host.data()) + "_";
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    name += kDigits[value >> 4];
    name += kDigits[value & 15];
  }
  return name;
}

std::vector<const HubProtocol*> or_standard(std::vector<const HubProtocol*> protocols) {
  if (protocols.empty()) protocols = {find_standard_protocol("json"), find_standard_protocol("messagepack")};
  return protocols;
}

InvocationView view_of(const Invocation& invocation) {
  return {.target = invocation.target, .arguments = invocation.arguments};
}

/// Calls `done` when `left` parts have ended; their errors do not matter: whatever a confirmation waits for, without
/// Redis everything that can be done is done.
Done after(int left, Done done) {
  if (!done) return nullptr;
  return [left = std::make_shared<int>(left), done = std::move(done)](const Result<void>&) {
    if (--*left == 0) done({});
  };
}

}  // namespace

RedisHubLifetimeManager::RedisHubLifetimeManager(event::Loop& loop, Options options, Log& log, Random& random)
    : loop_(loop),
      log_(log),
      server_name_(options.server_name.empty() ? make_server_name(random) : std::move(options.server_name)),
      channels_(options.channel_prefix, options.backplane_name, server_name_),
      protocols_(or_standard(std::move(options.protocols))),
      acks_(loop, options.ack_timeout),
      client_(std::make_unique<redis::RedisClient>(loop, std::move(options.redis), log, random,
                                                   static_cast<redis::RedisClient::Handler&>(*this))) {}

RedisHubLifetimeManager::~RedisHubLifetimeManager() { loop_.dispose(std::move(client_)); }

void RedisHubLifetimeManager::start(OnState on_state) {
  on_state_ = std::move(on_state);
  client_->subscribe(channels_.all());
  client_->subscribe(channels_.group_management());
  client_->subscribe(channels_.acks());
  // Nobody asks us for results yet; the channel is subscribed as every server of the backplane does.
  client_->subscribe(channels_.client_results());
  client_->start();
}

void RedisHubLifetimeManager::stop() {
  client_->stop();
  acks_.fail_all(down());
}

void RedisHubLifetimeManager::on_connected(HubConnectionContext& connection, Done done) {
  recipients_.add(connection);
  const std::string& user = connection.user_identifier();
  const Done part = after(user.empty() ? 1 : 2, std::move(done));
  // Asked for by each connection of a user: the second must wait for the confirmation too.
  const std::string user_channel = user.empty() ? std::string() : channels_.user(user);
  client_->subscribe(channels_.connection(connection.connection_id()), part);
  if (!user_channel.empty()) client_->subscribe(user_channel, part);
}

void RedisHubLifetimeManager::on_disconnected(HubConnectionContext& connection) {
  const std::string user = connection.user_identifier();
  const LocalRecipients::Left left = recipients_.remove(connection);
  client_->unsubscribe(channels_.connection(connection.connection_id()));
  for (const std::string& group : left.groups) client_->unsubscribe(channels_.group(group));
  if (left.user) client_->unsubscribe(channels_.user(user));
}

Result<void> RedisHubLifetimeManager::send_all(const Invocation& invocation, Names excluded, OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  if (!is_ready()) {
    recipients_.deliver_all(message, excluded);
    degraded(on_sent);
    return {};
  }
  const auto payload = redis_protocol::write_invocation(message, protocols_, excluded);
  if (!payload) return payload.error();
  publish(channels_.all(), *payload, std::move(on_sent));
  return {};
}

Result<void> RedisHubLifetimeManager::send_connection(std::string_view connection_id, const Invocation& invocation,
                                                      OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  if (recipients_.deliver_connection(connection_id, message) != 0) {
    if (on_sent) on_sent(1);
    return {};
  }
  if (!is_ready()) {
    ++counters_.lost;
    if (on_sent) on_sent(down());
    return {};
  }
  const auto payload = redis_protocol::write_invocation(message, protocols_, {});
  if (!payload) return payload.error();
  publish(channels_.connection(connection_id), *payload, std::move(on_sent));
  return {};
}

Result<void> RedisHubLifetimeManager::send_connections(Names connection_ids, const Invocation& invocation,
                                                       OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  if (!is_ready()) {
    for (const std::string& id : connection_ids) {
      if (recipients_.deliver_connection(id, message) == 0) ++counters_.lost;
    }
    degraded(on_sent);
    return {};
  }
  const auto payload = redis_protocol::write_invocation(message, protocols_, {});
  if (!payload) return payload.error();
  std::vector<std::string> channels;
  for (const std::string& id : connection_ids) channels.push_back(channels_.connection(id));
  publish_each(channels, *payload, std::move(on_sent));
  return {};
}

Result<void> RedisHubLifetimeManager::send_group(std::string_view group, const Invocation& invocation, Names excluded,
                                                 OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  if (!is_ready()) {
    recipients_.deliver_group(group, message, excluded);
    degraded(on_sent);
    return {};
  }
  const auto payload = redis_protocol::write_invocation(message, protocols_, excluded);
  if (!payload) return payload.error();
  publish(channels_.group(group), *payload, std::move(on_sent));
  return {};
}

Result<void> RedisHubLifetimeManager::send_groups(Names groups, const Invocation& invocation, OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  if (!is_ready()) {
    for (const std::string& group : groups) recipients_.deliver_group(group, message, kNobody);
    degraded(on_sent);
    return {};
  }
  const auto payload = redis_protocol::write_invocation(message, protocols_, {});
  if (!payload) return payload.error();
  std::vector<std::string> channels;
  for (const std::string& group : groups) {
    if (!group.empty()) channels.push_back(channels_.group(group));
  }
  publish_each(channels, *payload, std::move(on_sent));
  return {};
}

Result<void> RedisHubLifetimeManager::send_user(std::string_view user, const Invocation& invocation, OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  if (!is_ready()) {
    recipients_.deliver_user(user, message);
    degraded(on_sent);
    return {};
  }
  const auto payload = redis_protocol::write_invocation(message, protocols_, {});
  if (!payload) return payload.error();
  publish(channels_.user(user), *payload, std::move(on_sent));
  return {};
}

Result<void> RedisHubLifetimeManager::send_users(Names users, const Invocation& invocation, OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  if (!is_ready()) {
    for (const std::string& user : users) recipients_.deliver_user(user, message);
    degraded(on_sent);
    return {};
  }
  const auto payload = redis_protocol::write_invocation(message, protocols_, {});
  if (!payload) return payload.error();
  std::vector<std::string> channels;
  for (const std::string& user : users) {
    if (!user.empty()) channels.push_back(channels_.user(user));
  }
  publish_each(channels, *payload, std::move(on_sent));
  return {};
}

void RedisHubLifetimeManager::add_to_group(std::string_view connection_id, std::string_view group, Done done) {
  if (HubConnectionContext* connection = recipients_.find(connection_id)) {
    return join(*connection, group, std::move(done));
  }
  ask_owner(redis_protocol::GroupAction::kAdd, connection_id, group, std::move(done));
}

void RedisHubLifetimeManager::remove_from_group(std::string_view connection_id, std::string_view group, Done done) {
  if (HubConnectionContext* connection = recipients_.find(connection_id)) {
    leave(*connection, group);
    if (done) done({});
    return;
  }
  ask_owner(redis_protocol::GroupAction::kRemove, connection_id, group, std::move(done));
}

void RedisHubLifetimeManager::join(HubConnectionContext& connection, std::string_view group, Done done) {
  if (connection.is_aborted()) {
    if (done) done({});
    return;
  }
  recipients_.join(connection, group);
  // For a channel that is wanted already this only waits for the confirmation, which the first member may still lack.
  client_->subscribe(channels_.group(group), after(1, std::move(done)));
}

void RedisHubLifetimeManager::leave(HubConnectionContext& connection, std::string_view group) {
  if (recipients_.leave(connection, group)) client_->unsubscribe(channels_.group(group));
}

void RedisHubLifetimeManager::ask_owner(redis_protocol::GroupAction action, std::string_view connection_id,
                                        std::string_view group, Done done) {
  if (!is_ready()) {
    if (done) done(down());
    return;
  }
  const std::int32_t id = acks_.create(std::move(done));
  const std::string command =
      redis_protocol::write_group_command({id, server_name_, static_cast<std::int32_t>(action), group, connection_id});
  const auto published = client_->publish(channels_.group_management(), as_bytes(command));
  if (!published) acks_.fail(id, make_error(ErrorCode::kUnavailable, published.error().what, Side::kUpstream));
}

void RedisHubLifetimeManager::publish(std::string_view channel, const std::string& payload, OnSent on_sent) {
  // The client takes what it is given only when it will call back; a copy is kept for the case that it does not.
  const auto published =
      on_sent ? client_->publish(channel, as_bytes(payload), on_sent) : client_->publish(channel, as_bytes(payload));
  if (!published && on_sent) {
    on_sent(make_error(ErrorCode::kUnavailable, published.error().what, Side::kUpstream));
  }
}

void RedisHubLifetimeManager::publish_each(const std::vector<std::string>& channels, const std::string& payload,
                                           OnSent on_sent) {
  if (!on_sent) {
    for (const std::string& channel : channels) publish(channel, payload, nullptr);
    return;
  }
  if (channels.empty()) return on_sent(0);
  struct Tally {
    std::size_t left;
    std::uint64_t receivers = 0;
    std::optional<Error> error = {};
    OnSent on_sent;
  };
  auto tally = std::make_shared<Tally>(Tally{.left = channels.size(), .on_sent = std::move(on_sent)});
  for (const std::string& channel : channels) {
    publish(channel, payload, [tally](Result<std::uint64_t> receivers) {
      if (receivers) {
        tally->receivers += *receivers;
      } else if (!tally->error) {
        tally->error = receivers.error();
      }
      if (--tally->left != 0) return;
      if (tally->error) return tally->on_sent(*tally->error);
      tally->on_sent(tally->receivers);
    });
  }
}

void RedisHubLifetimeManager::degraded(const OnSent& on_sent) {
  ++counters_.degraded;
  if (on_sent) on_sent(down());
}

void RedisHubLifetimeManager::on_redis_state(redis::RedisClient::State state) {
  if (state == redis::RedisClient::State::kDown) acks_.fail_all(down());
  if (on_state_) on_state_(state);
}

void RedisHubLifetimeManager::on_redis_message(std::string_view channel, Bytes payload) {
  const auto to = channels_.parse(channel);
  if (!to) return;
  switch (to->kind) {
    case RedisChannels::Kind::kAll:
    case RedisChannels::Kind::kConnection:
    case RedisChannels::Kind::kGroup:
    case RedisChannels::Kind::kUser: return on_invocation(*to, payload);
    case RedisChannels::Kind::kGroupManagement: return on_group_command(payload);
    case RedisChannels::Kind::kAcks: {
      const auto id = redis_protocol::read_ack(payload);
      if (!id) return drop("ack", id.error());
      return acks_.acknowledge(*id);
    }
    case RedisChannels::Kind::kClientResults: ++counters_.unsupported; return;
  }
}

void RedisHubLifetimeManager::on_invocation(const RedisChannels::Parsed& to, Bytes payload) {
  const auto invocation = redis_protocol::read_invocation(payload);
  if (!invocation) return drop("message", invocation.error());  // the channel may name a token
  if (!invocation->invocation_id.empty()) {
    // A client that got it would answer a question that nobody here asked.
    ++counters_.unsupported;
    return;
  }
  const SerializedHubMessage message(invocation->messages);
  switch (to.kind) {
    case RedisChannels::Kind::kAll: recipients_.deliver_all(message, invocation->excluded); break;
    case RedisChannels::Kind::kGroup: recipients_.deliver_group(to.name, message, invocation->excluded); break;
    case RedisChannels::Kind::kConnection: recipients_.deliver_connection(to.name, message); break;
    default: recipients_.deliver_user(to.name, message); break;
  }
  counters_.transcoded += static_cast<std::uint64_t>(message.transcoded());
}

void RedisHubLifetimeManager::on_group_command(Bytes payload) {
  const auto command = redis_protocol::read_group_command(payload);
  if (!command) return drop("group command", command.error());
  HubConnectionContext* connection = recipients_.find(command->connection_id);
  if (connection == nullptr) return;  // another server's, perhaps
  if (command->action == static_cast<std::int32_t>(redis_protocol::GroupAction::kAdd)) {
    return join(*connection, command->group,
                [this, server = std::string(command->server_name), id = command->id](const Result<void>&) {
                  send_ack(server, id);
                });
  }
  if (command->action == static_cast<std::int32_t>(redis_protocol::GroupAction::kRemove)) {
    leave(*connection, command->group);
  }
  send_ack(command->server_name, command->id);
}

void RedisHubLifetimeManager::send_ack(std::string_view server_name, std::int32_t id) {
  // Without Redis the asking server has given up by its own link or does so after its time.
  publish(channels_.acks_of(server_name), redis_protocol::write_ack(id), nullptr);
}

void RedisHubLifetimeManager::drop(std::string_view what, const Error& error) {
  ++counters_.malformed;
  log_.debug("backplane payload dropped", {{"what", what}, {"error", error.what}});
}

}  // namespace hubgate::hub
