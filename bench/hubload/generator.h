#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hubload/load_client.h"
#include "hubload/options.h"

namespace hubload {

using Clock = std::chrono::steady_clock;

/// What a scenario hears and does. The generator calls tick() between events.
class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual void on_record(LoadClient& client, std::string_view record) = 0;
  /// Sends what is due. Returns false when the scenario is over.
  virtual bool tick(Clock::time_point now) = 0;
};

/// One epoll loop over all clients; the single core of the load side.
class Generator {
 public:
  explicit Generator(const Options& options);
  ~Generator();

  /// Connects clients until `count` are ready; at most options.concurrency at once. False when one failed.
  bool connect(unsigned count);
  /// Turns until the scenario is over or a client failed.
  void run(Scenario& scenario);
  /// Turns until `pending` says false, at most `limit`.
  template <class Pending>
  void run_while(Scenario& scenario, Pending pending, std::chrono::seconds limit) {
    scenario_ = &scenario;
    const auto end = Clock::now() + limit;
    while (pending() && Clock::now() < end && failed_ == 0) turn(10);
  }

  std::vector<std::unique_ptr<LoadClient>>& clients() { return clients_; }
  unsigned ready() const { return ready_; }
  unsigned failed() const { return failed_; }
  const std::string& first_failure() const { return first_failure_; }

  // For LoadClient.
  void add(LoadClient& client);
  void want_write(LoadClient& client, bool wanted);
  std::string_view receive(int fd);
  void on_connected(LoadClient& client);
  void on_record(LoadClient& client, std::string_view record) {
    if (scenario_ != nullptr) scenario_->on_record(client, record);
  }
  void on_failed(LoadClient& client, LoadClient::State last, const char* why);

 private:
  void turn(int wait_ms);
  const Options& options_;
  int epoll_;
  Scenario* scenario_ = nullptr;
  std::vector<std::unique_ptr<LoadClient>> clients_;
  std::unique_ptr<char[]> buffer_;
  unsigned ready_ = 0;
  unsigned failed_ = 0;
  std::string first_failure_;
};

}  // namespace hubload
