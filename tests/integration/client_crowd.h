#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/crowd_client.h"
#include "tests/support/loop_thread.h"

namespace hubgate::test {

/// What a crowd has seen since it was made; times since the last forget_latencies().
struct CrowdCounts {
  std::size_t up = 0;
  std::size_t trying = 0;         // an attempt is under way
  std::size_t waiting = 0;        // for the time of the next attempt, or for their turn to make the first
  std::size_t gone = 0;           // for good
  std::uint64_t connections = 0;  // that came up
  std::uint64_t closings = 0;     // of connections that were up
  std::uint64_t failed_attempts = 0;
  std::uint64_t echoes_sent = 0;
  std::uint64_t echoes_answered = 0;  // rightly
  std::uint64_t echoes_waiting = 0;   // of connections that are up
  std::uint64_t echoes_lost = 0;      // with their connection
  std::uint64_t echoes_given_up = 0;  // by renew()
  std::uint64_t echoes_wrong = 0;     // other content, or another order
  std::uint64_t messages = 0;         // broadcasts received
  std::uint64_t messages_missed = 0;  // by their numbers, within a connection
  std::uint64_t messages_wrong = 0;   // doubled, out of order, or with other content
};

/// How long echoes took, from the time at which each was due.
struct CrowdLatency {
  std::size_t count = 0;
  double p50 = 0, p99 = 0, most = 0;  // milliseconds
};

/// One client as it is now.
struct CrowdMember {
  CrowdClient::State state{};
  std::string token;
  std::string tag;
  std::uint32_t connections = 0;
  std::uint64_t echoes_sent = 0;
  std::uint64_t echoes_answered = 0;
  std::uint64_t messages = 0;
};

/// Thousands of clients of one hub in a thread of their own: they connect, reconnect, call Echo at a rate in turn, and
/// count and check all that comes. A crowd asserts nothing itself. To be used from one thread, the test's.
class ClientCrowd {
 public:
  explicit ClientCrowd(CrowdOptions options);
  ~ClientCrowd();
  ClientCrowd(const ClientCrowd&) = delete;
  ClientCrowd& operator=(const ClientCrowd&) = delete;

  /// So many clients more; at most `at_once` first attempts are under way at a time. Does not wait.
  void add(std::size_t count, std::size_t at_once = 64);
  /// Waits until `count` are up, and fails the test when they are not in time, or one is gone.
  void wait_until_up(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds(60));
  /// So many calls of Echo a second by those that are up, in turn; 0: none.
  void echo(double per_second);
  /// Waits until no echo is waited for; call echo(0) before.
  void wait_until_answered(std::chrono::milliseconds limit = std::chrono::seconds(20));
  /// Calls Broadcast, as client `sender`, with a text of `size` bytes that begins with the next number; answers come as
  /// messages to every client of the hub. False when the sender is not up.
  bool broadcast(std::size_t sender, std::size_t size);
  /// The clients first…last-1 read nothing any more, or read on.
  void stall(std::size_t first, std::size_t last);
  void go_on(std::size_t first, std::size_t last);
  /// The next `count` clients in turn go of their own accord, and come anew; those that were stopped come again. Who is
  /// on its way is left alone.
  void renew(std::size_t count);
  /// Ends all clients' connections, without a Close.
  void stop();

  CrowdCounts counts() const;
  CrowdLatency latency() const;
  void forget_latencies();
  std::vector<CrowdMember> members() const;
  /// Every end so far, in order.
  std::vector<CrowdClosing> closings() const;
  /// The first faults (wrong content, failed attempts) in words, for a failing test; "" when there is none.
  std::string faults() const;

 private:
  class Core;
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<Core> core_;  // used in the thread only
};

}  // namespace hubgate::test
