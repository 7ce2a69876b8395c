#include "tests/chaos/judge.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <tuple>
#include <unordered_map>

namespace hubgate::chaos {
namespace {

std::string seconds(Instant at) {
  if (at == kNever) return "never";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(at.count()) / 1e6);
  return text;
}

std::string show(const Intervals& intervals, Instant begin, Instant end) {
  std::string text;
  for (const Interval& one : intervals.all()) {
    if (one.touches(begin, end)) text += " [" + seconds(one.from) + ", " + seconds(one.to) + "]";
  }
  return text.empty() ? " -" : text;
}

std::string_view to_string(End end) {
  switch (end) {
    case End::kOpen: return "open";
    case End::kGoAway: return "told to go";
    case End::kError: return "closed with an error";
    case End::kCut: return "cut";
    case End::kByUs: return "killed by the runner";
    case End::kServerTimeout: return "nothing heard for 30 s";
  }
  return "?";
}

/// One receiver that a message may be due at.
struct Candidate {
  std::size_t session;
  Instant joined;
  Instant until;  // began to leave the channel, or closed
  Instant over;   // had left it, or closed
};

class Judge {
 public:
  explicit Judge(const Facts& facts) : facts_(facts) {}

  Verdict run() {
    judge_workers();
    judge_proxies();
    judge_sessions();
    for (const Refusal& refusal : facts_.refusals) judge_refusal(refusal);
    for (std::size_t i = 0; i < facts_.sessions.size(); ++i) judge_receipts(i);
    judge_second_comings();
    for (const Message& message : facts_.messages) judge_answer(message);
    gather_members();
    judge_deliveries();
    judge_counters();
    for (const Oddity& oddity : facts_.oddities) add(Fault::kOdd, oddity.at, oddity.what);
    std::sort(verdict_.violations.begin(), verdict_.violations.end(),
              [](const Violation& a, const Violation& b) { return a.at < b.at; });
    return std::move(verdict_);
  }

 private:
  void add(Fault fault, Instant at, std::string text) { verdict_.violations.push_back({fault, at, std::move(text)}); }
  const Worker* worker_of(const Session& session) const {
    const auto found = facts_.workers.find(session.worker);
    return found == facts_.workers.end() ? nullptr : &found->second;
  }

  std::string describe(std::size_t index) const {
    const Session& session = facts_.sessions[index];
    const Worker* worker = worker_of(session);
    std::string text = "client " + std::to_string(session.client) + " (connection " + std::to_string(index) + " on " +
                       (worker == nullptr ? "an unknown worker" : worker->name + " " + std::to_string(worker->pid)) +
                       (session.relayed ? ", relayed" : "") + ", open " + seconds(session.opened) + " to " +
                       seconds(session.closed);
    if (session.end != End::kOpen) text += ", " + std::string(to_string(session.end)) + " " + session.end_text;
    return text + ")";
  }
  std::string describe(const Message& message) const {
    const std::string channel = message.channel == Message::kEcho  ? "echo"
                                : message.channel == Message::kAll ? "broadcast"
                                                                   : "group " + std::to_string(message.channel);
    return channel + " message " + std::to_string(message.number) + " of " + describe(message.session) + ", sent " +
           seconds(message.sent) + ", " + (message.done ? "completed " + seconds(*message.done) : "not completed");
  }
  std::string surroundings(const Session& session, Instant begin, Instant end) const {
    const Worker* worker = worker_of(session);
    if (worker == nullptr) return "";
    std::string text = worker->name + " " + std::to_string(worker->pid) + ": started " + seconds(worker->started);
    if (worker->ended) {
      text += ", ended " + seconds(*worker->ended) + (worker->orderly ? " in order" : "") + ", dead from " +
              seconds(worker->dead_from());
    }
    text += ", without Redis" + show(worker->redis_down, begin, end) + ", stopped" + show(worker->stopped, begin, end);
    return text;
  }

  void judge_workers() {
    for (const auto& [key, worker] : facts_.workers) {
      if (!worker.ended || worker.killed || (worker.orderly && worker.may_end)) continue;
      const Instant from = worker.dead_from();
      const auto& stops = worker.stopped.all();
      const bool hung = std::any_of(stops.begin(), stops.end(), [&](const Interval& stop) {
        return stop.from == from && std::min(stop.to, *worker.ended) - stop.from >= kLongStop;
      });
      if (!hung) {
        add(Fault::kWorkerEnded, *worker.ended,
            worker.name + " " + std::to_string(worker.pid) + " ended " +
                (worker.orderly ? "in order, unasked" : "by itself") + "; stopped" + show(worker.stopped, {}, kNever));
      }
    }
  }

