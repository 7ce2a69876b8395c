#include <cstdlib>
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
    return report;
  }
  void collect(MetricsPage&) const override {}
  const Snapshot& snapshot() const override { return *in_force; }
  ReloadAnswer reload() override { return answer; }

  ReloadAnswer answer;
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
