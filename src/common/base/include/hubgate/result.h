#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace hubgate {

/// What kind of failure it was; the caller decides by it, people read Error::what.
enum class ErrorCode {
  kInvalid,           // malformed input; a stream it came from cannot be resumed
  kTooLarge,          // a limit was passed; the stream cannot be resumed
  kUnsupported,       // well formed, but not something we do
  kNotFound,          // no such file, route, name
  kRefused,           // the other side said no
  kUnavailable,       // cannot be done now: Redis down, nobody there, a full queue
  kTimeout,           // no answer in time
  kClosed,            // the other side is gone
  kNoSuchConnection,  // no connection has that id
  kClientError,       // a client's answer to an invocation was an error
  kSystem,            // the operating system refused; `what` has its words
  kInternal,          // our own mistake
};

/// Whose doing it was, seen from the proxy: the client's side, the worker's side, or ours.
enum class Side { kDownstream, kUpstream, kInternal };

/// A failure as a value. `what` is one line for a log and holds no secret.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  Side side = Side::kInternal;
  std::string what;

  friend bool operator==(const Error&, const Error&) = default;
};

inline Error make_error(ErrorCode code, std::string what, Side side = Side::kInternal) {
  return Error{code, side, std::move(what)};
}

/// A value or an Error, with std::expected's names. Made from either, implicitly, so that functions
/// say `return value;` or `return make_error(…);`.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  template <class U>
    requires(!std::is_same_v<std::remove_cvref_t<U>, Result> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, T>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  template <class U>
  T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace hubgate
