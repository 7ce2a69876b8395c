#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubgate::hub {

/// Names of Redis channels as ASP.NET Core's backplane has them. Literal, compared byte by byte; names of groups and
/// users stand in them as they are. Source: Microsoft.AspNetCore.SignalR.StackExchangeRedis.
class RedisChannels {
 public:
  /// `prefix` (ChannelPrefix) is put in front of every name, `backplane_name` is the .NET class name of the hub,
  /// `server_name` tells this server's hub from all others.
  RedisChannels(std::string_view prefix, std::string_view backplane_name, std::string_view server_name);

  const std::string& all() const { return all_; }                  // every server
  const std::string& group_management() const { return groups_; }  // every server
  const std::string& acks() const { return acks_; }                // this server
  const std::string& client_results() const { return results_; }   // this server
  std::string connection(std::string_view connection_id) const;    // the server that has it
  std::string group(std::string_view name) const;                  // servers with a member
  std::string user(std::string_view user) const;                   // servers with a connection of the user
  std::string acks_of(std::string_view server_name) const;         // another server

  enum class Kind : std::uint8_t { kAll, kGroupManagement, kAcks, kClientResults, kConnection, kGroup, kUser };
  struct Parsed {
    Kind kind;
    std::string_view name;  // connection id, group or user; a view of what was parsed
  };
  /// Nothing when the channel is none of ours.
  std::optional<Parsed> parse(std::string_view channel) const;

 private:
  std::string start_;  // prefix, backplane name and ":"
  std::string all_;
  std::string groups_;
  std::string acks_;
  std::string results_;
};

}  // namespace hubgate::hub
