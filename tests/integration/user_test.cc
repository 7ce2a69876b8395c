#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/base/descriptor.h"
#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"

// `user`: the whole gateway becomes somebody else, for good, once it has bound. Only root can do that.

using namespace hubgate;
using test::Gateway;
using test::HubClient;
using test::wait_for;

namespace {

constexpr char kUser[] = "nobody";

// "Uid", "Gid", "Groups", "CapEff" of a process, as the kernel tells them, in one line.
std::string credential(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream words(line.substr(name.size() + 1));
    std::string text;
    for (std::string word; words >> word;) text += (text.empty() ? "" : " ") + word;
    return text;
  }
  return "none";
}

std::string four_times(unsigned id) {
  const std::string one = std::to_string(id);
  return one + ' ' + one + ' ' + one + ' ' + one;  // real, effective, saved, of files
}

// A port that only root may bind, and nobody listens on.
std::uint16_t free_privileged_port(std::uint16_t below = 1024) {
  for (auto port = static_cast<std::uint16_t>(below - 1); port > 600; --port) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return port;
  }
  return 0;
}

/// Copies of the programs where everybody can run them: the ones that were built may lie in somebody's home. Tests
/// start the copies while it lives.
class ReachablePrograms {
 public:
  ReachablePrograms() {
    const char* built = std::getenv("HUBGATE_BINARY_DIR");
    REQUIRE(built != nullptr);
    built_ = built;
    REQUIRE(::chmod(folder_.path().c_str(), 0755) == 0);
    std::filesystem::create_directory(folder_ / "bin");
    for (const std::string program : {"/bin/hubgate", "/bin/hubgate-worker"}) {
      std::filesystem::copy_file(built_ + program, folder_.path() + program);
    }
    ::setenv("HUBGATE_BINARY_DIR", folder_.path().c_str(), 1);
  }
  ~ReachablePrograms() { ::setenv("HUBGATE_BINARY_DIR", built_.c_str(), 1); }
  ReachablePrograms(const ReachablePrograms&) = delete;
  ReachablePrograms& operator=(const ReachablePrograms&) = delete;

 private:
  test::TemporaryFolder folder_;
  std::string built_;
};

void check_all_dropped(const Gateway& gateway, const passwd& user) {
  const auto pids = gateway.all_pids();
  CHECK(pids.size() == 5);  // supervisor, proxy, Redis, two workers
  for (const pid_t pid : pids) {
    CAPTURE(pid);
    CHECK(credential(pid, "Uid") == four_times(user.pw_uid));
    CHECK(credential(pid, "Gid") == four_times(user.pw_gid));
    CHECK(credential(pid, "Groups") == std::to_string(user.pw_gid));
    CHECK(credential(pid, "CapEff") == "0000000000000000");
    CHECK(credential(pid, "CapPrm") == "0000000000000000");
  }
}

}  // namespace

TEST_CASE("started by root with a user, every process is that user's, and stays so over a death of the proxy",
          "[integration]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can become another user");
    return;
  }
  const passwd* found = ::getpwnam(kUser);
  REQUIRE(found != nullptr);
  const passwd user = *found;
  const std::uint16_t port = free_privileged_port();
  REQUIRE(port != 0);
  const ReachablePrograms programs;

  test::TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);  // the user must be able to read the configuration again
  std::string config = Gateway::usual_config();
  config.replace(config.find("listen = \"127.0.0.1:0\"\n[pool"), 22,
                 "listen = \"127.0.0.1:" + std::to_string(port) + "\"");
  const std::string file = folder.write("hubgate.toml", "user = \"" + std::string(kUser) + "\"\n" + config);
  Gateway gateway({.config_file = file});
  CHECK(gateway.port() == port);
  check_all_dropped(gateway, user);

  HubClient client(port, "/bench");
  CHECK(client.call("Echo", {"as nobody"}) == "as nobody");
  for (const char* made : {"run", "run/lock", "state", "state/lock", "state/affinity.keys"}) {
    CAPTURE(made);
    struct stat facts{};
    REQUIRE(::stat((folder / made).c_str(), &facts) == 0);
    CHECK(facts.st_uid == user.pw_uid);
  }

  // The next proxy finds the privileged port with the supervisor, which could not bind it again.
  const pid_t proxy = gateway.pid_of("proxy");
  ::kill(proxy, SIGKILL);
  wait_for("another proxy", [&] {
    const pid_t now = gateway.pid_of("proxy");
    return now != 0 && now != proxy && gateway.is_ready();
  });
  check_all_dropped(gateway, user);
  CHECK(client.call("Echo", {"still here"}) == "still here");
  CHECK(HubClient(port, "/bench").call("Echo", {"and new"}) == "and new");
  // As that user the file is read at a reload, too.
  folder.write("hubgate.toml", "user = \"" + std::string(kUser) + "\"\n" + config + "[limits]\nqueue_length = 99\n");
  gateway.signal(SIGHUP);
  wait_for("the reload", [&] {
    const auto status = gateway.status();
    return status.is_object() && status["last_reload"] != 0;
  });
  CHECK(gateway.status()["last_reload_ok"] == true);

  // A listener on another such port is out of reach for that user, also for the proxy that comes next; the rest of
  // the file counts.
  const std::uint16_t other = free_privileged_port(port);
  folder.write("hubgate.toml", "user = \"" + std::string(kUser) + "\"\n" + config +
                                   "[listener.second]\nlisten = \"127.0.0.1:" + std::to_string(other) +
                                   "\"\n[limits]\nqueue_length = 98\n");
  gateway.signal(SIGHUP);
  const auto waits_for_restart = [&] {
    const auto status = gateway.status();
    return status.is_object() && status["needs_restart"].dump().find("listener.second.listen") != std::string::npos;
  };
  wait_for("what needs a restart", waits_for_restart);
  CHECK(gateway.status()["listeners"].size() == 1);
  const pid_t second = gateway.pid_of("proxy");
  ::kill(second, SIGKILL);
  wait_for("a third proxy", [&] {
    const pid_t now = gateway.pid_of("proxy");
    return now != 0 && now != second && gateway.is_ready();
  });
  CHECK(waits_for_restart());
  CHECK(client.call("Echo", {"to the end"}) == "to the end");
}

TEST_CASE("a configuration that the user cannot read is refused at the start, not at the next reload",
          "[integration]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can become another user");
    return;
  }
  test::TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  const std::string file =
      folder.write("hubgate.toml", "user = \"" + std::string(kUser) + "\"\n" + Gateway::usual_config());
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  Gateway gateway({.config_file = file, .wait_until_ready = false});
  CHECK(gateway.wait_for_end() == 78);
  CHECK_THAT(gateway.log(), test::contains(file));
}
