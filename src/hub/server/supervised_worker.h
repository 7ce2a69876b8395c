#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <hubgate/hub_server.h>

#include "common/control/worker_messages.h"
#include "common/event/timer.h"
#include "hub/server/server_runtime.h"
#include "hub/server/worker_link.h"

namespace hubgate::hub {

/// A HubServer's life under a gateway: what the proxy says becomes a ServerRuntime and its drains, what happens here is
/// reported. Owned by the HubServer; the loop's thread.
class SupervisedWorker final : private WorkerLink::Handler {
 public:
  struct Surroundings {
    ServerRuntime::Surroundings runtime;
    const HubServerOptions& options;
    HubServer::Identity& identity;
    /// Ends the program with this code.
    std::function<void(int code)> exit;
    /// Lines of the log that standard error had no room for.
    const std::uint64_t& log_dropped;
  };
  SupervisedWorker(const Surroundings& surroundings, WorkerLink::Sockets sockets);
  ~SupervisedWorker() override;

  /// SIGTERM: an operator's, or the kernel's because the supervisor has died.
  void on_terminate();

 private:
  // WorkerLink::Handler
  void on_welcome(const control::Welcome& welcome) override;
  bool admits(const control::Accept& accept, std::size_t waiting) override;
  void on_accept(control::Accept accept, Descriptor socket) override;
  void on_drain(const control::Drain& drain) override;
  void on_undrain() override;
  void on_close(const control::Close& close) override;
  void on_gateway_lost(std::string_view why) override;

  Result<void> open(const control::Welcome& welcome);
  void announce();
  void drain(const ServerRuntime::DrainOrder& order, bool exit);
  void report_load();
  void report_stats();
  void report_closed(const ClosedRecord& record);

  Surroundings around_;
  WorkerLink link_;
  std::optional<control::Welcome> welcome_;  // the last one
  std::unique_ptr<ServerRuntime> runtime_;   // from the first Welcome on
  bool leaving_ = false;                     // we end when the drain has
  event::Timer second_;
};

}  // namespace hubgate::hub
