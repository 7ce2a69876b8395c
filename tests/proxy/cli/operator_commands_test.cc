#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "proxy/admin/admin_server.h"
#include "proxy/cli/admin_client.h"
#include "proxy/cli/commands.h"
#include "proxy/config/version.h"
#include "tests/proxy/admin/sample_status.h"
#include "tests/support/catch.h"
#include "tests/support/memory_log.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using test::contains;

namespace {

class FakeHost final : public AdminHost {
 public:
  bool is_ready() const override { return true; }
  StatusReport status() const override {
    StatusReport report = test::sample_status();
    for (int i = 0; i < 2000; ++i) report.processes.push_back({"worker", "main/9", 5, 6, "ready"});
    // A little further each time that somebody looks.
    report.pools[0].restart = restarts[std::min(looks++, restarts.size() - 1)];
    return report;
  }
  void collect(MetricsPage&) const override {}
  const Snapshot& snapshot() const override { return *in_force; }
  VerbAnswer reload() override { return answer; }

  VerbAnswer diff(const std::string& file) const override { return said("diff " + file); }
  VerbAnswer restart(const std::string& pool) override { return said("restart " + pool); }
  VerbAnswer rebalance(const std::string& pool) override { return said("rebalance " + pool); }
  VerbAnswer drain(const std::string& endpoint, bool drained) override {
    return said((drained ? "drain " : "undrain ") + endpoint);
  }
  VerbAnswer said(std::string line) const { return {answer.accepted, {std::move(line)}}; }

  VerbAnswer answer;
  std::vector<RestartStatus> restarts = {{}};
  mutable std::size_t looks = 0;
  SnapshotPointer in_force = make_snapshot(ProxyConfig{});
};

using Command = int (*)(const OperatorOptions&, std::ostream&, std::ostream&);

struct Fixture {
  Fixture() { server.listen_for_verbs(AdminServer::open_socket(folder.path()).value()); }

  // Runs a verb as another process would: in its own thread, while the gateway's loop turns.
  int run(Command command, OperatorOptions options = {}) {
    options.socket = AdminServer::socket_path(folder.path());
    out.str("");
    err.str("");
    int exit = -1;
    std::thread client([&] {
      exit = command(options, out, err);
      loop.post([this] { loop.stop(); });
    });
    loop.run();
    client.join();
    return exit;
  }

  test::TemporaryFolder folder;
  event::Loop loop;
  test::MemoryLog log;
  FakeHost host;
  AdminServer server{loop, *log, host};
  std::ostringstream out;
  std::ostringstream err;
};

}  // namespace

TEST_CASE("reload prints what has changed, and 78 with the errors when it is refused", "[cli]") {
  Fixture f;
  f.host.answer = {true, {"log.level: info -> debug", "needs restart: user: a -> b"}};
  CHECK(f.run(reload_command) == kExitOk);
  CHECK(f.out.str() == "log.level: info -> debug\nneeds restart: user: a -> b\n");
  f.host.answer = {true, {}};
  CHECK(f.run(reload_command) == kExitOk);
  CHECK(f.out.str() == "nothing has changed\n");
  f.host.answer = {false, {"x.toml:1:1: error: one", "x.toml:2:1: error: two"}};
  CHECK(f.run(reload_command) == kExitConfiguration);
  CHECK(f.err.str() == "x.toml:1:1: error: one\nx.toml:2:1: error: two\n");
  CHECK(f.out.str().empty());
}

TEST_CASE("status prints the table, JSON, or the address of Redis", "[cli]") {
  Fixture f;
  CHECK(f.run(status_command) == kExitOk);
  CHECK_THAT(f.out.str(), contains("supervisor  -       100"));
  CHECK(f.run(status_command, {.socket = "", .json = true}) == kExitOk);
  CHECK(nlohmann::json::parse(f.out.str()).at("processes").size() == 2004);
  CHECK(f.run(status_command, {.socket = "", .redis = true}) == kExitOk);
  CHECK(f.out.str() == "managed\n");
}

TEST_CASE("top --once prints one table and ends", "[cli]") {
  Fixture f;
  CHECK(f.run(top_command, {.socket = "", .once = true}) == kExitOk);
  CHECK_THAT(f.out.str(), contains("hubgate 0.1.0  ready  revision 3"));
  CHECK_THAT(f.out.str(), contains("main/0"));
  CHECK(f.out.str().find("\x1b") == std::string::npos);
}

