#include <algorithm>
#include <filesystem>
#include <string>

#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/integration/process_facts.h"
#include "tests/support/catch.h"

// Reloading under load: nobody notices, and nothing piles up.

using namespace hubgate;
using test::connect_clients;
using test::Gateway;

namespace {

constexpr int kReloads = 300;
constexpr int kSettled = 50;
constexpr std::size_t kClients = 500;

// With a route beside the clients': another prefix and another folder for each even number.
std::string with_unrelated_route(int number) {
  return Gateway::usual_config() + "[[route]]\nprefix = \"/files" + std::to_string(number) + "\"\nfolder = \"files" +
         std::to_string(number / 2 % 2) + "\"\n";
}

const char* broken_file(int number) {
  static constexpr const char* kBroken[] = {"[[route]]\nprefix = \n", "[[route]]\nprefix = \"/x\"\npool = \"nobody\"\n",
                                            "nonsense = true\n"};
  return kBroken[number / 6 % 3];
}

}  // namespace

TEST_CASE("300 reloads under 500 echoing connections drop none and leave nothing behind", "[integration]") {
  // Connections to workers that negotiations left behind are gone before anything is counted.
  Gateway gateway({.overrides = {"watch=false", "limits.idle_connection_age=100ms"}});
  for (const char* folder : {"files0", "files1"}) {
    std::filesystem::create_directory(gateway.folder() / folder);
    gateway.folder().write(std::string(folder) + "/name.txt", folder);
  }
  auto clients = connect_clients(gateway, kClients);
  const pid_t proxy = gateway.pid_of("proxy");
  std::uint64_t revision = gateway.status()["revision"];
  std::size_t descriptors = 0;
  long memory = 0;
  int unrelated = 0;

  for (int i = 1; i <= kReloads; ++i) {
    INFO("reload " << i);
    // Half change the unrelated route, every sixth file is broken, the others are what is in force, or it with a limit.
    const bool is_broken = i % 6 == 3;
    const bool changes_route = i % 2 == 0;
    if (changes_route) unrelated = i;
    if (is_broken) {
      gateway.write_config(with_unrelated_route(i) + broken_file(i));
    } else {
      gateway.write_config(with_unrelated_route(unrelated) + (i % 6 == 5 ? "[limits]\nfield_count = 99\n" : ""));
    }
    const std::string text = std::to_string(i);
    for (const auto& client : clients) client->send("Echo", {text}, text);
    REQUIRE(gateway.command({"reload"}) == (is_broken ? 78 : 0));
    for (const auto& client : clients) {
      const auto message = client->next_message();
      REQUIRE(message.has_value());
      REQUIRE((*message)["invocationId"] == text);
      REQUIRE((*message)["result"] == text);
    }

    const auto status = gateway.status();
    REQUIRE(status["last_reload_ok"] == !is_broken);
    REQUIRE(status["last_reload_errors"].empty() == !is_broken);
    if (is_broken) {
      CHECK_THAT(status["last_reload_errors"][0].get<std::string>(), test::contains("hubgate.toml:"));
      REQUIRE(status["revision"] == revision);
    } else if (changes_route) {
      REQUIRE(status["revision"] > revision);
    }
    revision = status["revision"];
    // The last good route is in force, neither the one before it nor a broken file's.
    test::TcpClient browser(gateway.port());
    const auto found = browser.request("GET", "/files" + std::to_string(unrelated) + "/name.txt");
    REQUIRE(found.status == 200);
    REQUIRE(found.body == "files" + std::to_string(unrelated / 2 % 2));
    const int other = is_broken ? i : unrelated - 2;
    REQUIRE(browser.request("GET", "/files" + std::to_string(other) + "/name.txt", false).status == 404);
    browser.wait_for_end();

    if (i == kSettled) {
      test::wait_for("the browser's end in the proxy", [&] { return gateway.status()["downstream_connections"] == 0; });
      descriptors = test::settled_descriptors_of({proxy});
      memory = test::anonymous_memory_of(proxy);
    }
  }

  test::check_all_echo(clients, "after");
  CHECK(std::none_of(clients.begin(), clients.end(), [](auto& client) { return client->has_ended(); }));
  CHECK(gateway.metric("hubgate_proxy_handovers_total{result=\"acked\"}") == kClients);
  CHECK(gateway.pid_of("proxy") == proxy);
  CHECK(test::settled_descriptors_of({proxy}) == descriptors);
  CHECK(memory > 0);
#ifndef __SANITIZE_ADDRESS__  // which keeps freed memory back
  INFO("KiB after " << kSettled << " reloads: " << memory << ", at the end: " << test::anonymous_memory_of(proxy));
  CHECK(test::anonymous_memory_of(proxy) <= memory + 2 * 1024);
#endif
  CHECK(gateway.metric("hubgate_proxy_config_revisions_alive") == 1);
}
