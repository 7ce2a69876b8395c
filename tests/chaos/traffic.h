#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/event/timer.h"
#include "tests/chaos/chaos_client.h"
#include "tests/chaos/facts.h"
#include "tests/chaos/run_clock.h"

namespace hubgate::chaos {

/// All clients and what they send: echoes, messages to groups, broadcasts, joins and leaves, each written down in the
/// facts with its time. One loop.
class Traffic final : private ChaosClient::Handler {
 public:
  struct Options {
    int clients = 150;
    int groups = 60;       // so many that a join is often the first of its worker
    int relayed_each = 6;  // of so many clients one comes through the listener that is relayed
    double echoes = 60;    // a second, of all clients together
    double group_messages = 90;
    double broadcasts = 3;
    double changes = 4;  // of membership
  };

  Traffic(event::Loop& loop, const RunClock& clock, Random& random, Facts& facts, Options options, std::uint16_t port,
          std::uint16_t relayed_port);
  ~Traffic() override;

  /// Connects all; sends as soon as some are open.
  void start();
  /// Sends nothing more.
  void rest();
  /// Ends all connections.
  void stop();

  bool is_all_open() const;
  /// No call is open.
  bool is_all_answered() const;
  std::size_t size() const { return members_.size(); }

  /// For faults that hit clients. The client has been chosen by number; nothing happens while it is not open.
  void kill(std::size_t client, bool reset);
  /// Reads nothing from now on, after asking for so many bytes of echoes.
  /// False when it is not open, or held already.
  bool hold(std::size_t client, std::size_t bytes);
  /// `must_have_ended`: it was held for so long, and so much was to be sent to it, that its worker has given it up.
  void let_go(std::size_t client, bool must_have_ended);

 private:
  struct Member {
    std::unique_ptr<ChaosClient> client;
    std::map<int, int> numbers;               // last number by channel, of the open connection
    std::map<std::string, std::size_t> open;  // calls without an answer: by id, the message or membership
    int wanted_changes = 0;
  };

  void on_open(ChaosClient& client) override;
  void on_message(ChaosClient& client, const std::string& text) override;
  void on_answer(ChaosClient& client, const std::string& id, const nlohmann::json& result,
                 const std::string& error) override;
  void on_end(ChaosClient& client, End end, const std::string& text) override;
  void on_refused(ChaosClient& client, TimePoint begun, const std::string& what) override;
  void on_odd(ChaosClient& client, const std::string& what) override;

  void on_tick();
  /// An open client by chance that is not held; null when there is none.
  Member* any();
  void send(Member& member, int channel, std::size_t padding);
  void change_membership(Member& member);
  void join(Member& member, int group);
  void odd(const std::string& what);
  Session& session_of(const ChaosClient& client) { return facts_.sessions[client.session]; }

  event::Loop& loop_;
  const RunClock& clock_;
  Random& random_;
  Facts& facts_;
  Options options_;
  std::vector<Member> members_;
  event::Timer tick_;
  TimePoint last_tick_{};
  double echoes_due_ = 0;
  double groups_due_ = 0;
  double broadcasts_due_ = 0;
  double changes_due_ = 0;
  bool sending_ = false;
};

}  // namespace hubgate::chaos
