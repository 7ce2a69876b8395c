#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/client_crowd.h"
#include "tests/integration/gateway.h"
#include "tests/support/catch.h"

// Processes are killed and stopped under 600 clients that call Echo all the time: whose process it was, notices; nobody
// else does.

using namespace hubgate;
using test::ClientCrowd;
using test::CrowdEnd;
using test::CrowdMember;
using test::Gateway;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kClients = 600;
constexpr double kEchoes = 600;  // a second

std::string config_of_three_workers() {
  std::string config = Gateway::usual_config();
  const std::string two = "workers = 2";
  config.replace(config.find(two), two.size(), "workers = 3");
  return config;
}

test::CrowdOptions to(const Gateway& gateway) {
  return {.server = net::Address::parse("127.0.0.1:" + std::to_string(gateway.port())).value()};
}

void wait_for_echoes(const ClientCrowd& crowd, std::uint64_t more) {
  const std::uint64_t before = crowd.counts().echoes_answered;
  wait_for("echoes", [&] { return crowd.counts().echoes_answered >= before + more; }, 30s);
}

/// Three workers, 600 clients that echo, and how they were spread.
struct Scene {
  Scene() {
    crowd.add(kClients);
    crowd.wait_until_up(kClients);
    crowd.echo(kEchoes);
    wait_for("all loads", [&] {
      int active = 0;
      for (const char* name : {"main/0", "main/1", "main/2"}) active += gateway.endpoint(name).value("active", 0);
      return active == static_cast<int>(kClients);
    });
    of_main_1 = gateway.endpoint("main/1")["active"];
    before = crowd.members();
    REQUIRE(of_main_1 > 0);
    wait_for_echoes(crowd, kClients);
  }

  /// After the end of main/1, when all are back: its clients were cut, once each, and nobody else noticed anything.
  void check_only_one_workers_clients_dropped() {
    wait_for_echoes(crowd, 2 * kClients);
    crowd.echo(0);
    crowd.wait_until_answered();
    const auto counts = crowd.counts();
    const auto after = crowd.members();
    INFO(crowd.faults());
    CHECK(counts.up == kClients);
    CHECK(counts.failed_attempts == 0);
    CHECK(counts.echoes_wrong == 0);
    CHECK(counts.closings == of_main_1);
    std::set<std::string> tags;
    std::set<std::size_t> closed;
    for (const auto& closing : crowd.closings()) {
      CHECK(closing.end == CrowdEnd::kCut);
      tags.insert(closing.token.substr(0, test::CrowdClient::kTag));
      CHECK(closed.insert(closing.client).second);
    }
    CHECK(tags.size() == 1);  // of one worker
    for (std::size_t i = 0; i < kClients; ++i) {
      const bool is_its = tags.contains(before[i].tag);
      INFO("client " << i << (is_its ? " of the worker" : " of another worker"));
      CHECK(closed.contains(i) == is_its);
      if (!is_its) CHECK(after[i].echoes_answered == after[i].echoes_sent);
    }
    const auto latency = crowd.latency();
    WARN("echoes: " << latency.count << ", lost with the worker: " << counts.echoes_lost << ", p99 " << latency.p99
                    << " ms, most " << latency.most << " ms");
  }

  Gateway gateway{{.config = config_of_three_workers()}};
  ClientCrowd crowd{to(gateway)};
  std::size_t of_main_1 = 0;
  std::vector<CrowdMember> before;
};

bool is_replaced(const Gateway& gateway, pid_t worker) {
  const pid_t now = gateway.pid_of("worker", "main/1");
  return now != 0 && now != worker && gateway.endpoint("main/1")["state"] == "ready";
}

}  // namespace

TEST_CASE("a killed worker of three drops its own clients only, all return, and who comes meanwhile gets in",
          "[integration]") {
  Scene scene;
  const pid_t worker = scene.gateway.pid_of("worker", "main/1");
  ClientCrowd meanwhile(to(scene.gateway));
  ::kill(worker, SIGKILL);
  meanwhile.add(50, 5);
  wait_for("its return", [&] { return is_replaced(scene.gateway, worker); }, 20s);
  meanwhile.wait_until_up(50);
  CHECK(meanwhile.counts().failed_attempts == 0);
  scene.crowd.wait_until_up(kClients);
  scene.check_only_one_workers_clients_dropped();
}

TEST_CASE("a stopped worker of three drops its own clients only, all return, and who comes meanwhile gets in",
          "[integration]") {
  Scene scene;
  const pid_t worker = scene.gateway.pid_of("worker", "main/1");
  ::kill(worker, SIGSTOP);
  ClientCrowd meanwhile(to(scene.gateway));
  meanwhile.add(50, 5);
  wait_for("its return", [&] { return is_replaced(scene.gateway, worker); }, 30s);
  meanwhile.wait_until_up(50);
  CHECK(meanwhile.counts().failed_attempts == 0);  // what had been sent to the stopped one, goes to another
  scene.crowd.wait_until_up(kClients);
  scene.check_only_one_workers_clients_dropped();
}

TEST_CASE("a proxy that is killed or stopped drops none, and who comes meanwhile gets in", "[integration]") {
  Scene scene;
  const pid_t proxy = scene.gateway.pid_of("proxy");
  const int signal = GENERATE(SIGKILL, SIGSTOP);
  INFO("signal " << signal);
  ::kill(proxy, signal);
  wait_for("the end of the proxy", [&] { return !test::is_running(proxy); }, 30s);
  ClientCrowd meanwhile(to(scene.gateway));
  meanwhile.add(50, 50);
  meanwhile.wait_until_up(50);
  CHECK(meanwhile.counts().failed_attempts == 0);
  scene.gateway.wait_until_ready();
  wait_for_echoes(scene.crowd, 2 * kClients);
  scene.crowd.echo(0);
  scene.crowd.wait_until_answered();
  const auto counts = scene.crowd.counts();
  CHECK(counts.closings == 0);
  CHECK(counts.up == kClients);
  CHECK(counts.echoes_wrong == 0);
  CHECK(counts.echoes_answered == counts.echoes_sent);
  CHECK(scene.gateway.pid_of("proxy") != proxy);
}
