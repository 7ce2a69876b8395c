#include "hub/worker/flags.h"

#include <charconv>
#include <chrono>
#include <functional>
#include <vector>

namespace hubgate::worker {

namespace {

struct Flag {
  std::string_view name;
  std::string_view value_name;  // empty: a switch
  std::string_view help;
  std::function<void(Flags&, std::string_view value)> set;
};

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0 || number > 1'000'000'000'000) {
    throw UsageError("'" + std::string(text) + "' is no number above 0");
  }
  return number;
}

std::chrono::milliseconds time_of(std::string_view text) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(number_of(text)));
}

const std::vector<Flag>& all_flags() {
  using Text = std::string_view;
  static const std::vector<Flag> flags = {
      {"--listen", "ADDRESS", "where to listen without a gateway: ip:port or unix:/path (127.0.0.1:8080)",
       [](Flags& to, Text value) { to.server.listen = value; }},
      {"--redis", "URL", "Redis without a gateway: redis://host, rediss://host, unix:/path (none)",
       [](Flags& to, Text value) { to.server.redis = value; }},
      {"--channel-prefix", "TEXT", "in front of every channel on Redis",
       [](Flags& to, Text value) { to.server.channel_prefix = value; }},
      {"--log-level", "LEVEL", "debug, info, warn, error or off (info)",
       [](Flags& to, Text value) { to.server.log_level = value; }},
      {"--max-connections", "N", "more clients than these are refused (100000)",
       [](Flags& to, Text value) { to.server.max_connections = number_of(value); }},
      {"--max-pending-bytes", "N", "unsent bytes that end a slow client (1048576)",
       [](Flags& to, Text value) { to.server.max_pending_bytes = number_of(value); }},
      {"--drain-time", "MS", "for clients to go elsewhere at the end (10000)",
       [](Flags& to, Text value) { to.server.drain_time = time_of(value); }},
      {"--detailed-errors", "", "clients see the texts of exceptions",
       [](Flags& to, Text) { to.hub.detailed_errors = true; }},
      {"--messagepack", "", "clients may choose MessagePack", [](Flags& to, Text) { to.hub.messagepack = true; }},
      {"--handshake-timeout", "MS", "for a client's first message (15000)",
       [](Flags& to, Text value) { to.hub.handshake_timeout = time_of(value); }},
      {"--keep-alive", "MS", "between pings to a client (15000)",
       [](Flags& to, Text value) { to.hub.keep_alive_interval = time_of(value); }},
      {"--client-timeout", "MS", "silence of a client that has pinged (30000)",
       [](Flags& to, Text value) { to.hub.client_timeout_interval = time_of(value); }},
      {"--user-from-query", "", "the user is what ?user= says: for tests only",
       [](Flags& to, Text) { to.user_from_query = true; }},
      {"--help", "", "this text", [](Flags& to, Text) { to.help = true; }},
      {"--version", "", "the version", [](Flags& to, Text) { to.version = true; }},
  };
  return flags;
}

const Flag& find(std::string_view name) {
  for (const Flag& flag : all_flags()) {
    if (flag.name == name) return flag;
  }
  throw UsageError("there is no flag '" + std::string(name) + "'");
}

}  // namespace

Flags parse_flags(std::span<const char* const> arguments) {
  Flags flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const Flag& flag = find(argument.substr(0, equals));
    const bool has_value = equals != argument.npos;
    if (flag.value_name.empty()) {
      if (has_value) throw UsageError(std::string(flag.name) + " takes no value");
      flag.set(flags, {});
    } else if (has_value) {
      flag.set(flags, argument.substr(equals + 1));
    } else {
      if (++i == arguments.size()) throw UsageError(std::string(flag.name) + " needs a value");
      flag.set(flags, arguments[i]);
    }
  }
  return flags;
}

std::string flags_help() {
  constexpr std::size_t kColumn = 28;
  std::string text = "hubgate-worker: ChatHub at /chat, BenchHub at /bench; under a gateway or alone\n";
  for (const Flag& flag : all_flags()) {
    std::string line = "  " + std::string(flag.name);
    if (!flag.value_name.empty()) line += " " + std::string(flag.value_name);
    if (line.size() < kColumn) line.resize(kColumn, ' ');
    text += line + "  " + std::string(flag.help) + "\n";
  }
  return text;
}

}  // namespace hubgate::worker
