#include "tests/chaos/gateway_watch.h"

#include <fstream>

namespace hubgate::chaos {
namespace {

constexpr std::string_view kHub = "Demo.BenchHub";
/// The proxy logs a drain when it hears of it, after the worker has begun.
constexpr Instant kDrainHeard = std::chrono::milliseconds(500);

}  // namespace

void GatewayWatch::look() {
  std::ifstream in(file_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(read_));
  char buffer[64 * 1024];
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    read_ += static_cast<std::size_t>(in.gcount());
    partial_.append(buffer, static_cast<std::size_t>(in.gcount()));
    for (std::size_t end = 0; (end = partial_.find('\n')) != std::string::npos;) {
      const std::string line = partial_.substr(0, end);
      partial_.erase(0, end + 1);
      take(line);
    }
  }
}

Worker* GatewayWatch::find(long long pid) {
  const auto found = by_pid_.find(pid);
  return found == by_pid_.end() ? nullptr : &facts_.workers.at(found->second);
}

void GatewayWatch::drains(Worker& worker, Instant at) {
  Instant from = at - kDrainHeard;
  // A proxy that was away hears of it afterwards.
  for (const Interval& away : facts_.proxy_away.all()) {
    if (away.touches(from, at)) from = std::min(from, away.from);
  }
  worker.can_drain_from = std::min(worker.can_drain_from, from);
  worker.may_end = true;
}

void GatewayWatch::take(std::string_view text) {
  const auto line = LogLine::parse(text);
  if (!line) return;
  if (!line->tag.empty()) return take_worker_line(*line);
  ++events_[std::string(line->event)];
  const Instant at = time_of(*line);
  const std::string worker(line->field("worker"));
  if (line->event == "worker started" || line->event == "worker taken over") {
    starts_.try_emplace({worker, line->number("generation")}, Start{worker, static_cast<int>(line->number("pid")), at});
  } else if (line->event == "endpoint added") {
    const auto start = starts_.find({std::string(line->field("endpoint")), line->number("generation")});
    if (start == starts_.end()) return;
    const WorkerKey key{static_cast<std::uint32_t>(line->number("id")),
                        static_cast<std::uint32_t>(line->number("generation"))};
    const auto [added, is_new] = facts_.workers.try_emplace(key);
    if (is_new) {
      added->second.name = start->second.name;
      added->second.pid = start->second.pid;
      added->second.started = start->second.at;
      added->second.redis_down.begin(start->second.at - std::chrono::seconds(1));
    }
    by_pid_[start->second.pid] = key;
  } else if (line->event == "worker ended") {
    Worker* ended = find(line->number("pid"));
    if (ended == nullptr) return;
    ended->ended = at;
    ended->orderly = line->number("exit") == 0 && line->number("signal") == 0;
  } else if (line->event == "worker drains") {
    if (Worker* draining = find(line->number("pid"))) drains(*draining, at);
  } else if (line->event == "proxy works") {
    proxy_ = static_cast<pid_t>(line->number("pid"));
    facts_.proxy_away.end(at);
  } else if (line->event == "proxy has ended") {
    facts_.proxy_ends.push_back(at);
    facts_.proxy_away.begin(at);
  } else if (line->event == "Redis runs") {
    redis_ = static_cast<pid_t>(line->number("pid"));
    redis_socket_ = line->field("socket");
  }
}

void GatewayWatch::take_worker_line(const LogLine& line) {
  const std::size_t space = line.tag.rfind(' ');
  if (space == line.tag.npos || line.field("name") != kHub) return;
  Worker* worker = find(std::atoll(std::string(line.tag.substr(space + 1)).c_str()));
  if (worker == nullptr) return;
  const Instant at = time_of(line);
  if (line.event == "redis ready") worker->redis_down.end(at + std::chrono::milliseconds(1));
  if (line.event == "redis down") worker->redis_down.begin(at);
}

std::vector<Worker*> GatewayWatch::living_workers() {
  std::map<std::pair<std::string, Instant>, Worker*> living;
  for (auto& [key, worker] : facts_.workers) {
    if (!worker.ended && !worker.killed) living[{worker.name, worker.started}] = &worker;
  }
  std::vector<Worker*> all;
  for (const auto& [name, worker] : living) all.push_back(worker);
  return all;
}

}  // namespace hubgate::chaos