  void judge_proxies() {
    for (const Instant at : facts_.proxy_ends) {
      const bool asked = std::any_of(facts_.proxy_may_end.begin(), facts_.proxy_may_end.end(),
                                     [&](const Interval& one) { return one.touches(at, at); });
      if (!asked) add(Fault::kProxyEnded, at, "the proxy ended by itself; away" + show(facts_.proxy_away, {}, kNever));
    }
  }

  bool is_explained(const Session& session, const Worker* worker) const {
    if (session.end == End::kOpen || session.end == End::kByUs) return true;
    if (worker == nullptr) return false;
    const Instant at = session.closed;
    const bool was_long_slow =
        std::any_of(session.slow.all().begin(), session.slow.all().end(), [&](const Interval& one) {
          return one.from <= at && (session.overfilled || std::min(one.to, at) - one.from >= kLongStop);
        });
    if (was_long_slow) return true;
    // Who reads nothing hears of an end afterwards.
    Instant from = at - kMargin;
    for (const Interval& one : session.slow.all()) {
      if (one.touches(from, at)) from = std::min(from, one.from);
    }
    if (session.relayed && facts_.proxy_away.touches(from, at)) return true;
    if (worker->dead_from() <= at + kResolution) return true;
    if (session.end == End::kGoAway) {
      return worker->can_drain_from <= at + kResolution || facts_.rebalanced.touches(at, at);
    }
    if (session.end == End::kCut && worker->can_drain_from <= at - facts_.hard_drain_time) return true;
    if (session.end == End::kServerTimeout) {
      return worker->stopped.touches(at - std::chrono::seconds(30), at) || facts_.runner_late.touches(at - kMargin, at);
    }
    return false;
  }

  /// Fails when neither the proxy nor a worker has had anything to do with it.
  void judge_refusal(const Refusal& refusal) {
    const Instant from = refusal.begun - kMargin;
    if (facts_.proxy_away.touches(from, refusal.at) || facts_.runner_late.touches(from, refusal.at)) return;
    for (const auto& [key, worker] : facts_.workers) {
      const Instant over = std::min(worker.ended.value_or(kNever), worker.killed.value_or(kNever));
      if (over >= from && over <= refusal.at) return;
      if (worker.can_drain_from <= refusal.at && over >= from) return;
      if (worker.stopped.touches(from, refusal.at)) return;
    }
    add(Fault::kRefused, refusal.at, refusal.what + ", begun " + seconds(refusal.begun));
  }

  /// What a worker says that it did not send to all, with what is known of its sends.
  void judge_counters() {
    struct Sends {
      std::size_t surely_degraded = 0;
      std::size_t perhaps_degraded = 0;
      std::size_t missing = 0;
    };
    std::map<WorkerKey, Sends> sends;
    for (std::size_t i = 0; i < facts_.messages.size(); ++i) {
      const Message& message = facts_.messages[i];
      if (message.channel == Message::kEcho) continue;
      const Session& session = facts_.sessions[message.session];
      const Worker* worker = worker_of(session);
      if (worker == nullptr) continue;
      Sends& own = sends[session.worker];
      const Instant begin = message.sent - kResolution;
      if (message.done && worker->redis_down.covers(begin, *message.done + kResolution)) ++own.surely_degraded;
      if (worker->redis_down.touches(begin, message.done ? *message.done + kResolution : kNever))
        ++own.perhaps_degraded;
      if (missing_by_redis_[i]) ++own.missing;
    }
    for (const auto& [key, worker] : facts_.workers) {
      if (!worker.counters) continue;
      const Sends& own = sends[key];
      const Counters& counted = *worker.counters;
      if (counted.degraded >= own.surely_degraded && counted.degraded <= own.perhaps_degraded &&
          counted.degraded + counted.unknown + counted.lost >= own.missing) {
        continue;
      }
      add(Fault::kMiscounted, facts_.ended,
          worker.name + " " + std::to_string(worker.pid) + " counts " + std::to_string(counted.degraded) +
              " degraded, " + std::to_string(counted.unknown) + " unknown, " + std::to_string(counted.lost) +
              " lost; there were " + std::to_string(own.surely_degraded) + " to " +
              std::to_string(own.perhaps_degraded) + " degraded, and " + std::to_string(own.missing) +
              " that somebody missed");
    }
  }

  /// A connection that took nothing is still there.
  bool must_have_ended(const Session& session, const Worker* worker) const {
    const Instant until = *session.stuck_until;
    if (std::min(session.closed, facts_.ended) <= until + kStuckTime) return false;
    const Instant from = session.slow.all().back().from;
    return worker != nullptr && !worker->stopped.touches(from, until) && !facts_.proxy_away.touches(from, until);
  }

