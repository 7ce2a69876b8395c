#include "tests/integration/client_crowd.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

#include "tests/integration/gateway.h"
#include "tests/support/catch.h"

namespace hubgate::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFaults = 20;        // that are kept in words
constexpr std::size_t kNumberDigits = 10;  // of a broadcast

std::string echo_text(std::size_t client, std::uint64_t number) {
  return std::to_string(client) + "-" + std::to_string(number);
}

// The number, then a filler that depends on it.
std::string broadcast_text(std::uint64_t number, std::size_t size) {
  const std::string digits = std::to_string(number);
  std::string text(kNumberDigits - digits.size(), '0');
  text += digits;
  text.resize(std::max(size, text.size()), static_cast<char>('a' + number % 26));
  return text;
}

constexpr std::string_view kMessage = R"({"type":1,"target":"msg","arguments":[")";
constexpr std::string_view kMessageEnd = R"("]})";

}  // namespace

/// The crowd itself; all of it belongs to the loop's thread.
class ClientCrowd::Core final : private CrowdClient::Handler {
 public:
  Core(event::Loop& loop, CrowdOptions options)
      : loop_(loop),
        options_(std::move(options)),
        sweep_(loop, [this] { look(); }),
        echo_timer_(loop, [this] { send_due_echoes(); }) {
    sweep_.start(1s);
  }

