#include "hub/lifetime/redis_channels.h"

#include <initializer_list>

namespace hubgate::hub {
namespace {

constexpr std::string_view kConnection = "connection:";
constexpr std::string_view kGroup = "group:";
constexpr std::string_view kUser = "user:";
constexpr std::string_view kAck = "internal:ack:";

std::string join(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string joined;
  joined.reserve(size);
  for (const std::string_view part : parts) joined += part;
  return joined;
}

}  // namespace

RedisChannels::RedisChannels(std::string_view prefix, std::string_view backplane_name, std::string_view server_name)
    : start_(join({prefix, backplane_name, ":"})),
      all_(join({start_, "all"})),
      groups_(join({start_, "internal:groups"})),
      acks_(acks_of(server_name)),
      results_(join({start_, "internal:return:", server_name})) {}

std::string RedisChannels::connection(std::string_view connection_id) const {
  return join({start_, kConnection, connection_id});
}
std::string RedisChannels::group(std::string_view name) const { return join({start_, kGroup, name}); }
std::string RedisChannels::user(std::string_view user) const { return join({start_, kUser, user}); }
std::string RedisChannels::acks_of(std::string_view server_name) const { return join({start_, kAck, server_name}); }

std::optional<RedisChannels::Parsed> RedisChannels::parse(std::string_view channel) const {
  if (!channel.starts_with(start_)) return std::nullopt;
  const std::string_view rest = channel.substr(start_.size());
  // The four fixed names first: a group or user may be called anything, but their channels begin with another word.
  if (channel == all_) return Parsed{Kind::kAll, {}};
  if (channel == groups_) return Parsed{Kind::kGroupManagement, {}};
  if (channel == acks_) return Parsed{Kind::kAcks, {}};
  if (channel == results_) return Parsed{Kind::kClientResults, {}};
  if (rest.starts_with(kConnection)) return Parsed{Kind::kConnection, rest.substr(kConnection.size())};
  if (rest.starts_with(kGroup)) return Parsed{Kind::kGroup, rest.substr(kGroup.size())};
  if (rest.starts_with(kUser)) return Parsed{Kind::kUser, rest.substr(kUser.size())};
  return std::nullopt;
}

}  // namespace hubgate::hub
