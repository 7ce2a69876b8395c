#include "tests/integration/lone_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "common/base/descriptor.h"
#include "tests/support/catch.h"

namespace hubgate::test {

LoneWorker::LoneWorker(const std::string& listen) {
  const char* folder = std::getenv("HUBGATE_BINARY_DIR");
  REQUIRE(folder != nullptr);
  const std::string program = std::string(folder) + "/bin/hubgate-worker";
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Descriptor output(ends[0]);
  Descriptor input(ends[1]);
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    ::dup2(input.get(), 1);
    ::dup2(::open("/dev/null", O_WRONLY), 2);
    ::execl(program.c_str(), program.c_str(), "--listen", listen.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  input.reset();
  std::string line;
  while (line.find('\n') == std::string::npos) {
    pollfd waiting{output.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 30'000) == 1);
    char buffer[256];
    const ssize_t got = ::read(output.get(), buffer, sizeof buffer);
    REQUIRE(got > 0);
    line.append(buffer, static_cast<std::size_t>(got));
  }
  const std::string before = "ready http://";
  REQUIRE(line.starts_with(before));
  address_ = line.substr(before.size(), line.find('\n') - before.size());
}

void LoneWorker::signal(int signal) const { ::kill(pid_, signal); }

void LoneWorker::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace hubgate::test
