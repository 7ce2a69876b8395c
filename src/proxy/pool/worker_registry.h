#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/pool/pool_registry.h"
#include "proxy/pool/pool_runner.h"

namespace hubgate::proxy {

/// All local workers of the gateway, by pool. Owned by the Proxy; one thread.
class WorkerRegistry {
 public:
  /// How the workers of a pool are started.
  using SpecOf = std::function<WorkerSpec(const ProxyConfig&, const PoolConfig&)>;
  /// Everything given outlives it.
  WorkerRegistry(SlotServices& services, PoolRegistry& pools, SpecOf spec_of)
      : services_(services), pools_(pools), spec_of_(std::move(spec_of)) {}

  /// After PoolRegistry::apply. Only what differs is started, replaced or drained.
  void apply(const ProxyConfig& config);
  /// From now on they are to run; pools that come later start by themselves.
  void start();
  /// Something has changed; with an empty stack.
  void advance();

  /// False when it is of no pool here.
  bool adopt(SlotProcess process);
  void on_spawn_failed(const control::SpawnFailed& failed);
  void on_exited(const control::Exited& exited);

  // As each SlotRunner's.
  void stop(Duration spread, Duration hard);
  void stop_handing_over();
  void signal_directly(int signal);
  void close_links();
  bool all_ready() const;
  bool all_answered() const;
  bool is_idle() const;
  bool is_alive() const;
  std::size_t unsettled() const;

  /// Null when the pool has no workers of ours.
  PoolRunner* find(std::string_view pool) const;
  /// Null when there is no such slot; `name` as "main/0".
  SlotRunner* find_slot(std::string_view name) const;

 private:
  void each(const std::function<void(SlotRunner&)>& call) const;
  bool all(const std::function<bool(const SlotRunner&)>& is_so) const;
  SlotRunner* find_slot(const control::SlotId& id) const;

  SlotServices& services_;
  PoolRegistry& pools_;
  SpecOf spec_of_;
  bool started_ = false;
  std::map<std::string, std::unique_ptr<PoolRunner>, std::less<>> runners_;
};

}  // namespace hubgate::proxy
