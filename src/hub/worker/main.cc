#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <hubgate/hub_server.h>
#include <hubgate/version.h>

#include "hub/worker/bench_hub.h"
#include "hub/worker/chat_hub.h"
#include "hub/worker/flags.h"

// hubgate-worker: the hubs of the demo and of the benchmarks as an ordinary program on the hub library. Under a gateway
// the flags of addresses mean nothing; alone it listens by itself, which tests use.

namespace {

using hubgate::worker::Flags;

constexpr int kExitUsage = 64;
constexpr int kExitConfiguration = 78;

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
  server.map<hubgate::worker::ChatHub>("/chat", chat,
                                       [&server] { return std::make_unique<hubgate::worker::ChatHub>(server); });
  hubgate::HubOptions bench = flags.hub;
  bench.backplane_name = "Demo.BenchHub";
  server.map<hubgate::worker::BenchHub>("/bench", bench);
  return server.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Flags flags = hubgate::worker::parse_flags({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
    if (flags.help) return std::fputs(hubgate::worker::flags_help().c_str(), stdout) < 0 ? 1 : 0;
    if (flags.version) return std::printf("hubgate-worker %s\n", hubgate::kVersion) < 0 ? 1 : 0;
    return serve(std::move(flags));
  } catch (const hubgate::worker::UsageError& error) {
    std::fprintf(stderr, "hubgate-worker: error: %s\n", error.what());
    return kExitUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hubgate-worker: error: %s\n", error.what());
    return kExitConfiguration;
  }
}
