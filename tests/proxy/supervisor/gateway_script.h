#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "tests/support/catch.h"

namespace hubgate::test {

/// Runs scripted_gateway and speaks with its proxies, one after the other. Every wait fails after 10 s.
class GatewayScript {
 public:
  using Clock = std::chrono::steady_clock;

  GatewayScript() {
    char folder[] = "/tmp/hubgate-test-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    const std::string path = folder_ + "/s";
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    const char* programs = std::getenv("HUBGATE_BINARY_DIR");
    REQUIRE(programs != nullptr);
    const std::string program = std::string(programs) + "/tests/proxy/supervisor/scripted_gateway";
    supervisor_ = ::fork();
    REQUIRE(supervisor_ >= 0);
    if (supervisor_ == 0) {
      ::execl(program.c_str(), program.c_str(), "supervise", path.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~GatewayScript() {
    if (supervisor_ > 0) {
      ::kill(supervisor_, SIGKILL);
      ::waitpid(supervisor_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }
  GatewayScript(const GatewayScript&) = delete;
  GatewayScript& operator=(const GatewayScript&) = delete;

  /// The next proxy of the gateway; its pid.
  pid_t next_proxy() {
    REQUIRE(has_next_proxy(10'000));
    proxy_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(proxy_.is_open());
    input_.clear();
    const std::string line = read_line();
    REQUIRE(line.starts_with("proxy "));
    return std::stoi(line.substr(6));
  }
  bool has_next_proxy(int milliseconds) {
    pollfd waiting{listener_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, milliseconds) == 1;
  }
  /// The next proxy, and its inventory.
  void begin() {
    next_proxy();
    CHECK(wait_for("inventory end") == "inventory end");
  }
  void say(const std::string& line) {
    const std::string whole = line + '\n';
    REQUIRE(::send(proxy_.get(), whole.data(), whole.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(whole.size()));
  }
  /// One line of the proxy, or "" at its end.
  std::string read_line() {
    for (;;) {
      const std::size_t end = input_.find('\n');
      if (end != std::string::npos) {
        std::string line = input_.substr(0, end);
        input_.erase(0, end + 1);
        return line;
      }
      pollfd waiting{proxy_.get(), POLLIN, 0};
      REQUIRE(::poll(&waiting, 1, 10'000) == 1);
      char buffer[4096];
      const ssize_t got = ::read(proxy_.get(), buffer, sizeof buffer);
      if (got <= 0) return "";
      input_.append(buffer, static_cast<std::size_t>(got));
    }
  }
  /// Lines up to and with the first that begins so.
  std::vector<std::string> read_until(const std::string& beginning) {
    std::vector<std::string> lines;
    do {
      lines.push_back(read_line());
      INFO("waiting for \"" << beginning << '"');
      REQUIRE_FALSE(lines.back().empty());
    } while (!lines.back().starts_with(beginning));
    return lines;
  }
  std::string wait_for(const std::string& beginning) { return read_until(beginning).back(); }
  /// The supervisor's exit code; -1 when it was killed.
  int wait_for_end() {
    const auto end = Clock::now() + std::chrono::seconds(10);
    int status = 0;
    while (::waitpid(supervisor_, &status, WNOHANG) == 0) {
      REQUIRE(Clock::now() < end);
      ::poll(nullptr, 0, 5);
    }
    supervisor_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  pid_t supervisor() const { return supervisor_; }

  static bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }
  static void wait_until_gone(pid_t pid) {
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (is_alive(pid)) {
      REQUIRE(Clock::now() < end);
      ::poll(nullptr, 0, 5);
    }
  }

 private:
  std::string folder_;
  Descriptor listener_;
  Descriptor proxy_;
  std::string input_;
  pid_t supervisor_ = -1;
};

/// The number that is the given word of a line, counted from 0.
inline int word(const std::string& line, std::size_t number) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < number; ++i) at = line.find(' ', at) + 1;
  return std::stoi(line.substr(at));
}

}  // namespace hubgate::test
