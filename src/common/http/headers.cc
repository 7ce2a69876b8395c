#include "common/http/headers.h"

#include <algorithm>
#include <functional>

#include "common/base/ascii.h"
#include "common/http/http1_grammar.h"

namespace hubgate::http {

Headers::Slot Headers::store(std::string_view name, std::string_view value) {
  const std::less<const char*> before;
  const auto is_own = [&](std::string_view text) {
    return !before(text.data(), text_.data()) && before(text.data(), text_.data() + text_.size());
  };
  std::string copy;  // a view into text_ would dangle when it grows
  if (is_own(value)) value = copy.assign(value);
  std::string name_copy;
  if (is_own(name)) name = name_copy.assign(name);
  const auto at = static_cast<std::uint32_t>(text_.size());
  text_.append(name).append(value);
  const auto name_size = static_cast<std::uint32_t>(name.size());
  return {at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())};
}

void Headers::add(std::string_view name, std::string_view value) {
  // A usual head, in one step: growing from nothing would take six.
  if (slots_.empty()) {
    if (slots_.capacity() == 0) slots_.reserve(16);
    if (text_.capacity() < 64) text_.reserve(512);
  }
  slots_.push_back(store(name, value));
}

void Headers::set(std::string_view name, std::string_view value) {
  const Slot slot = store(name, value);
  bool placed = false;
  const std::string_view stored_name = field_of(slot).name;
  std::erase_if(slots_, [&](Slot& old) {
    if (!equals_ignoring_case(field_of(old).name, stored_name)) return false;
    if (placed) return true;
    placed = true;
    old = slot;
    return false;
  });
  if (!placed) slots_.push_back(slot);
}

std::size_t Headers::remove(std::string_view name) {
  return std::erase_if(slots_, [&](const Slot& slot) { return equals_ignoring_case(field_of(slot).name, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Slot& slot : slots_) {
    if (slot.name_size == name.size() && equals_ignoring_case(field_of(slot).name, name)) return field_of(slot).value;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [&](const Slot& slot) { return equals_ignoring_case(field_of(slot).name, name); }));
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  bool found = false;
  for (const Slot& slot : slots_) {
    if (!equals_ignoring_case(field_of(slot).name, name)) continue;
    for_each_element(field_of(slot).value,
                     [&](std::string_view element) { found = found || equals_ignoring_case(element, token); });
  }
  return found;
}

bool operator==(const Headers& a, const Headers& b) {
  return std::equal(a.slots_.begin(), a.slots_.end(), b.slots_.begin(), b.slots_.end(),
                    [&](const auto& left, const auto& right) { return a.field_of(left) == b.field_of(right); });
}

void remove_hop_by_hop(Headers& headers) {
  std::vector<std::string> nominated;
  for (const Headers::Field field : headers) {
    if (!equals_ignoring_case(field.name, "Connection")) continue;
    for_each_element(field.value, [&](std::string_view element) { nominated.emplace_back(element); });
  }
  headers.remove_if([&](const Headers::Field& field) {
    static constexpr std::string_view kHopByHop[] = {
        "Connection", "Keep-Alive",        "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE",
        "Trailer",    "Transfer-Encoding", "Upgrade",          "HTTP2-Settings"};
    const auto is_this = [&](std::string_view name) { return equals_ignoring_case(field.name, name); };
    return std::any_of(std::begin(kHopByHop), std::end(kHopByHop), is_this) ||
           std::any_of(nominated.begin(), nominated.end(), is_this);
  });
}

}  // namespace hubgate::http