  void add(std::size_t count, std::size_t at_once) {
    at_once_ = at_once;
    CrowdClient::Handler& self = *this;
    for (std::size_t i = 0; i < count; ++i) {
      members_.push_back(std::make_unique<Member>(loop_, options_, members_.size(), self));
    }
    begin_next();
  }
  void echo(double per_second) {
    echo_timer_.cancel();
    if (per_second <= 0) return;
    echo_every_ = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / per_second));
    echo_due_ = loop_.now();
    echo_timer_.start_at(echo_due_);
  }
  bool broadcast(std::size_t sender, std::size_t size) {
    CrowdClient& client = members_.at(sender)->client;
    if (!client.is_up()) return false;
    client.send(R"({"type":1,"target":"Broadcast","arguments":[")" + broadcast_text(++broadcasts_, size) + R"("]})");
    return true;
  }
  void stall(std::size_t first, std::size_t last, bool on) {
    for (std::size_t i = first; i < last && i < members_.size(); ++i) {
      on ? members_[i]->client.stall() : members_[i]->client.go_on();
    }
  }
  void renew(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Member& member = *members_[next_renewed_++ % members_.size()];
      if (!member.client.is_up() && member.client.state() != CrowdClient::State::kGone) continue;
      counts_.echoes_given_up += member.echoes.size();
      member.echoes.clear();
      member.client.stop();
      member.client.start();
    }
  }
  void stop() {
    for (auto& member : members_) member->client.stop();
  }

  CrowdCounts counts() const {
    CrowdCounts counts = counts_;
    for (const auto& member : members_) {
      switch (member->client.state()) {
        case CrowdClient::State::kUp:
          ++counts.up;
          counts.echoes_waiting += member->echoes.size();
          break;
        case CrowdClient::State::kIdle:
        case CrowdClient::State::kWaiting: ++counts.waiting; break;
        case CrowdClient::State::kGone: ++counts.gone; break;
        default: ++counts.trying;
      }
    }
    return counts;
  }
  std::vector<CrowdMember> members() const {
    std::vector<CrowdMember> all;
    for (const auto& member : members_) {
      const CrowdClient& client = member->client;
      all.push_back({client.state(), client.token(), std::string(client.tag()), client.connections(), member->sent,
                     member->answered, member->messages});
    }
    return all;
  }
  const std::vector<CrowdClosing>& closings() const { return closings_; }
  const std::string& faults() const { return faults_; }
  std::vector<std::uint32_t>& latencies() { return latencies_; }

 private:
  struct Echo {
    std::uint64_t number;
    TimePoint due;
  };
  struct Member {
    Member(event::Loop& loop, const CrowdOptions& options, std::size_t index, CrowdClient::Handler& handler)
        : client(loop, options, index, handler) {}
    CrowdClient client;
    std::deque<Echo> echoes;  // waited for, in order
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    std::uint64_t messages = 0;
    std::uint64_t last_message = 0;  // number of the newest broadcast on this connection; 0: none yet
    bool first_is_over = false;      // its first attempt
  };

  void on_up(CrowdClient& client) override {
    Member& member = *members_[client.index()];
    ++counts_.connections;
    member.last_message = 0;
    first_is_over(member);
  }
  void on_record(CrowdClient& client, std::string_view record) override {
    Member& member = *members_[client.index()];
    if (record.starts_with(kMessage)) return use_message(member, record.substr(kMessage.size()));
    use_completion(member, record);
  }
  void on_closing(CrowdClient& client, const CrowdClosing& closing) override {
    Member& member = *members_[client.index()];
    if (closing.was_up) {
      ++counts_.closings;
      counts_.echoes_lost += member.echoes.size();
      member.echoes.clear();
    } else {
      ++counts_.failed_attempts;
      note("client " + std::to_string(closing.client) + ": an attempt " + std::string(to_string(closing.end)) + " " +
           std::to_string(closing.status) + " " + closing.what);
    }
    closings_.push_back(closing);
    first_is_over(member);
  }

  void use_message(Member& member, std::string_view rest) {
    std::uint64_t number = 0;
    std::from_chars(rest.data(), rest.data() + std::min(kNumberDigits, rest.size()), number);
    if (rest.size() != expected_.size() || number != expected_number_) {
      expected_ = broadcast_text(number, std::max(rest.size(), kMessageEnd.size()) - kMessageEnd.size());
      expected_ += kMessageEnd;
      expected_number_ = number;
    }
    const bool is_whole = rest == expected_;
    ++counts_.messages;
    ++member.messages;
    if (!is_whole || number <= member.last_message) {
      ++counts_.messages_wrong;
      note("client " + std::to_string(member.client.index()) + ": message " + std::to_string(number) + " after " +
           std::to_string(member.last_message) + (is_whole ? "" : ", changed"));
      return;
    }
    if (member.last_message != 0) counts_.messages_missed += number - member.last_message - 1;
    member.last_message = number;
  }
  void use_completion(Member& member, std::string_view record) {
    if (member.echoes.empty()) return wrong(member, record);
    const Echo echo = member.echoes.front();
    const std::string wanted = R"({"type":3,"invocationId":")" + std::to_string(echo.number) + R"(","result":")" +
                               echo_text(member.client.index(), echo.number) + R"("})";
    if (record != wanted) return wrong(member, record);
    member.echoes.pop_front();
    ++member.answered;
    ++counts_.echoes_answered;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - echo.due).count();
    latencies_.push_back(static_cast<std::uint32_t>(std::max<std::int64_t>(took, 0)));
  }
  void wrong(Member& member, std::string_view record) {
    ++counts_.echoes_wrong;
    note("client " + std::to_string(member.client.index()) + ": unexpected " + std::string(record.substr(0, 200)));
  }
  void note(const std::string& fault) {
    if (noted_++ < kFaults) faults_ += fault + "\n";
  }

  void begin_next() {
    while (first_attempts_ < at_once_ && begun_ < members_.size()) {
      ++first_attempts_;
      members_[begun_++]->client.start();
    }
  }
  void first_is_over(Member& member) {
    if (std::exchange(member.first_is_over, true)) return;
    --first_attempts_;
    begin_next();
  }
  void look() {
    for (auto& member : members_) member->client.look(loop_.now());
    sweep_.start(1s);
  }
  void send_due_echoes() {
    const TimePoint now = loop_.now();
    for (; echo_due_ <= now; echo_due_ += echo_every_) {
      for (std::size_t looked = 0; looked < members_.size(); ++looked) {
        Member& member = *members_[next_echo_++ % members_.size()];
        if (!member.client.is_up()) continue;
        const std::uint64_t number = ++member.sent;
        ++counts_.echoes_sent;
        member.echoes.push_back({number, echo_due_});
        member.client.send(R"({"type":1,"invocationId":")" + std::to_string(number) +
                           R"(","target":"Echo","arguments":[")" + echo_text(member.client.index(), number) + R"("]})");
        break;
      }
    }
    echo_timer_.start_at(echo_due_);
  }

  event::Loop& loop_;
  CrowdOptions options_;
  std::vector<std::unique_ptr<Member>> members_;
  CrowdCounts counts_;  // but for what counts() finds by looking
  std::vector<CrowdClosing> closings_;
  std::vector<std::uint32_t> latencies_;  // microseconds
  std::string faults_;
  std::size_t noted_ = 0;
  std::size_t at_once_ = 0;
  std::size_t begun_ = 0;           // clients that were started
  std::size_t first_attempts_ = 0;  // under way
  std::uint64_t broadcasts_ = 0;
  std::string expected_;  // the newest message seen as it should be, since most clients get the same
  std::uint64_t expected_number_ = 0;
  event::Timer sweep_;
  event::Timer echo_timer_;
  Duration echo_every_{};
  TimePoint echo_due_{};
  std::size_t next_echo_ = 0;
  std::size_t next_renewed_ = 0;
};

