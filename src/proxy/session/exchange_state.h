#pragma once

#include <cstdint>
#include <string_view>

namespace hubgate::proxy {

/// How far one request is on its way.
enum class ExchangeState : std::uint8_t {
  kReadingHead,  // the head is being read or judged
  kChoosing,     // it waits for an endpoint; a reload may make it a file meanwhile
  kConnecting,   // a connection to the endpoint is being made
  kSending,      // request and answer are under way, or a file is
  kHandedOver,   // the client's socket is with a worker that has not acked yet
  kDone,         // answered, or acked by the worker
  kSwitched,     // a tunnel has taken over
  kFailed,       // answered by the proxy itself, or cut
};
inline constexpr int kExchangeStateCount = static_cast<int>(ExchangeState::kFailed) + 1;

/// The table of moves (architecture, "State machines").
bool may_move(ExchangeState from, ExchangeState to) noexcept;
constexpr bool is_final(ExchangeState state) noexcept { return state >= ExchangeState::kDone; }
std::string_view to_string(ExchangeState state) noexcept;

}  // namespace hubgate::proxy