TEST_CASE("restart waits for the end and prints each step once", "[cli]") {
  Fixture f;
  f.host.answer.accepted = true;
  f.host.restarts = {
      {.number = 3, .state = "under way", .slots = 2, .done = 0, .slot = "main/0"},
      {.number = 3, .state = "under way", .slots = 2, .done = 0, .slot = "main/0", .draining = true, .left = 7},
      {.number = 3, .state = "under way", .slots = 2, .done = 0, .slot = "main/0", .draining = true, .left = 7},
      {.number = 3, .state = "done", .slots = 2, .done = 2},
  };
  OperatorOptions options;
  options.subject = "main";
  SECTION("done") {
    CHECK(f.run(restart_command, options) == kExitOk);
    CHECK(f.out.str() ==
          "restart main\n"
          "0 of 2 workers replaced; main/0: the new one starts\n"
          "0 of 2 workers replaced; main/0: the old one drains, 7 connections left\n"
          "2 of 2 workers replaced\n");
  }
  SECTION("not waited for") {
    options.wait = false;
    CHECK(f.run(restart_command, options) == kExitOk);
    CHECK(f.out.str() == "restart main\n");
    CHECK(f.host.looks == 0);
  }
  SECTION("failing") {
    f.host.restarts.back() = {.number = 3, .state = "failing", .slots = 2, .slot = "main/0"};
    CHECK(f.run(restart_command, options) == kExitRefused);
    CHECK_THAT(f.err.str(), contains("main/0 keeps ending"));
  }
  SECTION("of another run of the proxy") {
    f.host.restarts.back() = {.number = 1};
    CHECK(f.run(restart_command, options) == kExitRefused);
    CHECK_THAT(f.err.str(), contains("not known any more"));
  }
  SECTION("refused") {
    f.host.answer.accepted = false;
    CHECK(f.run(restart_command, options) == kExitRefused);
    CHECK(f.out.str().empty());
  }
}

TEST_CASE("drain, undrain and diff are told what they are about", "[cli]") {
  Fixture f;
  f.host.answer.accepted = true;
  OperatorOptions options;
  options.subject = "unix:/a b&c";
  CHECK(f.run(drain_command, options) == kExitOk);
  CHECK(f.out.str() == "drain unix:/a b&c\n");
  CHECK(f.run(undrain_command, options) == kExitOk);
  CHECK(f.out.str() == "undrain unix:/a b&c\n");
  options.subject = "new.toml";
  CHECK(f.run(diff_command, options) == kExitOk);
  CHECK(f.out.str() == "diff " + std::filesystem::absolute("new.toml").string() + "\n");
  f.host.answer.accepted = false;
  CHECK(f.run(diff_command, options) == kExitConfiguration);
}

TEST_CASE("without a gateway the operator's verbs exit with 69 and say where they looked", "[cli]") {
  const test::TemporaryFolder folder;
  std::ostringstream out;
  std::ostringstream err;
  CHECK(status_command({.socket = folder / "admin.sock"}, out, err) == kExitUnavailable);
  CHECK_THAT(err.str(), contains("no gateway answers on " + (folder / "admin.sock")));
  CHECK_THAT(err.str(), contains("--socket"));
  CHECK(reload_command({.socket = "/" + std::string(200, 'x')}, out, err) == kExitUnavailable);
}

TEST_CASE("the admin socket is found by option, environment or default", "[cli]") {
  ::setenv("HUBGATE_RUNTIME_DIR", "/tmp/g", 1);
  CHECK(find_admin_socket("/x/y.sock") == "/x/y.sock");
  CHECK(find_admin_socket("") == "/tmp/g/admin.sock");
  ::unsetenv("HUBGATE_RUNTIME_DIR");
  CHECK(find_admin_socket("") == "/run/hubgate/admin.sock");
}

TEST_CASE("the version is the same everywhere", "[cli]") {
  std::ostringstream out;
  CHECK(version_command(out) == kExitOk);
  CHECK(out.str() == "hubgate " + std::string(kProductVersion) + "\n");
  CHECK_THAT(test::TemporaryFolder::read("CMakeLists.txt"), contains("VERSION " + std::string(kProductVersion) + " "));
  CHECK_THAT(test::TemporaryFolder::read("src/hub/include/hubgate/version.h"),
             contains("\"" + std::string(kProductVersion) + "\""));
}
