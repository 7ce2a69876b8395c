#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace hubgate {

/// Tells that something is over, such as a client's connection. Copies share it. The hub's thread only.
class CancelToken {
 public:
  CancelToken() : state_(std::make_shared<State>()) {}

  bool is_cancelled() const { return state_->cancelled; }
  /// Calls `function` once when it happens, at once if it has happened.
  void on_cancelled(std::function<void()> function) const {
    if (state_->cancelled) return function();
    state_->waiting.push_back(std::move(function));
  }

  /// Makes it happen; for whoever made the token.
  void cancel() const {
    if (std::exchange(state_->cancelled, true)) return;
    const auto state = state_;  // a function may drop the last copy of the token
    for (auto& function : std::exchange(state->waiting, {})) function();
  }

 private:
  struct State {
    bool cancelled = false;
    std::vector<std::function<void()>> waiting;
  };
  std::shared_ptr<State> state_;
};

}  // namespace hubgate