  void judge_sessions() {
    for (std::size_t i = 0; i < facts_.sessions.size(); ++i) {
      const Session& session = facts_.sessions[i];
      const Worker* worker = worker_of(session);
      if (worker == nullptr) add(Fault::kOdd, session.opened, "no such worker has been seen: " + describe(i));
      if (session.stuck_until && must_have_ended(session, worker)) {
        add(Fault::kOdd, *session.stuck_until,
            describe(i) + " took nothing and was not ended; slow" + show(session.slow, session.opened, session.closed));
      }
      if (!is_explained(session, worker)) {
        add(Fault::kCut, session.closed,
            describe(i) + " for no known reason; " + surroundings(session, session.opened, session.closed));
      }
    }
  }

  /// Membership, doubles and order within one connection.
  void judge_receipts(std::size_t index) {
    const Session& session = facts_.sessions[index];
    std::map<std::pair<std::size_t, int>, int> last;  // by sender and channel
    std::set<std::size_t> seen;
    for (const Receipt& receipt : session.receipts) {
      const Message& message = facts_.messages[receipt.message];
      ++verdict_.delivered;
      if (message.done) verdict_.slowest = std::max(verdict_.slowest, receipt.at - *message.done);
      if (message.done && receipt.at - *message.done > kLateness && receipt.at > later(message, session)) {
        add(Fault::kLate, receipt.at,
            describe(message) + " came at " + seconds(receipt.at) + " to " + describe(index) + "; " +
                surroundings(session, message.sent, receipt.at));
      }
      if (!may_get(session, message.channel, receipt.at)) {
        add(Fault::kWrongReceiver, receipt.at,
            describe(message) + " came at " + seconds(receipt.at) + " to " + describe(index) + ", no member then");
      }
      if (!seen.insert(receipt.message).second) {
        add(Fault::kDoubled, receipt.at,
            describe(message) + " came again at " + seconds(receipt.at) + " to " + describe(index) + "; " +
                surroundings(session, message.sent, receipt.at));
        continue;
      }
      int& number = last[{message.session, message.channel}];
      if (message.number < number) {
        add(Fault::kReordered, receipt.at,
            describe(message) + " came at " + seconds(receipt.at) + " after number " + std::to_string(number) + " to " +
                describe(index) + "; sender's " +
                surroundings(facts_.sessions[message.session], message.sent, receipt.at) + "; receiver's " +
                surroundings(session, message.sent, receipt.at) + "; Redis stopped" +
                show(facts_.redis_stopped, message.sent, receipt.at));
      }
      number = std::max(number, message.number);
    }
  }

  Instant later(const Message& message, const Session& receiver) const {
    const Instant limit = arrival_limit(message, receiver);
    return limit == kNever ? kNever : limit + kLateness;
  }

  static bool may_get(const Session& session, int channel, Instant at) {
    if (channel == Message::kAll) return true;
    return std::any_of(session.memberships.begin(), session.memberships.end(), [&](const Membership& one) {
      return one.channel == channel && one.asked <= at && (!one.left || at <= *one.left);
    });
  }

  /// The same message at two connections of one client: possible only while the second one's worker lags.
  void judge_second_comings() {
    std::unordered_map<std::uint64_t, std::pair<std::size_t, Instant>> first;  // by client and message
    for (std::size_t i = 0; i < facts_.sessions.size(); ++i) {
      const Session& session = facts_.sessions[i];
      std::set<std::size_t> seen;
      for (const Receipt& receipt : session.receipts) {
        if (!seen.insert(receipt.message).second) continue;  // told already
        const std::uint64_t key = static_cast<std::uint64_t>(session.client) << 40 | receipt.message;
        const auto [found, added] = first.try_emplace(key, i, receipt.at);
        if (added) continue;
        ++verdict_.again;
        const Message& message = facts_.messages[receipt.message];
        if (receipt.at <= arrival_limit(message, session)) continue;
        add(Fault::kDoubled, receipt.at,
            describe(message) + " came at " + seconds(found->second.second) + " to " + describe(found->second.first) +
                " and at " + seconds(receipt.at) + " to " + describe(i));
      }
    }
  }

