#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hubgate/hub.h>

namespace hubgate::hub {

/// The methods of one hub, found by name whatever the case of its letters A–Z. Immutable.
class HubMethodTable {
 public:
  /// Throws std::invalid_argument for two methods of one name, in SignalR's words.
  explicit HubMethodTable(std::vector<detail::NamedMethod> methods);

  /// nullptr when there is none. The name in it is the registered spelling.
  const detail::NamedMethod* find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }
  /// In the order of registration.
  const std::vector<detail::NamedMethod>& methods() const { return methods_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept;
  };
  std::vector<detail::NamedMethod> methods_;
  std::unordered_map<std::string_view, const detail::NamedMethod*, Hash, Equal> by_name_;
};

}  // namespace hubgate::hub
