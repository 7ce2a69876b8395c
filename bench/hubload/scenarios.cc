#include "hubload/scenarios.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace hubload {
namespace {

double own_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::uint64_t microseconds(Clock::duration duration) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(duration).count()));
}

/// The times at which an open loop wants its messages to leave.
class Schedule {
 public:
  Schedule(const Options& options) : options_(options) {}
  void begin(Clock::time_point now) {
    start_ = now;
    end_ = now + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
  }
  bool is_open_loop() const { return options_.rate > 0; }
  bool is_over(Clock::time_point now) const { return now >= end_; }
  /// The next intended time that has come, or false.
  bool next(Clock::time_point now, Clock::time_point& intended) {
    const auto at = start_ + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(count_) / options_.rate));
    if (at > now || at >= end_) return false;
    intended = at;
    ++count_;
    return true;
  }

 private:
  const Options& options_;
  Clock::time_point start_;
  Clock::time_point end_;
  std::uint64_t count_ = 0;
};

/// Every client calls Echo and checks the answer whole.
class Echo final : public Scenario {
 public:
  Echo(const Options& options, Generator& generator, Report& report)
      : options_(options),
        generator_(generator),
        report_(report),
        schedule_(options),
        frame_("{\"type\":1,\"invocationId\":\"00000000\",\"target\":\"Echo\",\"arguments\":[\"", "\"]}\x1e",
               options.size),
        next_(options.connections),
        expected_(options.connections),
        sent_at_(options.connections) {
    frame_.set_id_offset(26);
  }
  bool tick(Clock::time_point now) override {
    if (!begun_) {
      begun_ = true;
      schedule_.begin(now);
      for (unsigned i = 0; !schedule_.is_open_loop() && i < options_.connections * options_.in_flight; ++i) {
        send(i % options_.connections, now);
      }
    }
    for (Clock::time_point intended; schedule_.is_open_loop() && schedule_.next(now, intended);) {
      send(static_cast<unsigned>(turn_++ % options_.connections), intended);
    }
    over_ = schedule_.is_over(now);
    return !over_;
  }
  void on_record(LoadClient& client, std::string_view record) override {
    const unsigned who = client.index();
    const std::uint32_t number = expected_[who];
    frame_.with(who, number);
    char head[64];
    const int size = std::snprintf(head, sizeof head, "{\"type\":3,\"invocationId\":\"%08x\",\"result\":\"", number);
    const std::string_view mark = frame_.mark();
    const bool same =
        record.size() == static_cast<std::size_t>(size) + mark.size() + 2 &&
        record.substr(0, static_cast<std::size_t>(size)) == std::string_view(head, static_cast<std::size_t>(size)) &&
        record.substr(static_cast<std::size_t>(size), mark.size()) == mark;
    if (!same) ++report_.changed;
    ++report_.received;
    expected_[who] = number + 1;
    const Clock::time_point now = Clock::now();
    report_.latency.add(microseconds(now - sent_at_[who][number % kRing]));
    if (!schedule_.is_open_loop() && !over_) send(who, now);
  }

 private:
  static constexpr std::size_t kRing = 1024;
  void send(unsigned who, Clock::time_point intended) {
    auto& ring = sent_at_[who];
    if (ring.empty()) ring.resize(kRing);
    const std::uint32_t number = next_[who]++;
    ring[number % kRing] = intended;
    ++report_.sent;
    ++report_.expected;
    generator_.clients()[who]->send(frame_.with(who, number));
  }
  const Options& options_;
  Generator& generator_;
  Report& report_;
  Schedule schedule_;
  MarkedFrame frame_;
  std::vector<std::uint32_t> next_, expected_;
  std::vector<std::vector<Clock::time_point>> sent_at_;
  std::uint64_t turn_ = 0;
  bool begun_ = false;
  bool over_ = false;
};

/// Sends to all, or to groups; every receiver checks the order of each sender.
class FanOut final : public Scenario {
 public:
  FanOut(const Options& options, Generator& generator, Report& report)
      : options_(options),
        generator_(generator),
        report_(report),
        schedule_(options),
        to_groups_(options.scenario == "groups") {
    const unsigned group_count = to_groups_ ? options.groups : 1;
    const unsigned senders = to_groups_ ? options.connections : options.senders;
    for (unsigned group = 0; group < group_count; ++group) {
      const std::string before =
          to_groups_ ? "{\"type\":1,\"target\":\"SendToGroup\",\"arguments\":[\"" + group_name(group) + "\",\""
                     : std::string("{\"type\":1,\"target\":\"Broadcast\",\"arguments\":[\"");
      frames_.emplace_back(before, "\"]}\x1e", options.size);
    }
    next_.resize(senders);
    sent_at_.resize(senders);
    missing_.resize(senders);
    seen_.assign(options.connections, {});
  }

  static std::string group_name(unsigned group) {
    char name[16];
    std::snprintf(name, sizeof name, "g%04u", group);
    return name;
  }

  /// Groups: joins, and waits for every answer.
  bool join() {
    if (!to_groups_) return true;
    joins_ = options_.connections;
    for (unsigned i = 0; i < options_.connections; ++i) {
      generator_.clients()[i]->send(
          make_frame("{\"type\":1,\"invocationId\":\"join\",\"target\":\"JoinGroup\",\"arguments\":[\"" +
                     group_name(i % options_.groups) + "\"]}\x1e"));
    }
    generator_.run_while(*this, [this] { return joins_ > 0; }, std::chrono::seconds(30));
    return joins_ == 0;
  }

