#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/event/timer.h"
#include "common/net/resolver.h"

namespace hubgate::proxy {

/// Keeps the addresses of a host's name current: asks for them at once, and again when the answer's time to live is
/// over, within bounds; after a failure soon. One question at a time; one thread.
class HostWatch {
 public:
  static constexpr Duration kLeast = std::chrono::seconds(5);  // between two answers, whatever their time to live
  static constexpr Duration kMost = std::chrono::minutes(5);
  static constexpr Duration kRetry = std::chrono::seconds(5);  // after a failure
  static constexpr std::size_t kMostAddresses = 16;            // of one name; the rest is left out
  static constexpr double kJitter = 0.1;                       // of each wait, so that many names do not go in step

  /// As net::Resolver::look_up; for tests.
  using LookUp = std::function<void(const std::string& host, std::uint16_t port, net::Resolver::OnFound on_found)>;
  /// Other addresses than before (the order does not count), or an error where there was none. Not told again while it
  /// stays so. Called last.
  using OnChange = std::function<void(const Result<std::vector<net::Address>>& addresses)>;

  /// Begins to ask. `timers` is the loop in programs. Without `look_up` a resolver is made for each question, so that
  /// it knows the name servers of now.
  HostWatch(event::Loop& loop, event::Timers& timers, Random& random, LookUp look_up, std::string host,
            std::uint16_t port, OnChange on_change);
  HostWatch(const HostWatch&) = delete;
  HostWatch& operator=(const HostWatch&) = delete;

 private:
  void ask();
  void on_found(Result<net::Resolver::Found> found);

  event::Loop& loop_;
  Random& random_;
  LookUp look_up_;
  std::string host_;
  std::uint16_t port_;
  OnChange on_change_;
  std::vector<std::string> known_;  // sorted
  bool failed_ = false;             // the last time
  event::Timer timer_;
  std::unique_ptr<net::Resolver> resolver_;                 // while a question is open
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // an answer that comes later looks here first
};

}  // namespace hubgate::proxy