ClientCrowd::ClientCrowd(CrowdOptions options) : thread_(std::make_unique<LoopThread>()) {
  thread_->ask([&](event::Loop& loop) { core_ = std::make_unique<Core>(loop, std::move(options)); });
}
ClientCrowd::~ClientCrowd() {
  // Its connections' ends are the loop's, so it goes first and the loop turns once more.
  thread_->ask([&](event::Loop&) { core_.reset(); });
}

void ClientCrowd::add(std::size_t count, std::size_t at_once) {
  thread_->ask([&](event::Loop&) { core_->add(count, at_once); });
}
void ClientCrowd::echo(double per_second) {
  thread_->ask([&](event::Loop&) { core_->echo(per_second); });
}
bool ClientCrowd::broadcast(std::size_t sender, std::size_t size) {
  return thread_->ask([&](event::Loop&) { return core_->broadcast(sender, size); });
}
void ClientCrowd::stall(std::size_t first, std::size_t last) {
  thread_->ask([&](event::Loop&) { core_->stall(first, last, true); });
}
void ClientCrowd::go_on(std::size_t first, std::size_t last) {
  thread_->ask([&](event::Loop&) { core_->stall(first, last, false); });
}
void ClientCrowd::renew(std::size_t count) {
  thread_->ask([&](event::Loop&) { core_->renew(count); });
}
void ClientCrowd::stop() {
  thread_->ask([&](event::Loop&) { core_->stop(); });
}
CrowdCounts ClientCrowd::counts() const {
  return thread_->ask([&](event::Loop&) { return core_->counts(); });
}
std::vector<CrowdMember> ClientCrowd::members() const {
  return thread_->ask([&](event::Loop&) { return core_->members(); });
}
std::vector<CrowdClosing> ClientCrowd::closings() const {
  return thread_->ask([&](event::Loop&) { return core_->closings(); });
}
std::string ClientCrowd::faults() const {
  return thread_->ask([&](event::Loop&) { return core_->faults(); });
}
void ClientCrowd::forget_latencies() {
  thread_->ask([&](event::Loop&) { core_->latencies().clear(); });
}

CrowdLatency ClientCrowd::latency() const {
  auto all = thread_->ask([&](event::Loop&) { return core_->latencies(); });
  if (all.empty()) return {};
  std::sort(all.begin(), all.end());
  const auto at = [&](double share) {
    return static_cast<double>(all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))]) / 1000;
  };
  return {all.size(), at(0.5), at(0.99), at(1)};
}

void ClientCrowd::wait_until_up(std::size_t count, std::chrono::milliseconds limit) {
  wait_for(
      "the crowd",
      [&] {
        const CrowdCounts now = counts();
        if (now.up >= count) return true;
        if (now.gone > 0) UNSCOPED_INFO(faults());
        REQUIRE(now.gone == 0);
        return false;
      },
      limit);
}

void ClientCrowd::wait_until_answered(std::chrono::milliseconds limit) {
  wait_for("the answers", [&] { return counts().echoes_waiting == 0; }, limit);
}

}  // namespace hubgate::test
