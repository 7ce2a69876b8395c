#include "proxy/supervisor/kept_sockets.h"

#include <utility>

namespace hubgate::supervisor {

void KeptSockets::keep(std::string name, Descriptor descriptor) {
  if (is_lock(name)) {
    kept_.try_emplace(std::move(name), std::move(descriptor));
  } else {
    kept_.insert_or_assign(std::move(name), std::move(descriptor));
  }
}

void KeptSockets::forget(std::string_view name) {
  if (is_lock(name)) return;
  const auto place = kept_.find(name);
  if (place != kept_.end()) kept_.erase(place);
}

void KeptSockets::each(const std::function<void(const std::string&, int)>& call) const {
  for (const auto& [name, descriptor] : kept_) {
    if (!is_lock(name)) call(name, descriptor.get());
  }
}

}  // namespace hubgate::supervisor
