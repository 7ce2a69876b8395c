#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include <hubgate/hub.h>
#include <hubgate/hub_context.h>
#include <hubgate/log_sink.h>

namespace hubgate {

/// Settings of one server. Sizes are bytes. Under supervision (a worker of a gateway) the gateway gives `redis`,
/// `channel_prefix`, the log level, drain time and limits, and `listen` is not used.
struct HubServerOptions {
  /// "127.0.0.1:8080", "[::1]:8080", "unix:/path"; port 0 is any free one.
  std::string listen = "127.0.0.1:8080";
  /// "redis://…", "rediss://…", "unix:/path"; empty: this process alone.
  std::string redis = {};
  /// In front of every channel on Redis; applications that share a Redis have different ones.
  std::string channel_prefix = {};
  /// The user that a connection belongs to, empty for none; asked once, at the handshake. Null: no users.
  std::function<std::string(const HttpFacts&)> user_id = nullptr;
  /// Client connections; more are refused.
  std::size_t max_connections = 100'000;
  /// Unsent bytes of one client; above it the client is a slow consumer and is closed.
  std::size_t max_pending_bytes = 1024 * 1024;
  /// A client that has not taken a write after this time is a slow consumer, too.
  std::chrono::milliseconds transport_send_timeout{10'000};
  /// How long SIGTERM or stop() lets clients move elsewhere: Close messages are spread over this time, what is left
  /// after twice of it is cut.
  std::chrono::milliseconds drain_time{10'000};
  /// run() takes SIGTERM and SIGINT for itself. One server of a process at a time may.
  bool handle_signals = true;
  /// "debug", "info", "warn", "error", "off".
  std::string log_level = "info";
  /// Null: standard error.
  LogSink log_sink = nullptr;
  /// Called in the server's thread once clients can connect, with the address as bound. Not under supervision.
  std::function<void(const std::string& address)> on_listening = nullptr;
};

/// Settings of one hub (SignalR's names and defaults, and our own limits). Sizes are bytes.
struct HubOptions {
  /// The hub's name on Redis, which other programs share: for a .NET hub its full class name. No default; needed with
  /// Redis.
  std::string backplane_name = {};
  /// Whose pages may use the hub from a browser, besides those that come from the server's own name:
  /// "https://app.example" (with ":port" unless it is the scheme's own), "https://*.example" for all names below it,
  /// "*" for everybody, who then gets no cookies over HTTP. One list for negotiations (CORS) and WebSockets; other
  /// pages get 403. Programs, which send no Origin, are not bound by it.
  std::vector<std::string> origins = {};
  /// Exceptions' texts reach clients.
  bool detailed_errors = false;
  /// Clients may choose the MessagePack protocol too.
  bool messagepack = false;
  /// HubCallerContext::http() stays available after on_connected, at the cost of its memory.
  bool keep_http_facts = false;
  std::chrono::milliseconds handshake_timeout{15'000};
  std::chrono::milliseconds keep_alive_interval{15'000};
  std::chrono::milliseconds client_timeout_interval{30'000};
  /// One message as framed; 0: no limit. Unset: 32 KiB, or under supervision what the gateway's configuration says.
  std::optional<std::size_t> maximum_receive_message_size = {};
  /// Plain calls of one client that run at a time; at least 1.
  std::uint32_t maximum_parallel_invocations = 1;
  /// Received bytes that wait for a call to end; above it nothing more is read. Unset: 64 KiB, or as the gateway says.
  std::optional<std::size_t> application_max_buffer_size = {};
};

/// Hosts hubs: listens by itself, or works under a gateway when the environment says so (HUBGATE_LINKS). All of it
/// but context(), stop() and what they return belongs to the thread that calls run().
class HubServer {
 public:
  explicit HubServer(HubServerOptions options = {});
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  /// Serves hub class H at `path`, before run(). `make` makes an object for each call; without it H is made without
  /// arguments. Throws std::invalid_argument for what cannot work: two methods of one name, two hubs at one path,
  /// an origin that is none.
  template <class H>
    requires(std::is_base_of_v<Hub, H>)
  void map(std::string path, HubOptions options = {}, std::function<std::unique_ptr<H>()> make = nullptr) {
    detail::HubDefinition definition;
    HubMethods<H> methods;
    H::map(methods);
    definition.methods = methods.take();
    if (make != nullptr) {
      definition.make = [make = std::move(make)]() -> std::unique_ptr<Hub> { return make(); };
    } else if constexpr (std::is_default_constructible_v<H>) {
      definition.make = []() -> std::unique_ptr<Hub> { return std::make_unique<H>(); };
    }
    map_hub(std::move(path), std::move(options), std::move(definition), typeid(H));
  }

  /// Sends to the clients of hub class H from any thread, once it is mapped; works from run() on, and before it
  /// everything waits. Throws std::invalid_argument when H is not mapped. A class that is mapped twice: its first path.
  template <class H>
  HubContext context() const {
    return context_of(typeid(H));
  }

  /// Serves until SIGTERM, SIGINT or stop(), drains, and returns the program's exit code: 0; 69 when it cannot listen;
  /// 78 when the settings cannot work, which the log says. Blocks; once.
  int run();
  /// Makes run() drain and return. Any thread, any time.
  void stop();

  /// Which worker of which gateway this is; known before the first client comes. Alone: name "" and endpoint and
  /// generation 0. The server's thread.
  struct Identity {
    std::string worker;  // pool and slot, "main/0"
    std::uint32_t endpoint = 0;
    std::uint32_t generation = 0;
  };
  const Identity& identity() const;

 private:
  void map_hub(std::string path, HubOptions options, detail::HubDefinition definition, std::type_index type);
  HubContext context_of(std::type_index type) const;

  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace hubgate
