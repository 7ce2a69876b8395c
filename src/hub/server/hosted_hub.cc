#include "hub/server/hosted_hub.h"

#include <stdexcept>
#include <utility>

#include "common/redis/redis_url.h"
#include "hub/lifetime/local_hub_lifetime_manager.h"

namespace hubgate::hub {

namespace {
/// As a label's value in Prometheus' text.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}
}  // namespace

HostedHub::HostedHub(std::string path, HubOptions options, detail::HubDefinition definition, std::type_index type,
                     std::shared_ptr<Executor> executor)
    : path_(std::move(path)),
      options_(std::move(options)),
      methods_(std::move(definition.methods)),
      make_hub_(std::move(definition.make)),
      type_(type),
      gate_(std::make_shared<HubContextGate>(std::move(executor))) {
  if (make_hub_ == nullptr) {
    throw std::invalid_argument("the hub at '" + path_ + "' needs arguments: give map() a function that makes it");
  }
  if (options_.maximum_parallel_invocations == 0) {
    throw std::invalid_argument("the hub at '" + path_ +
                                "' allows no call: maximum_parallel_invocations is at least 1");
  }
  Result<OriginList> origins = OriginList::make(options_.origins);
  if (!origins) throw std::invalid_argument("the hub at '" + path_ + "': " + origins.error().what);
  origins_ = *std::move(origins);
}

HostedHub::~HostedHub() { close(); }

Result<void> HostedHub::open(const Surroundings& surroundings, const Backplane& backplane,
                             HubDispatcher::UserId user_id, std::function<void()> on_redis_state) {
  if (backplane.redis.empty()) {
    lifetime_ = std::make_unique<LocalHubLifetimeManager>();
  } else {
    if (options_.backplane_name.empty()) {
      return make_error(ErrorCode::kInvalid, "the hub at '" + path_ +
                                                 "' has no backplane_name, which it needs with Redis: give map() the "
                                                 "name that all servers of the hub share");
    }
    Result<redis::RedisUrl> url = redis::RedisUrl::parse(backplane.redis);
    if (!url) return std::move(url).error();
    RedisHubLifetimeManager::Options options;
    options.redis.url = std::move(*url);
    options.redis.name = options_.backplane_name;
    options.backplane_name = options_.backplane_name;
    options.channel_prefix = backplane.channel_prefix;
    auto redis = std::make_unique<RedisHubLifetimeManager>(surroundings.loop, std::move(options), surroundings.log,
                                                           surroundings.random);
    redis_ = redis.get();
    lifetime_ = std::move(redis);
  }
  dispatcher_ =
      std::make_unique<HubDispatcher>(methods_, make_hub_, options_, std::move(user_id), *lifetime_, surroundings.log);
  std::vector<const HubProtocol*> protocols{find_standard_protocol("json")};
  if (options_.messagepack) protocols.push_back(find_standard_protocol("messagepack"));
  const HubConnectionHandler::Surroundings around{surroundings.loop, surroundings.loop, surroundings.log, *dispatcher_,
                                                  *lifetime_};
  handler_ = std::make_unique<HubConnectionHandler>(around, options_, std::move(protocols));
  if (redis_ != nullptr) {
    redis_->start([notify = std::move(on_redis_state)](redis::RedisClient::State) {
      if (notify != nullptr) notify();
    });
  }
  gate_->open(*lifetime_);
  return {};
}

void HostedHub::set_receive_limits(const ReceiveLimits& limits) { handler_->set_receive_limits(limits); }

void HostedHub::set_redis_queue(std::size_t bytes) {
  if (redis_ != nullptr) redis_->set_max_queue(bytes);
}

void HostedHub::close() {
  gate_->close();
  if (redis_ != nullptr) std::exchange(redis_, nullptr)->stop();
}

std::string_view HostedHub::redis_state() const {
  return redis_ == nullptr ? std::string_view() : to_string(redis_->state());
}

void HostedHub::add_series(std::map<std::string, double>& series) const {
  if (handler_ == nullptr) return;
  const std::string label = "{hub=\"" + escaped(options_.backplane_name.empty() ? path_ : options_.backplane_name) +
                            "\",path=\"" + escaped(path_) + "\"}";
  const auto add = [&](const char* name, std::uint64_t value) { series[name + label] = static_cast<double>(value); };

  const auto& clients = handler_->counters();
  add("hubgate_hub_connections", handler_->size());
  add("hubgate_hub_connections_total", clients.accepted);
  add("hubgate_hub_failed_handshakes_total", clients.failed_handshakes);
  add("hubgate_hub_messages_received_total", clients.messages_in);
  add("hubgate_hub_messages_sent_total", clients.messages_out);
  add("hubgate_hub_client_timeouts_total", clients.client_timeouts);
  add("hubgate_hub_protocol_errors_total", clients.broken_messages);
  add("hubgate_hub_unwritable_messages_total", clients.unwritable_messages);
  add("hubgate_hub_slow_consumers_total", clients.slow_consumers);
  const auto& calls = dispatcher_->counters();
  add("hubgate_hub_calls_total", calls.calls);
  add("hubgate_hub_failed_calls_total", calls.failed_calls);
  add("hubgate_hub_refused_calls_total", calls.refused_calls);
  add("hubgate_hub_joins_given_up_total", calls.joins_given_up);
  add("hubgate_hub_failed_group_changes_total", calls.unawaited_group_failures);
  add("hubgate_hub_failed_sends_total", calls.unawaited_send_failures);

  if (redis_ == nullptr) return;
  const auto& redis = redis_->redis_counters();
  add("hubgate_redis_ready", redis_->is_ready() ? 1 : 0);
  add("hubgate_redis_connects_total", redis.connects);
  add("hubgate_redis_disconnects_total", redis.disconnects);
  add("hubgate_redis_published_total", redis.published);
  add("hubgate_redis_refused_total", redis.refused);
  add("hubgate_redis_lost_total", redis.lost);
  add("hubgate_redis_unknown_total", redis.unknown);
  add("hubgate_redis_received_total", redis.received);
  const auto& backplane = redis_->counters();
  add("hubgate_hub_degraded_total", backplane.degraded);
  add("hubgate_hub_lost_sends_total", backplane.lost);
  add("hubgate_hub_malformed_total", backplane.malformed);
  add("hubgate_hub_unsupported_total", backplane.unsupported);
  add("hubgate_hub_transcoded_total", backplane.transcoded);
}

}  // namespace hubgate::hub
