#pragma once

namespace hubgate::event {

/// A thing that ends in two steps: `Loop::dispose` calls retire() at once and destroys it after the turn, when no
/// event that was already pending can reach it any more.
class Disposable {
 public:
  virtual ~Disposable() = default;
  /// Goes silent: closes sockets, cancels timers, retires what it owns. Called once; no callback leaves after it.
  virtual void retire() = 0;
};

}  // namespace hubgate::event
