#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace hubgate {

/// Tells that something is over, such as a client's connection. Copies share it. The hub's thread only.
class CancelToken {
  struct State {
    bool cancelled = false;
    std::uint64_t last = 0;
    std::map<std::uint64_t, std::function<void()>> waiting;  // in the order of their coming
  };

 public:
  /// Keeps a function with its token: when this is destroyed, the function is forgotten. May outlive the token.
  class Registration {
   public:
    Registration() = default;
    Registration(Registration&& other) noexcept : state_(std::move(other.state_)), number_(other.number_) {}
    Registration& operator=(Registration&& other) noexcept {
      if (this == &other) return *this;
      reset();
      state_ = std::move(other.state_);
      number_ = other.number_;
      return *this;
    }
    ~Registration() { reset(); }
    void reset() {
      if (const auto state = std::exchange(state_, {}).lock()) state->waiting.erase(number_);
    }

   private:
    friend class CancelToken;
    Registration(const std::shared_ptr<State>& state, std::uint64_t number) : state_(state), number_(number) {}
    std::weak_ptr<State> state_;
    std::uint64_t number_ = 0;
  };

  CancelToken() : state_(std::make_shared<State>()) {}

  bool is_cancelled() const { return state_->cancelled; }
  /// Calls `function` once when it happens, unless the registration is gone by then; at once if it has happened.
  [[nodiscard]] Registration on_cancelled(std::function<void()> function) const {
    if (state_->cancelled) {
      function();
      return {};
    }
    state_->waiting.emplace(++state_->last, std::move(function));
    return {state_, state_->last};
  }

  /// Makes it happen; for whoever made the token. Every function is called, also when one of them throws: what the
  /// first of those threw is returned, else null.
  std::exception_ptr cancel() const {
    if (std::exchange(state_->cancelled, true)) return nullptr;
    const auto state = state_;  // a function may drop the last copy of the token
    std::exception_ptr failure;
    while (!state->waiting.empty()) {
      const auto function = std::move(state->waiting.begin()->second);
      state->waiting.erase(state->waiting.begin());
      try {
        function();
      } catch (...) {
        if (failure == nullptr) failure = std::current_exception();
      }
    }
    return failure;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace hubgate