  void judge_answer(const Message& message) {
    ++(message.channel == Message::kEcho  ? verdict_.echoes
       : message.channel == Message::kAll ? verdict_.broadcasts
                                          : verdict_.groups);
    const Session& session = facts_.sessions[message.session];
    if (message.answers > 1) {
      add(Fault::kUnanswered, *message.done,
          describe(message) + ", answered " + std::to_string(message.answers) + " times");
    }
    if (!message.error.empty()) add(Fault::kFailed, *message.done, describe(message) + ": " + message.error);
    if (message.done) return;
    ++verdict_.unknown;
    Instant limit = message.sent + kMargin;
    const Worker* worker = worker_of(session);
    if (worker == nullptr) return;
    const Instant closed = std::min(session.closed, facts_.ended);
    limit = stretched(message.sent, limit, session, *worker);
    if (limit < closed && worker->dead_from() > limit) {
      add(Fault::kUnanswered, limit, describe(message) + "; " + surroundings(session, message.sent, closed));
    }
  }

  /// `limit`, later by what stood still between the sending and it: Redis, the receiver, its worker, its proxy,
  /// ourselves.
  Instant stretched(Instant sent, Instant limit, const Session& receiver, const Worker& worker) const {
    const Intervals* const sources[] = {&facts_.redis_stopped, &facts_.runner_late, &receiver.slow, &worker.stopped,
                                        receiver.relayed ? &facts_.proxy_away : nullptr};
    for (bool moved = true; moved && limit != kNever;) {
      moved = false;
      for (const Intervals* source : sources) {
        if (source == nullptr) continue;
        for (const Interval& one : source->all()) {
          if (!one.touches(sent, limit)) continue;
          const Instant later = one.to == kNever ? kNever : one.to + kMargin;
          if (later > limit) {
            limit = later;
            moved = true;
          }
        }
      }
    }
    return limit;
  }

  /// Until when a completed message must have come to a receiver.
  Instant arrival_limit(const Message& message, const Session& receiver) const {
    const Instant done = message.done.value_or(message.sent);
    const Worker* worker = worker_of(receiver);
    const Worker* senders = worker_of(facts_.sessions[message.session]);
    if (worker == nullptr || senders == nullptr) return kNever;
    const Instant left = stretched(message.sent, done + kMargin, facts_.sessions[message.session], *senders);
    return stretched(message.sent, left, receiver, *worker);
  }

  void gather_members() {
    seen_elsewhere_.assign(facts_.messages.size(), false);
    missing_by_redis_.assign(facts_.messages.size(), false);
    for (std::size_t i = 0; i < facts_.sessions.size(); ++i) {
      const Session& session = facts_.sessions[i];
      const Instant closed = std::min(session.closed, facts_.ended);
      members_[Message::kAll].push_back({i, session.opened, closed, closed});
      for (const Membership& one : session.memberships) {
        if (!one.joined) continue;
        members_[one.channel].push_back({i, *one.joined, std::min(closed, one.leaving.value_or(kNever)),
                                         std::min(closed, one.left.value_or(kNever))});
      }
      // By sender, channel and order of coming, to look up quickly.
      auto& own = receipts_.emplace_back();
      for (const Receipt& receipt : session.receipts) own.push_back(receipt);
      std::stable_sort(own.begin(), own.end(), [&](const Receipt& a, const Receipt& b) { return key(a) < key(b); });
      for (const Receipt& receipt : own) {
        const Message& message = facts_.messages[receipt.message];
        if (facts_.sessions[message.session].worker != session.worker) seen_elsewhere_[receipt.message] = true;
      }
    }
    for (auto& [channel, members] : members_) {
      std::sort(members.begin(), members.end(),
                [](const Candidate& a, const Candidate& b) { return a.joined < b.joined; });
    }
  }
  std::tuple<std::size_t, int, int> key(const Receipt& receipt) const {
    const Message& message = facts_.messages[receipt.message];
    return {message.session, message.channel, message.number};
  }

  void judge_deliveries() {
    struct Living {
      std::size_t next = 0;
      std::vector<Candidate> members;
    };
    std::map<int, Living> living;
    for (std::size_t i = 0; i < facts_.messages.size(); ++i) {
      const Message& message = facts_.messages[i];
      if (message.channel == Message::kEcho || !message.done || !message.error.empty()) continue;
      const auto& all = members_[message.channel];
      Living& now = living[message.channel];
      while (now.next < all.size() && all[now.next].joined <= message.sent) now.members.push_back(all[now.next++]);
      std::erase_if(now.members, [&](const Candidate& one) { return one.until < message.sent; });
      for (const Candidate& one : now.members) judge_delivery(i, one);
    }
  }

