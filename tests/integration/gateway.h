#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/net/address.h"
#include "tests/support/temporary_folder.h"

namespace hubgate::test {

using namespace std::chrono_literals;

/// Waits for a condition, and fails the test when it does not come.
void wait_for(const std::string& what, const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s);
/// False for a zombie too, which only waits for its parent.
bool is_running(pid_t pid);

/// An answer to a request that HTTP/1.1 knows as one.
struct HttpAnswer {
  int status = 0;
  std::string head;
  std::string body;
};

/// A blocking connection, to a port of 127.0.0.1 or elsewhere, with a time limit of 10 s for each wait.
class TcpClient {
 public:
  TcpClient() = default;
  /// Not connected when refused.
  explicit TcpClient(std::uint16_t port);
  /// A Unix socket, too.
  explicit TcpClient(const net::Address& address);

  bool is_connected() const { return socket_.is_open(); }
  void send(const std::string& bytes);
  /// Reads until `done` says how many bytes of the input belong to what was waited for; takes them out. Empty at the
  /// peer's end.
  std::string read(const std::function<std::size_t(const std::string&)>& done);
  HttpAnswer request(const std::string& method, const std::string& target, bool keep_alive = true);
  /// The peer has ended or reset it; does not wait.
  bool has_ended();
  /// Something waits to be read; does not wait.
  bool has_input();
  /// Waits for the peer's end.
  void wait_for_end();

 private:
  Descriptor socket_;
  std::string input_;
};

/// `hubgate run` with real workers, in a folder of its own, on free ports. At its end the test fails when a sanitizer
/// has found something in it, or when any of its output shows what clients carry in secret (tests/support/planted.h).
class Gateway {
 public:
  struct Options {
    std::string config = {};       // instead of the usual one
    std::string config_file = {};  // instead of one of its own; directories and addresses must be overridden
    std::vector<std::string> overrides = {};
    bool wait_until_ready = true;
  };
  Gateway() : Gateway(Options{}) {}
  explicit Gateway(Options options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// A listener, the admin's, two workers, hubs at /chat and /bench; directories inside the folder.
  static std::string usual_config();

  std::uint16_t port() const { return port_; }
  std::uint16_t admin_port() const { return admin_port_; }
  pid_t supervisor() const { return supervisor_; }
  const TemporaryFolder& folder() const { return folder_; }
  const std::string& config_file() const { return config_file_; }
  void write_config(const std::string& text) { folder_.write("hubgate.toml", text); }

  HttpAnswer admin(const std::string& target) const;
  /// The status as JSON; null while no proxy answers.
  nlohmann::json status() const;
  /// Of the newest generation of a worker, such as "main/0"; an empty object when there is none.
  nlohmann::json endpoint(const std::string& name) const;
  /// Of the process with that role and name; 0 when there is none.
  pid_t pid_of(const std::string& role, const std::string& name = {}) const;
  std::vector<pid_t> all_pids() const;
  bool is_ready() const;
  void wait_until_ready();
  /// The value of one line of /metrics, by its beginning.
  double metric(const std::string& series) const;

  /// Runs `hubgate VERB…`; its exit code. Output goes to the gateway's log.
  int command(const std::vector<std::string>& arguments) const;
  /// The same without waiting: the caller waits for the process.
  pid_t begin_command(const std::vector<std::string>& arguments) const;
  void signal(int signal) const;
  /// The supervisor's exit code; -1 when it was killed.
  int wait_for_end(std::chrono::milliseconds limit = 15s);
  /// What it has printed so far.
  std::string output() const { return TemporaryFolder::read(folder_ / "out"); }
  std::string log() const { return TemporaryFolder::read(folder_ / "log"); }

 private:
  void end();
  pid_t start(const std::vector<std::string>& arguments, const std::string& out, const std::string& err) const;
  TemporaryFolder folder_;
  std::string config_file_;
  pid_t supervisor_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

}  // namespace hubgate::test
