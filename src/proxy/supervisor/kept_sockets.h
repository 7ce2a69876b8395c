#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"

namespace hubgate::supervisor {

/// Descriptors that outlive the proxy, by name: listeners, the text of the configuration, locks. Owned by the
/// Supervisor.
class KeptSockets {
 public:
  /// Replaces one of the same name; of a lock the first stays.
  void keep(std::string name, Descriptor descriptor);
  /// Closes our copy. Locks stay until we end.
  void forget(std::string_view name);
  /// All that a new proxy is given, in the order of their names: everything but locks.
  void each(const std::function<void(const std::string& name, int descriptor)>& call) const;
  std::size_t size() const { return kept_.size(); }

  static bool is_lock(std::string_view name) { return name.starts_with("lock:"); }

 private:
  std::map<std::string, Descriptor, std::less<>> kept_;
};

}  // namespace hubgate::supervisor