  void judge_delivery(std::size_t index, const Candidate& member) {
    const Message& message = facts_.messages[index];
    const auto& own = receipts_[member.session];
    auto at = std::lower_bound(own.begin(), own.end(), std::tuple(message.session, message.channel, message.number),
                               [&](const Receipt& receipt, const auto& wanted) { return key(receipt) < wanted; });
    if (at != own.end() && at->message == index) {
      ++verdict_.due;
      return;
    }
    // It has not come. A later one of the same sender shows that it should have before.
    const bool overtaken =
        at != own.end() && at->at <= member.over &&
        std::tuple(std::get<0>(key(*at)), std::get<1>(key(*at))) == std::tuple(message.session, message.channel);
    const Session& sender = facts_.sessions[message.session];
    const Session& receiver = facts_.sessions[member.session];
    const Worker* senders = worker_of(sender);
    const Worker* receivers = worker_of(receiver);
    if (senders == nullptr || receivers == nullptr) return;
    const Instant limit = arrival_limit(message, receiver);
    const Instant due = overtaken ? std::min(limit, at->at) : limit;

    if (receivers->dead_from() <= due) return excuse(Cause::kReceiverDead);
    if (member.until < due && !overtaken) {
      return excuse(!receiver.slow.all().empty() && receiver.end != End::kByUs &&
                            receiver.slow.touches(message.sent, due)
                        ? Cause::kReceiverSlow
                        : Cause::kReceiverGone);
    }
    const Instant begin = message.sent - kResolution;
    const bool degraded = senders->redis_down.covers(begin, *message.done + kResolution);
    if (!(degraded && sender.worker == receiver.worker)) {
      if (receivers->redis_down.touches(begin, due)) return excuse(Cause::kReceiverRedis);
      if (!seen_elsewhere_[index]) {
        if (senders->dead_from() <= due) return excuse(Cause::kSenderDead);
        if (senders->redis_down.touches(begin, due)) {
          missing_by_redis_[index] = true;
          return excuse(Cause::kSenderRedis);
        }
      }
    }
    ++verdict_.due;
    std::string text = describe(message) + ", is missing at " + describe(member.session) + ", member from " +
                       seconds(member.joined) + " to " + seconds(member.until) + ", due at " + seconds(due);
    if (overtaken) text += ", overtaken by number " + std::to_string(std::get<2>(key(*at))) + " at " + seconds(at->at);
    if (degraded) text += ", sent while without Redis";
    if (seen_elsewhere_[index]) text += ", seen on a third worker";
    add(Fault::kLost, message.sent,
        text + "; sender's " + surroundings(sender, message.sent, due) + "; receiver's " +
            surroundings(receiver, message.sent, due) + "; Redis stopped" +
            show(facts_.redis_stopped, message.sent, due));
  }
  void excuse(Cause cause) { ++verdict_.excused[static_cast<std::size_t>(cause)]; }

  const Facts& facts_;
  Verdict verdict_;
  std::map<int, std::vector<Candidate>> members_;  // by channel, in the order of joining
  std::vector<std::vector<Receipt>> receipts_;     // by session; sorted by sender, channel, number
  std::vector<bool> missing_by_redis_;  // by message: somebody missed it since its sender's worker had no Redis
  std::vector<bool> seen_elsewhere_;    // by message: came to a client of another worker than the sender's
};

}  // namespace

std::string_view to_string(Cause cause) noexcept {
  switch (cause) {
    case Cause::kSenderDead: return "sender's worker dead";
    case Cause::kSenderRedis: return "sender's worker without Redis";
    case Cause::kReceiverDead: return "receiver's worker dead";
    case Cause::kReceiverRedis: return "receiver's worker without Redis";
    case Cause::kReceiverSlow: return "receiver too slow";
    case Cause::kReceiverGone: return "receiver left meanwhile";
    case Cause::kCount: break;
  }
  return "?";
}

std::string_view to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::kLost: return "LOST";
    case Fault::kDoubled: return "DOUBLED";
    case Fault::kReordered: return "REORDERED";
    case Fault::kWrongReceiver: return "WRONG RECEIVER";
    case Fault::kUnanswered: return "UNANSWERED";
    case Fault::kFailed: return "FAILED";
    case Fault::kLate: return "LATE";
    case Fault::kMiscounted: return "MISCOUNTED";
    case Fault::kRefused: return "REFUSED";
    case Fault::kCut: return "CUT";
    case Fault::kWorkerEnded: return "WORKER ENDED";
    case Fault::kProxyEnded: return "PROXY ENDED";
    case Fault::kOdd: return "ODD";
  }
  return "?";
}

Verdict judge(const Facts& facts) { return Judge(facts).run(); }

}  // namespace hubgate::chaos
