#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include <hubgate/hub_server.h>
#include <hubgate/version.h>

#include "hub/worker/bench_hub.h"
#include "hub/worker/chat_hub.h"

// hubgate-worker: the hubs of the demo and of the benchmarks as an ordinary program on the hub library. Under a gateway
// the flags of addresses mean nothing; alone it listens by itself, which tests use.

namespace {

using std::chrono::milliseconds;

struct Flags {
  hubgate::HubServerOptions server;
  hubgate::HubOptions hub;
  bool user_from_query = false;
};

/// A flag in milliseconds.
void add_time(CLI::App& app, const std::string& name, milliseconds& value, const std::string& help) {
  app.add_option_function<long>(
         name, [&value](long given) { value = milliseconds(given); },
         help + " (ms, default " + std::to_string(value.count()) + ")")
      ->check(CLI::PositiveNumber)
      ->type_name("MS");
}

void add_flags(CLI::App& app, Flags& flags) {
  app.add_option("--listen", flags.server.listen, "Address when there is no gateway: ip:port or unix:/path");
  app.add_option("--redis", flags.server.redis, "Redis when there is no gateway: redis://host, unix:/path");
  app.add_option("--channel-prefix", flags.server.channel_prefix, "In front of every channel on Redis");
  app.add_option("--log-level", flags.server.log_level, "debug, info, warn, error or off");
  app.add_option("--max-connections", flags.server.max_connections, "More clients than these are refused");
  app.add_option("--max-pending-bytes", flags.server.max_pending_bytes, "Unsent bytes that end a slow client");
  app.add_flag("--detailed-errors", flags.hub.detailed_errors, "Clients see the texts of exceptions");
  app.add_flag("--messagepack", flags.hub.messagepack, "Clients may choose MessagePack");
  app.add_flag("--user-from-query", flags.user_from_query, "The user is what ?user= says: for tests only");
  add_time(app, "--handshake-timeout", flags.hub.handshake_timeout, "For the first message");
  add_time(app, "--keep-alive", flags.hub.keep_alive_interval, "Between pings to a client");
  add_time(app, "--client-timeout", flags.hub.client_timeout_interval, "Silence of a client that has pinged");
  add_time(app, "--drain-time", flags.server.drain_time, "For clients to go elsewhere at the end");
}

int serve(Flags flags) {
  if (flags.user_from_query) {
    flags.server.user_id = [](const hubgate::HttpFacts& facts) { return facts.query_value("user").value_or(""); };
  }
  flags.server.on_listening = [](const std::string& address) {
    std::printf("ready http://%s\n", address.c_str());
    std::fflush(stdout);
  };
  hubgate::HubServer server(std::move(flags.server));

  hubgate::HubOptions chat = flags.hub;
  chat.backplane_name = "Demo.ChatHub";
  server.map<hubgate::worker::ChatHub>(
      "/chat", chat, [&server] { return std::make_unique<hubgate::worker::ChatHub>(server); });
  hubgate::HubOptions bench = flags.hub;
  bench.backplane_name = "Demo.BenchHub";
  server.map<hubgate::worker::BenchHub>("/bench", bench);
  return server.run();
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kExitUsage = 64;
  constexpr int kExitConfiguration = 78;
  CLI::App app("The hub server of hubgate's demo: ChatHub at /chat, BenchHub at /bench", "hubgate-worker");
  app.set_version_flag("--version", hubgate::kVersion);
  Flags flags;
  add_flags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  try {
    return serve(std::move(flags));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hubgate-worker: error: %s\n", error.what());
    return kExitConfiguration;
  }
}
