#include "tests/chaos/judge.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

// The judge's rules, each once with facts that keep it and once with facts that break it.

using namespace hubgate;
using namespace std::chrono_literals;
using chaos::Cause;
using chaos::End;
using chaos::Fault;
using chaos::Instant;
using chaos::kNever;
using chaos::Message;
using chaos::Verdict;

namespace {

constexpr chaos::WorkerKey kOne{1, 10};
constexpr chaos::WorkerKey kTwo{2, 10};
constexpr chaos::WorkerKey kThree{3, 10};
constexpr int kGroup = 1;

/// Three workers with Redis; a sender on the first, receivers on all of them, in one group since second 2.
struct Story {
  chaos::Facts facts;
  static constexpr std::size_t kSender = 0;
  static constexpr std::size_t kNear = 1;   // on the sender's worker
  static constexpr std::size_t kFar = 2;    // on another
  static constexpr std::size_t kThird = 3;  // on a third one

  Story() {
    for (const auto key : {kOne, kTwo, kThree}) {
      chaos::Worker& worker = facts.workers[key];
      worker.name = "main/" + std::to_string(key.endpoint);
      worker.redis_down.add({0s, 1s});
    }
    const std::vector<chaos::WorkerKey> at = {kOne, kOne, kTwo, kThree};
    for (std::size_t i = 0; i < at.size(); ++i) {
      chaos::Session session;
      session.client = static_cast<int>(i);
      session.worker = at[i];
      session.opened = 1500ms;
      session.memberships.push_back({.channel = kGroup, .asked = 1600ms, .joined = 2s});
      facts.sessions.push_back(session);
    }
    facts.ended = 100s;
  }

  /// Sent to the group at `sent` and completed 10 ms later.
  std::size_t send(Instant sent, int number = 1, int channel = kGroup) {
    facts.messages.push_back(
        {.session = kSender, .channel = channel, .number = number, .sent = sent, .done = sent + 10ms, .answers = 1});
    return facts.messages.size() - 1;
  }
  void come(std::size_t message, std::size_t session, Instant at) {
    facts.sessions[session].receipts.push_back({message, at});
  }
  void come_to_all_but(std::size_t message, std::size_t missing, Instant at) {
    for (std::size_t i = 0; i < facts.sessions.size(); ++i) {
      if (i != missing) come(message, i, at);
    }
  }
  /// A message at second 10 that does not come to one session.
  std::size_t lose(std::size_t session) {
    const std::size_t message = send(10s);
    come_to_all_but(message, session, 10s + 15ms);
    return message;
  }
  /// One that comes to the sender's own worker's clients only.
  std::size_t keep_near() {
    const std::size_t message = send(10s);
    come(message, kSender, 10s + 5ms);
    come(message, kNear, 10s + 5ms);
    return message;
  }
  void close(std::size_t session, Instant at, End end) {
    facts.sessions[session].closed = at;
    facts.sessions[session].end = end;
  }
  void kill(chaos::WorkerKey key, Instant at) {
    facts.workers[key].killed = at;
    facts.workers[key].ended = at + 5ms;
    for (std::size_t i = 0; i < facts.sessions.size(); ++i) {
      if (facts.sessions[i].worker == key) close(i, at + 1ms, End::kCut);
    }
  }
  Verdict verdict() const { return judge(facts); }
};

std::vector<Fault> faults(const Verdict& verdict) {
  std::vector<Fault> all;
  for (const auto& one : verdict.violations) all.push_back(one.fault);
  return all;
}

const std::vector<Fault> kNone;

}  // namespace

TEST_CASE("what comes to every member once is no violation", "[chaos]") {
  Story story;
  story.come_to_all_but(story.send(10s), 99, 10s + 5ms);
  story.come_to_all_but(story.send(11s, 1, Message::kAll), 99, 11s + 5ms);
  const Verdict verdict = story.verdict();
  CHECK(faults(verdict) == kNone);
  CHECK(verdict.due == 8);
  CHECK(verdict.delivered == 8);
  CHECK(verdict.groups == 1);
  CHECK(verdict.broadcasts == 1);
}

