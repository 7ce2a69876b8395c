#include "hub/core/hub_method_table.h"

#include <cstdint>
#include <stdexcept>

#include "common/base/ascii.h"

namespace hubgate::hub {

std::size_t HubMethodTable::Hash::operator()(std::string_view name) const noexcept {
  // FNV-1a over lower-case letters; names are short and chosen by the program, not by clients.
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(ascii_lower(c))) * 1099511628211u;
  return static_cast<std::size_t>(hash);
}

bool HubMethodTable::Equal::operator()(std::string_view a, std::string_view b) const noexcept {
  return equals_ignoring_case(a, b);
}

HubMethodTable::HubMethodTable(std::vector<detail::NamedMethod> methods) : methods_(std::move(methods)) {
  by_name_.reserve(methods_.size());
  for (const detail::NamedMethod& method : methods_) {
    if (!by_name_.emplace(method.name, &method).second) {
      throw std::invalid_argument("Duplicate definitions of '" + method.name + "'. Overloading is not supported.");
    }
  }
}

}  // namespace hubgate::hub
