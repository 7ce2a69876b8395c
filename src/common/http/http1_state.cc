#include "common/http/http1_state.h"

#include <initializer_list>

namespace hubgate::http {
namespace {

using enum SideState;

constexpr std::uint8_t mask(std::initializer_list<SideState> states) {
  unsigned bits = 0;
  for (const SideState state : states) bits |= 1u << static_cast<unsigned>(state);
  return static_cast<std::uint8_t>(bits);
}
constexpr std::uint8_t kAny = mask({kIdle, kSending, kDone, kSwitched, kClosed});

// One row an event: in which states of both sides it may happen, and what they are afterwards.
struct Row {
  ExchangeEvent event;
  std::uint8_t requester;
  std::uint8_t responder;
  SideState next_requester;
  SideState next_responder;
  bool keeps_requester = false;
  bool keeps_responder = false;
};
constexpr Row kTable[] = {
    {ExchangeEvent::kRequestHead, mask({kIdle}), mask({kIdle}), kSending, kIdle},
    {ExchangeEvent::kRequestEnd, mask({kSending}), mask({kIdle, kSending, kDone}), kDone, kIdle, false, true},
    {ExchangeEvent::kRefusal, mask({kIdle, kSending}), mask({kIdle, kSending, kDone}), kClosed, kIdle, false, true},
    {ExchangeEvent::kInterim, mask({kSending, kDone}), mask({kIdle}), kIdle, kIdle, true, true},
    {ExchangeEvent::kSwitch, mask({kDone}), mask({kIdle}), kSwitched, kSwitched},
    {ExchangeEvent::kResponseHead, mask({kSending, kDone, kClosed}), mask({kIdle}), kIdle, kSending, true, false},
    {ExchangeEvent::kResponseEnd, kAny, mask({kSending}), kIdle, kDone, true, false},
    {ExchangeEvent::kNext, mask({kDone}), mask({kDone}), kIdle, kIdle},
    {ExchangeEvent::kClose, kAny, kAny, kClosed, kClosed},
};

const Row* row_of(ExchangeEvent event) {
  for (const Row& row : kTable) {
    if (row.event == event) return &row;
  }
  return nullptr;
}

bool holds(std::uint8_t set, SideState state) { return (set >> static_cast<unsigned>(state) & 1u) != 0; }

}  // namespace

std::string_view to_string(SideState state) noexcept {
  switch (state) {
    case kIdle: return "idle";
    case kSending: return "sending";
    case kDone: return "done";
    case kSwitched: return "switched";
    case kClosed: return "closed";
  }
  return "?";
}

bool Http1State::allows(ExchangeEvent event) const noexcept {
  const Row* row = row_of(event);
  if (row == nullptr || !holds(row->requester, requester_) || !holds(row->responder, responder_)) return false;
  switch (event) {
    case ExchangeEvent::kRequestHead:
    case ExchangeEvent::kNext: return may_continue_;
    case ExchangeEvent::kSwitch: return switch_offered_;
    default: return true;
  }
}

bool Http1State::move(ExchangeEvent event) noexcept {
  if (!allows(event)) return false;
  const Row* row = row_of(event);
  if (!row->keeps_requester) requester_ = row->next_requester;
  if (!row->keeps_responder) responder_ = row->next_responder;
  if (event == ExchangeEvent::kNext) switch_offered_ = false;
  if (event == ExchangeEvent::kRefusal) may_continue_ = false;
  return true;
}

}  // namespace hubgate::http
