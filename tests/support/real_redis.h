#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/base/descriptor.h"
#include "common/net/address.h"
#include "tests/support/temporary_folder.h"

namespace hubgate::test {

/// A redis-server of the test's own: a Unix socket in a temporary folder or a port of the loopback, nothing on disk. It
/// ends with the test, also when that crashes.
class RealRedis {
 public:
  static bool is_installed() { return !program().empty(); }

  enum class Listens { kUnix, kTcp };
  explicit RealRedis(Listens where = Listens::kUnix) {
    if (where == Listens::kTcp) port_ = free_port();
    start();
  }
  ~RealRedis() { kill(); }
  RealRedis(const RealRedis&) = delete;
  RealRedis& operator=(const RealRedis&) = delete;

  std::string url() const {
    return port_ == 0 ? "unix:" + folder_ / "redis.sock" : "redis://127.0.0.1:" + std::to_string(port_);
  }

  /// SIGKILL; returns when it is gone.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// SIGSTOP: the socket stays open and nothing is answered; SIGCONT.
  void freeze() { ::kill(pid_, SIGSTOP); }
  void thaw() { ::kill(pid_, SIGCONT); }

  /// One command, such as {"CONFIG", "SET", "requirepass", "x"}; what is answered, as Redis writes it. Blocks.
  std::string command(const std::vector<std::string>& words) const {
    const auto address = net::Address::parse(url());
    const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!address || ::connect(client.get(), address->get(), address->length()) != 0) return "";
    std::string text = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& word : words) text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    if (::write(client.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return "";
    char answer[4096];
    const ssize_t size = ::read(client.get(), answer, sizeof answer);
    return {answer, size > 0 ? static_cast<std::size_t>(size) : 0};
  }

  /// Starts it, at the same address as before; returns when it accepts connections.
  void start() {
    const std::string redis = program();
    const std::string socket = folder_ / "redis.sock";
    const std::string& folder = folder_.path();
    const std::string port = std::to_string(port_);
    const pid_t parent = ::getpid();
    ::unlink(socket.c_str());
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      const int null = ::open("/dev/null", O_RDWR);
      ::dup2(null, 0);
      ::dup2(null, 1);
      ::dup2(null, 2);
      ::execl(redis.c_str(), redis.c_str(), "--port", port.c_str(), "--bind", "127.0.0.1", "--unixsocket",
              socket.c_str(), "--dir", folder.c_str(), "--save", "", "--appendonly", "no", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    for (int attempt = 0; attempt < 2000; ++attempt) {
      if (accepts(socket)) return;
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // another process: nothing here could be waited on
    }
    throw std::runtime_error("redis-server does not start");
  }

 private:
  static std::string program() {
    const char* path = std::getenv("PATH");
    std::string folders = path != nullptr ? path : "";
    folders += ":/usr/bin:/usr/local/bin";
    std::size_t begin = 0;
    while (begin < folders.size()) {
      const std::size_t end = std::min(folders.find(':', begin), folders.size());
      const std::string file = folders.substr(begin, end - begin) + "/redis-server";
      if (::access(file.c_str(), X_OK) == 0) return file;
      begin = end + 1;
    }
    return {};
  }

  // Free when it was looked for; redis-server cannot be asked for any.
  static std::uint16_t free_port() {
    const auto address = net::Address::parse("127.0.0.1:0");
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!address || ::bind(socket.get(), address->get(), address->length()) != 0) return 0;
    return net::Address::local_of(socket.get()).port();
  }

  static bool accepts(const std::string& socket) {
    const auto address = net::Address::parse("unix:" + socket);
    const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return address && ::connect(client.get(), address->get(), address->length()) == 0;
  }

  TemporaryFolder folder_;
  std::uint16_t port_ = 0;  // 0: none
  pid_t pid_ = -1;
};

}  // namespace hubgate::test