  bool tick(Clock::time_point now) override {
    if (!begun_) {
      begun_ = true;
      schedule_.begin(now);
      for (unsigned i = 0; !schedule_.is_open_loop() && i < next_.size() * options_.in_flight; ++i) {
        send(static_cast<unsigned>(i % next_.size()), now);
      }
    }
    for (Clock::time_point intended; schedule_.is_open_loop() && schedule_.next(now, intended);) {
      send(static_cast<unsigned>(turn_++ % next_.size()), intended);
    }
    over_ = schedule_.is_over(now);
    return !over_;
  }

  void on_record(LoadClient& client, std::string_view record) override {
    constexpr std::string_view kBefore = "{\"type\":1,\"target\":\"msg\",\"arguments\":[\"";
    if (joins_ > 0 && record.substr(0, 9) == "{\"type\":3") {
      if (record.find("\"error\"") == std::string_view::npos) --joins_;
      return;
    }
    std::uint32_t sender = 0;
    std::uint32_t number = 0;
    ++report_.received;
    if (record.size() < kBefore.size() + 3 || record.substr(0, kBefore.size()) != kBefore ||
        !record.ends_with("\"]}") ||
        !Mark::check(record.substr(kBefore.size(), record.size() - kBefore.size() - 3), frames_.front().mark_size(),
                     sender, number) ||
        sender >= next_.size() || number >= next_[sender] ||
        (to_groups_ && sender % options_.groups != client.index() % options_.groups)) {
      ++report_.changed;
      return;
    }
    auto& seen = seen_[client.index()];
    if (seen.empty()) seen.resize(to_groups_ ? options_.connections / options_.groups + 1 : next_.size());
    std::uint32_t& due = seen[to_groups_ ? sender / options_.groups : sender];
    if (number < due) {
      ++report_.doubled;
    } else {
      if (number > due) ++report_.reordered;
      due = number + 1;
    }
    const Clock::time_point now = Clock::now();
    const auto age = microseconds(now - sent_at_[sender][number % kRing]);
    report_.latency.add(age);
    if (--missing_[sender][number % kRing] == 0) report_.last.add(age);
    if (!schedule_.is_open_loop() && !over_ && client.index() == sender) send(sender, now);
  }

 private:
  static constexpr std::size_t kRing = 4096;
  void send(unsigned who, Clock::time_point intended) {
    if (sent_at_[who].empty()) {
      sent_at_[who].resize(kRing);
      missing_[who].resize(kRing);
    }
    const unsigned group = to_groups_ ? who % options_.groups : 0;
    const unsigned receivers =
        to_groups_ ? (options_.connections - group + options_.groups - 1) / options_.groups : options_.connections;
    const std::uint32_t number = next_[who]++;
    sent_at_[who][number % kRing] = intended;
    missing_[who][number % kRing] = receivers;
    ++report_.sent;
    report_.expected += receivers;
    generator_.clients()[who]->send(frames_[group].with(who, number));
  }
  const Options& options_;
  Generator& generator_;
  Report& report_;
  Schedule schedule_;
  bool to_groups_;
  std::vector<MarkedFrame> frames_;
  std::vector<std::uint32_t> next_;
  std::vector<std::vector<Clock::time_point>> sent_at_;
  std::vector<std::vector<unsigned>> missing_;
  std::vector<std::vector<std::uint32_t>> seen_;  // per receiver and sender: the next number
  std::uint64_t turn_ = 0;
  unsigned joins_ = 0;
  bool begun_ = false;
  bool over_ = false;
};

template <class S>
void measure(S& scenario, const Options& options, Generator& generator, Report& report) {
  const ServerMeter meter(options.pids);
  const double cpu = meter.cpu_seconds();
  const double own = own_cpu_seconds();
  const auto start = Clock::now();
  generator.run(scenario);
  generator.run_while(scenario, [&] { return report.received < report.expected; }, std::chrono::seconds(20));
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  // Longer than a queue of the server could hide a doubled message.
  const double cpu_end = meter.cpu_seconds();
  const auto settle = Clock::now() + std::chrono::milliseconds(200);
  generator.run_while(scenario, [&] { return Clock::now() < settle; }, std::chrono::seconds(1));
  report.cpu_seconds = cpu_end - cpu;
  report.load_cpu_seconds = own_cpu_seconds() - own;
}

}  // namespace

MarkedFrame::MarkedFrame(std::string_view before, std::string_view after, std::size_t size) {
  const std::size_t around = before.size() + after.size();
  mark_size_ = std::max(size > around ? size - around : 0, Mark::kDigits + 1);
  std::string message(before);
  message.append(mark_size_, 'x');
  message += after;
  frame_ = make_frame(message);
  header_ = frame_.size() - message.size();
  mark_ = header_ + before.size();
}

Report run_scenario(const Options& options) {
  if (options.scenario == "idle") return run_idle(options);
  if (options.scenario == "connect") return run_connect(options);
  Report report;
  report.connections = options.connections;
  Generator generator(options);
  if (generator.connect(options.connections)) {
    if (options.scenario == "echo") {
      Echo echo(options, generator, report);
      measure(echo, options, generator, report);
    } else {
      FanOut fan_out(options, generator, report);
      if (fan_out.join())
        measure(fan_out, options, generator, report);
      else
        report.failure = "a join was not answered", report.failed = 1;
    }
  }
  report.failed += generator.failed();
  if (!generator.first_failure().empty()) report.failure = generator.first_failure();
  return report;
}

}  // namespace hubload