TEST_CASE("a message that is missing at a member is lost, and the case can be read", "[chaos]") {
  Story story;
  story.lose(GENERATE(Story::kNear, Story::kFar));
  const Verdict verdict = story.verdict();
  CHECK(faults(verdict) == std::vector{Fault::kLost});
  CHECK_THAT(verdict.violations[0].text, test::contains("group 1 message 1 of client 0"));
}

TEST_CASE("not due is what was sent before the join was told, or while the member left", "[chaos]") {
  Story story;
  chaos::Membership& member = story.facts.sessions[Story::kFar].memberships[0];
  SECTION("joined later") { member.joined = 10s + 1ms; }
  SECTION("leaving while it was on its way") { member.leaving = 11s; }
  SECTION("closed while it was on its way") { story.close(Story::kFar, 11s, End::kByUs); }
  story.lose(Story::kFar);
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("who leaves long after a message had to get it", "[chaos]") {
  Story story;
  story.facts.sessions[Story::kFar].memberships[0].leaving = 13s;
  story.lose(Story::kFar);
  CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
}

TEST_CASE("who got a later message of the sender had to get the earlier one, though it left then", "[chaos]") {
  Story story;
  story.lose(Story::kFar);
  story.come_to_all_but(story.send(10s + 20ms, 2), 99, 10s + 30ms);
  story.close(Story::kFar, 10s + 40ms, End::kByUs);
  CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
}

TEST_CASE("a later message that comes in another membership shows nothing about the one before", "[chaos]") {
  Story story;
  auto& memberships = story.facts.sessions[Story::kFar].memberships;
  memberships[0].leaving = 10s + 5ms;
  memberships[0].left = 10s + 20ms;
  memberships.push_back({.channel = kGroup, .asked = 20s, .joined = 21s});
  story.lose(Story::kFar);
  story.come_to_all_but(story.send(30s, 2), 99, 30s + 30ms);
  CHECK(faults(story.verdict()) == kNone);
  memberships.pop_back();
  memberships[0].left.reset();
  CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
}

TEST_CASE("a message without an answer may be missed by all, one that failed too, and is counted", "[chaos]") {
  Story story;
  story.facts.messages[story.send(10s)].done.reset();
  story.facts.messages[0].answers = 0;
  story.close(Story::kSender, 10s + 5ms, End::kByUs);
  const Verdict verdict = story.verdict();
  CHECK(faults(verdict) == kNone);
  CHECK(verdict.unknown == 1);
}

TEST_CASE("a receiver's worker that died before the message was due excuses its clients only", "[chaos]") {
  Story story;
  story.lose(GENERATE(Story::kFar, Story::kThird));
  story.kill(kTwo, 10s + 500ms);
  const bool is_its = story.facts.sessions[Story::kFar].receipts.empty();
  const Verdict verdict = story.verdict();
  CHECK(verdict.excused_for(Cause::kReceiverDead) == (is_its ? 1 : 0));
  CHECK(faults(verdict) == (is_its ? kNone : std::vector{Fault::kLost}));
}

TEST_CASE("a sender's worker that died excuses what nobody elsewhere has got", "[chaos]") {
  Story story;
  const bool seen = GENERATE(false, true);
  const std::size_t message = story.keep_near();
  if (seen) story.come(message, Story::kThird, 10s + 15ms);
  story.kill(kOne, 10s + 500ms);
  const Verdict verdict = story.verdict();
  CHECK(verdict.excused_for(Cause::kSenderDead) == (seen ? 0 : 2));
  CHECK(faults(verdict) == (seen ? std::vector{Fault::kLost} : kNone));
}

TEST_CASE("a sender's worker that ended in order excuses nothing", "[chaos]") {
  Story story;
  story.keep_near();
  chaos::Worker& worker = story.facts.workers[kOne];
  worker.can_drain_from = 9s;
  worker.may_end = true;
  worker.ended = 10s + 500ms;
  worker.orderly = true;
  story.close(Story::kSender, 10s + 400ms, End::kGoAway);
  story.close(Story::kNear, 10s + 400ms, End::kGoAway);
  CHECK(faults(story.verdict()) == std::vector{Fault::kLost, Fault::kLost});
}

TEST_CASE("Redis that is not ready at one side excuses what crosses workers", "[chaos]") {
  Story story;
  SECTION("at the receiver's") {
    story.lose(Story::kFar);
    story.facts.workers[kTwo].redis_down.add({9s, 11s});
    CHECK(story.verdict().excused_for(Cause::kReceiverRedis) == 1);
  }
  SECTION("at the sender's") {
    story.keep_near();
    story.facts.workers[kOne].redis_down.add({9s, 11s});
    CHECK(story.verdict().excused_for(Cause::kSenderRedis) == 2);
  }
  SECTION("at a third one's") {
    story.lose(Story::kFar);
    story.facts.workers[kThree].redis_down.add({9s, 11s});
    CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
    return;
  }
  SECTION("at the receiver's, long before and long after") {
    story.lose(Story::kFar);
    story.facts.workers[kTwo].redis_down.add({5s, 9s});
    story.facts.workers[kTwo].redis_down.add({13s, 14s});
    CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
    return;
  }
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("without Redis the sender's own worker's clients get the message all the same", "[chaos]") {
  Story story;
  const std::size_t message = story.send(10s);
  story.come(message, Story::kSender, 10s + 5ms);
  SECTION("down from before the call until after its answer: it was delivered here at once") {
    story.facts.workers[kOne].redis_down.add({9s, 11s});
    CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
  }
  SECTION("lost meanwhile: it may have been on its way") {
    story.facts.workers[kOne].redis_down.add({10s + 5ms, 11s});
    CHECK(faults(story.verdict()) == kNone);
  }
}

TEST_CASE("what stands still makes a message due later, and excuses nothing", "[chaos]") {
  Story story;
  story.lose(Story::kFar);
  SECTION("the receiver's worker") { story.facts.workers[kTwo].stopped.add({9s, 14s}); }
  SECTION("the sender's worker") { story.facts.workers[kOne].stopped.add({10s + 20ms, 14s}); }
  SECTION("Redis") { story.facts.redis_stopped.add({10s, 14s}); }
  SECTION("the receiver") { story.facts.sessions[Story::kFar].slow.add({10s, 14s}); }
  SECTION("the runner") { story.facts.runner_late.add({10s, 14s}); }
  SECTION("the receiver's proxy") {
    story.facts.sessions[Story::kFar].relayed = true;
    story.facts.proxy_away.add({10s, 14s});
  }
  CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
  story.close(Story::kFar, 15s, End::kByUs);
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("a proxy that is away excuses nobody whose connection was handed over", "[chaos]") {
  Story story;
  story.lose(Story::kFar);
  story.facts.proxy_away.add({9s, 14s});
  CHECK(faults(story.verdict()) == std::vector{Fault::kLost});
}

TEST_CASE("a message that comes twice is doubled", "[chaos]") {
  Story story;
  const std::size_t message = story.send(10s);
  story.come_to_all_but(message, 99, 10s + 5ms);
  SECTION("on one connection, whatever was down") {
    story.facts.workers[kTwo].redis_down.add({9s, 30s});
    story.come(message, Story::kFar, 20s);
    CHECK(faults(story.verdict()) == std::vector{Fault::kDoubled});
  }
  SECTION("on two connections of a client") {
    story.close(Story::kFar, 11s, End::kByUs);
    chaos::Session next = story.facts.sessions[Story::kFar];
    next.worker = kThree;
    next.opened = 11s + 500ms;
    next.closed = kNever;
    next.end = End::kOpen;
    next.receipts = {{message, 20s}};
    next.memberships[0].asked = 11s + 500ms;
    next.memberships[0].joined = 11s + 600ms;
    story.facts.sessions.push_back(next);
    CHECK(faults(story.verdict()) == std::vector{Fault::kDoubled});
    // Its new worker stood still meanwhile, and reads what was sent before the client came.
    story.facts.workers[kThree].stopped.add({10s, 19s});
    const Verdict verdict = story.verdict();
    CHECK(faults(verdict) == kNone);
    CHECK(verdict.again == 1);
  }
}

TEST_CASE("a message that comes after a later one of its sender and channel is reordered", "[chaos]") {
  Story story;
  const std::size_t first = story.send(10s, 1);
  const std::size_t second = story.send(10s + 1ms, 2);
  for (std::size_t i = 0; i < 4; ++i) {
    story.come(i == Story::kFar ? second : first, i, 11s);
    story.come(i == Story::kFar ? first : second, i, 11s + 1ms);
  }
  CHECK(faults(story.verdict()) == std::vector{Fault::kReordered});
}

TEST_CASE("a message that comes long after it was due is late, unless something stood still", "[chaos]") {
  Story story;
  story.come_to_all_but(story.send(10s), 99, 25s);
  CHECK(story.verdict().violations.size() == 4);
  CHECK(faults(story.verdict())[0] == Fault::kLate);
  story.facts.redis_stopped.add({10s, 14s});
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("a connect fails for a reason", "[chaos]") {
  Story story;
  story.facts.refusals.push_back({20s, 21s, "negotiate 503"});
  SECTION("or it was refused") {
    CHECK(faults(story.verdict()) == std::vector{Fault::kRefused});
    return;
  }
  SECTION("the proxy was away") { story.facts.proxy_away.add({19s, 20s}); }
  SECTION("a worker was stopped") { story.facts.workers[kTwo].stopped.add({20s, 30s}); }
  SECTION("a worker drains") { story.facts.workers[kTwo].can_drain_from = 15s; }
  SECTION("a worker was killed") { story.kill(kTwo, 20s); }
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("what a worker counts agrees with what was missing", "[chaos]") {
  Story story;
  story.keep_near();
  story.facts.workers[kOne].redis_down.add({9s, 11s});
  story.facts.workers[kOne].counters = chaos::Counters{.degraded = 1};
  CHECK(faults(story.verdict()) == kNone);
  SECTION("not counted") { story.facts.workers[kOne].counters = chaos::Counters{}; }
  SECTION("counted as something else") { story.facts.workers[kOne].counters = chaos::Counters{.lost = 1}; }
  SECTION("counted twice") { story.facts.workers[kOne].counters = chaos::Counters{.degraded = 2}; }
  CHECK(faults(story.verdict()) == std::vector{Fault::kMiscounted});
}

TEST_CASE("a message that was on its way when Redis was lost is counted in one way or another", "[chaos]") {
  Story story;
  story.keep_near();
  story.facts.workers[kOne].redis_down.add({10s + 5ms, 11s});
  story.facts.workers[kOne].counters = chaos::Counters{.unknown = 1};
  CHECK(faults(story.verdict()) == kNone);
  story.facts.workers[kOne].counters = chaos::Counters{};
  CHECK(faults(story.verdict()) == std::vector{Fault::kMiscounted});
}

TEST_CASE("between channels there is no order", "[chaos]") {
  Story story;
  const std::size_t first = story.send(10s, 1);
  const std::size_t second = story.send(10s + 1ms, 1, Message::kAll);
  story.come_to_all_but(second, 99, 11s);
  story.come_to_all_but(first, 99, 11s + 1ms);
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("who is no member is a wrong receiver", "[chaos]") {
  Story story;
  chaos::Membership& member = story.facts.sessions[Story::kFar].memberships[0];
  story.come_to_all_but(story.send(10s), 99, 10s + 5ms);
  SECTION("of no group at all") { story.facts.sessions[Story::kFar].memberships.clear(); }
  SECTION("that has left") {
    member.leaving = 9s;
    member.left = 9s + 100ms;
  }
  SECTION("that joins later") { member.asked = member.joined.emplace(11s); }
  CHECK(faults(story.verdict()) == std::vector{Fault::kWrongReceiver});
}

TEST_CASE("who is joining or leaving may get a message", "[chaos]") {
  Story story;
  chaos::Membership& member = story.facts.sessions[Story::kFar].memberships[0];
  story.come_to_all_but(story.send(10s), 99, 10s + 5ms);
  SECTION("joining") { member.joined = 11s; }
  SECTION("leaving") {
    member.leaving = 9s;
    member.left = 10s + 6ms;
  }
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("a call on a living connection is answered once, and well", "[chaos]") {
  Story story;
  Message& echo = story.facts.messages[story.send(10s, 1, Message::kEcho)];
  SECTION("well") { CHECK(faults(story.verdict()) == kNone); }
  SECTION("never") {
    echo.done.reset();
    CHECK(faults(story.verdict()) == std::vector{Fault::kUnanswered});
    story.close(Story::kSender, 11s, End::kByUs);
    CHECK(faults(story.verdict()) == kNone);
  }
  SECTION("twice") {
    echo.answers = 2;
    CHECK(faults(story.verdict()) == std::vector{Fault::kUnanswered});
  }
  SECTION("with an error") {
    echo.error = "no";
    CHECK(faults(story.verdict()) == std::vector{Fault::kFailed});
  }
}

TEST_CASE("a connection ends for a reason", "[chaos]") {
  Story story;
  const auto end = GENERATE(End::kGoAway, End::kCut, End::kError);
  story.close(Story::kFar, 20s, end);
  chaos::Worker& worker = story.facts.workers[kTwo];
  SECTION("or it was cut") { CHECK(faults(story.verdict()) == std::vector{Fault::kCut}); }
  SECTION("a drain tells it to go, and does not cut it") {
    worker.can_drain_from = 19s;
    story.facts.hard_drain_time = 2s;
    CHECK(faults(story.verdict()) == (end == End::kGoAway ? kNone : std::vector{Fault::kCut}));
    story.facts.hard_drain_time = 1s;
    CHECK(faults(story.verdict()) == (end == End::kError ? std::vector{Fault::kCut} : kNone));
  }
  SECTION("a rebalance does so, too") {
    story.facts.rebalanced.add({19s, 21s});
    CHECK(faults(story.verdict()) == (end == End::kGoAway ? kNone : std::vector{Fault::kCut}));
  }
  SECTION("its worker has died") {
    worker.killed = 20s;
    worker.ended = 21s;
    CHECK(faults(story.verdict()) == kNone);
  }
  SECTION("it read nothing for long") {
    story.facts.sessions[Story::kFar].slow.add({5s, 19s});
    CHECK(faults(story.verdict()) == kNone);
  }
  SECTION("it read nothing for a short while") {
    story.facts.sessions[Story::kFar].slow.add({13s, 19s});
    CHECK(faults(story.verdict()) == std::vector{Fault::kCut});
    story.facts.sessions[Story::kFar].overfilled = true;
    CHECK(faults(story.verdict()) == kNone);
  }
  SECTION("the proxy is away, which matters to relayed ones only") {
    const bool relayed = GENERATE(true, false);
    story.facts.sessions[Story::kFar].relayed = relayed;
    SECTION("just then") { story.facts.proxy_away.add({19s, 21s}); }
    SECTION("while it read nothing") {
      story.facts.sessions[Story::kFar].slow.add({14s, 20s});
      story.facts.proxy_away.add({15s, 15s});
    }
    CHECK(faults(story.verdict()) == (relayed ? kNone : std::vector{Fault::kCut}));
  }
}

TEST_CASE("who took nothing for long while much was sent to it must be ended", "[chaos]") {
  Story story;
  chaos::Session& session = story.facts.sessions[Story::kFar];
  session.slow.add({5s, 20s});
  session.stuck_until = 20s;
  CHECK(faults(story.verdict()) == std::vector{Fault::kOdd});
  story.close(Story::kFar, 20s + 100ms, End::kCut);
  CHECK(faults(story.verdict()) == kNone);
}

TEST_CASE("a worker ends for a reason", "[chaos]") {
  Story story;
  chaos::Worker& worker = story.facts.workers[kTwo];
  story.facts.sessions.clear();
  worker.ended = 20s;
  SECTION("or by itself") { CHECK(faults(story.verdict()) == std::vector{Fault::kWorkerEnded}); }
  SECTION("it was killed") {
    worker.killed = 20s;
    CHECK(faults(story.verdict()) == kNone);
  }
  SECTION("it hung") {
    worker.stopped.add({8s, kNever});
    CHECK(faults(story.verdict()) == kNone);
    CHECK(worker.dead_from() == Instant(8s));
  }
  SECTION("it was judged too early") {
    worker.stopped.add({15s, kNever});
    CHECK(faults(story.verdict()) == std::vector{Fault::kWorkerEnded});
  }
  SECTION("in order, when it was asked") {
    worker.orderly = true;
    CHECK(faults(story.verdict()) == std::vector{Fault::kWorkerEnded});
    worker.may_end = true;
    CHECK(faults(story.verdict()) == kNone);
  }
}

TEST_CASE("the proxy ends for a reason", "[chaos]") {
  Story story;
  story.facts.proxy_ends = {20s};
  CHECK(faults(story.verdict()) == std::vector{Fault::kProxyEnded});
  story.facts.proxy_may_end.push_back({19s, 21s});
  CHECK(faults(story.verdict()) == kNone);
}
