#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/net/tls_context.h"
#include "tests/integration/client_crowd.h"
#include "tests/integration/gateway.h"
#include "tests/integration/process_facts.h"
#include "tests/integration/request_stream.h"
#include "tests/support/catch.h"

// A thousand random reloads under 500 handed-over connections, 200 relayed ones and 200 requests a second: nothing
// whose endpoint still exists is cut, no request fails, and nothing piles up.

using namespace hubgate;
using test::ClientCrowd;
using test::Gateway;
using test::RequestStream;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

constexpr int kReloads = 1000;
constexpr int kSettled = 200;          // reloads before the first count
constexpr std::size_t kRestless = 40;  // clients that come and go, so that workers that were added have some

/// What a configuration says in those places that change.
struct Wanted {
  std::uint64_t main_workers = 2;
  std::uint64_t relay_workers = 1;
  std::uint64_t field_count = 100;
  std::uint64_t queue_wait = 5;
  std::uint64_t idle_connections = 32;
  std::uint64_t pending = 1;  // MiB
  std::uint64_t files = 0;    // the number in a route's prefix; its folder is files0 or files1
  bool has_socket = false;    // one more listener
};

/// Folders, pairs of certificate and key, and the text of a configuration that uses them.
class Site {
 public:
  Site() {
    for (const char* name : {"a", "b"}) {
      REQUIRE(
          net::make_self_signed_pair(folder_ / (std::string(name) + ".crt"), folder_ / (std::string(name) + ".key")));
    }
    install("a", "a");
    for (const char* name : {"files0", "files1"}) {
      std::filesystem::create_directory(folder_ / name);
      folder_.write(std::string(name) + "/name.txt", name);
    }
  }
  /// Puts the files in place as an operator's tool does: whole, by rename.
  void install(const std::string& certificate, const std::string& key) {
    for (const auto& [from, to] : {std::pair(certificate + ".crt", "live.crt"), std::pair(key + ".key", "live.key")}) {
      std::filesystem::copy_file(folder_ / from, folder_ / "new");
      std::filesystem::rename(folder_ / "new", folder_ / to);
    }
  }

  std::string text(const Wanted& wanted) const {
    const auto number = [](std::uint64_t value) { return std::to_string(value); };
    const auto pool = [&](const std::string& name, std::uint64_t workers, const std::string& handover) {
      return "[pool." + name + "]\ncommand = [\"hubgate-worker\"]\nworkers = " + number(workers) + "\nhandover = \"" +
             handover + "\"\ndrain_time = \"1s\"\n";
    };
    const auto bench = [](const std::string& pool_name, const std::string& listeners) {
      return "[[route]]\nprefix = \"/bench\"\npool = \"" + pool_name + "\"\nlisteners = [" + listeners + "]\n";
    };
    const auto files = [&](const std::string& prefix, const std::string& name) {
      return "[[route]]\nprefix = \"" + prefix + "\"\nfolder = \"" + folder_ / name + "\"\n";
    };
    std::string config = R"(runtime_dir = "run"
state_dir = "state"
stop_time = "2s"
watch = false
[admin]
listen = "127.0.0.1:0"
[listener.public]
listen = "127.0.0.1:0"
[listener.relay]
listen = "127.0.0.1:0"
[listener.secure]
listen = "127.0.0.1:0"
)";
    config += "tls = {certificate = \"" + folder_ / "live.crt" + "\", key = \"" + folder_ / "live.key" + "\"}\n";
    if (wanted.has_socket) config += "[listener.socket]\nlisten = \"unix:client.sock\"\n";
    config += "[limits]\nidle_connection_age = \"100ms\"\nfield_count = " + number(wanted.field_count) +
              "\nqueue_wait = \"" + number(wanted.queue_wait) +
              "s\"\nidle_connections = " + number(wanted.idle_connections) + "\nmax_pending_bytes = \"" +
              number(wanted.pending) + "MiB\"\n";
    config += pool("main", wanted.main_workers, "auto") + pool("relay", wanted.relay_workers, "off");
    config += bench("main", R"("public", "secure")") + bench("relay", R"("relay")");
    return config + files("/page", "files0") +
           files("/files" + number(wanted.files), "files" + number(wanted.files % 2));
  }

 private:
  test::TemporaryFolder folder_;
};

/// One change at random. Broken ones say what is wrong, and leave `wanted` alone.
class Change {
 public:
  Change(Random& random, Site& site, Wanted& wanted, int number) {
    switch (random.below(8)) {
      case 0: wanted.main_workers = 2 + random.below(3); break;
      case 1: wanted.relay_workers = 1 + random.below(2); break;
      case 2:
        wanted.field_count = 90 + random.below(11);
        wanted.queue_wait = 5 + random.below(5);
        break;
      case 3:
        wanted.idle_connections = 16 + random.below(17);
        wanted.pending = 1 + random.below(3);
        break;
      case 4: wanted.has_socket = !wanted.has_socket; break;
      case 5: certificate(random, site); break;
      case 6: broken_ = kBroken[random.below(std::size(kBroken))]; break;
      default: wanted.files = static_cast<std::uint64_t>(number);
    }
  }
  /// Behind the good text.
  const std::string& broken() const { return broken_; }
  bool is_refused() const { return !broken_.empty() || bad_pair_; }

 private:
  static constexpr const char* kBroken[] = {
      "[[route]]\nprefix = \n",
      "[[route]]\nprefix = \"/x\"\npool = \"nobody\"\n",
      "[pool.more]\ncommand = [\"hubgate-worker\"]\nworkers = 0\n",
      "[listener.more]\nlisten = \"nowhere\"\n",
      "[listener.more]\nlisten = \"127.0.0.1:0\"\ntls = {certificate = \"missing.crt\", key = \"missing.key\"}\n",
      "[pool.more]\nnonsense = true\n"};

  void certificate(Random& random, Site& site) {
    const bool first = random.below(2) == 0;
    bad_pair_ = random.below(3) == 0;
    const std::string name = first ? "a" : "b";
    site.install(name, (first != bad_pair_) ? "a" : "b");
  }

  std::string broken_;
  bool bad_pair_ = false;
};

net::Address listener_of(const Gateway& gateway, const std::string& name) {
  const auto status = gateway.status();
  for (const auto& one : status["listeners"]) {
    if (one["name"] == name) return net::Address::parse(one["address"].get<std::string>()).value();
  }
  FAIL("no listener " << name);
  return {};
}

void connect_all(ClientCrowd& crowd, std::size_t count) {
  crowd.add(count);
  crowd.wait_until_up(count);
}

std::set<std::string> tags_of(const std::vector<test::CrowdMember>& members) {
  std::set<std::string> tags;
  for (const auto& member : members) tags.insert(member.tag);
  return tags;
}

/// What there is when nothing but the connections that stay is left.
struct Footprint {
  std::size_t descriptors = 0;    // of all processes
  std::vector<long> memory = {};  // KiB, of the proxy and of the workers that stay
};

std::uint64_t seed() {
  const char* wanted = std::getenv("HUBGATE_SHOW_SEED");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1;
}

}  // namespace

TEST_CASE("1,000 random reloads cut nothing, fail no request and leave nothing behind", "[integration]") {
  SeededRandom random(seed());
  Site site;
  Wanted wanted;
  Gateway gateway({.config = site.text(wanted)});
  const auto tls = net::TlsContext::make_client("", false).value();
  const auto open = listener_of(gateway, "public");
  const auto relay = listener_of(gateway, "relay");
  const auto secure = listener_of(gateway, "secure");
  ClientCrowd handed_over({.server = open});
  ClientCrowd tunnels({.server = relay});
  ClientCrowd over_tls({.server = secure, .tls = tls});
  ClientCrowd restless({.server = open});
  connect_all(handed_over, 500);
  connect_all(tunnels, 100);
  connect_all(over_tls, 100);
  // Whom they are at now is never removed.
  std::set<std::string> stay = tags_of(handed_over.members());
  REQUIRE(stay.size() == 2);
  REQUIRE(gateway.metric("hubgate_proxy_handovers_total{result=\"acked\"}") == 500);
  for (const auto& tag : tags_of(tunnels.members())) stay.insert(tag);
  REQUIRE(stay.size() == 3);
  connect_all(restless, kRestless);

  RequestStream pages(open, nullptr,
                      {{"GET", "/page/name.txt", "files0"}, {"POST", "/bench/negotiate?negotiateVersion=1"}});
  RequestStream secure_pages(secure, tls,
                             {{"GET", "/page/name.txt", "files0"}, {"POST", "/bench/negotiate?negotiateVersion=1"}});
  const std::vector<ClientCrowd*> lasting = {&handed_over, &tunnels, &over_tls};
  const auto begin_traffic = [&] {
    pages.send(100);
    secure_pages.send(100);
    handed_over.echo(250);
    tunnels.echo(50);
    over_tls.echo(50);
  };
  const std::vector<pid_t> kept = {gateway.pid_of("proxy"), gateway.pid_of("worker", "main/0"),
                                   gateway.pid_of("worker", "main/1"), gateway.pid_of("worker", "relay/0")};
  const auto footprint = [&] {
    pages.pause();
    secure_pages.pause();
    restless.stop();
    Wanted least = wanted;
    least.main_workers = 2;
    least.relay_workers = 1;
    least.has_socket = false;
    site.install("a", "a");
    gateway.write_config(site.text(least));
    REQUIRE(gateway.command({"reload"}) == 0);
    wanted = least;
    wait_for(
        "the end of what was added",
        [&] {
          const auto status = gateway.status();
          return status["pools"][0]["endpoints"].size() == 2 && status["pools"][1]["endpoints"].size() == 1;
        },
        20s);
    // The clients that stay, and whose tokens nobody has used by now; those go with a time-out of the worker's.
    Footprint found{test::settled_descriptors_of(gateway.all_pids()), {}};
    for (const pid_t pid : kept) found.memory.push_back(test::anonymous_memory_of(pid));
    return found;
  };

  begin_traffic();
  Footprint before;
  std::uint64_t revision = gateway.status()["revision"];
  int refused = 0;
  for (int i = 1; i <= kReloads; ++i) {
    INFO("reload " << i);
    const Wanted last = wanted;
    const Change change(random, site, wanted, i);
    gateway.write_config(site.text(wanted) + change.broken());
    const int code = gateway.command({"reload"});
    INFO(test::TemporaryFolder::read(gateway.folder() / "command"));
    REQUIRE(code == (change.is_refused() ? 78 : 0));
    if (change.is_refused()) {
      ++refused;
      wanted = last;
      site.install("a", "a");
    }
    restless.renew(2);
    if (i % 10 == 0) {
      const auto status = gateway.status();
      REQUIRE(status["last_reload_ok"] == !change.is_refused());
      REQUIRE(status["last_reload_errors"].empty() == !change.is_refused());
      REQUIRE(status["revision"] >= revision);
      revision = status["revision"];
      // The last good route is in force, neither the one before it nor a broken file's.
      test::TcpClient browser(gateway.port());
      const std::string number = std::to_string(wanted.files);
      REQUIRE(browser.request("GET", "/files" + number + "/name.txt").body ==
              "files" + std::to_string(wanted.files % 2));
      REQUIRE(browser.request("GET", "/files" + number + "1/name.txt", false).status == 404);
    }
    if (i == kSettled) {
      before = footprint();
      restless.renew(kRestless);
      restless.wait_until_up(kRestless);
      begin_traffic();
    }
  }
  const Footprint after = footprint();

  for (ClientCrowd* crowd : lasting) {
    crowd->echo(0);
    crowd->wait_until_answered();
    INFO(crowd->faults());
    const auto counts = crowd->counts();
    CHECK(counts.closings == 0);
    CHECK(counts.echoes_answered == counts.echoes_sent);
    CHECK(counts.echoes_wrong == 0);
  }
  // Who was at a worker that was taken away was told to come back, and came.
  INFO(restless.faults());
  CHECK(restless.counts().failed_attempts == 0);
  std::size_t sent_away = 0;
  for (const auto& closing : restless.closings()) {
    CHECK(closing.end == test::CrowdEnd::kCloseReconnect);
    CHECK_FALSE(stay.contains(closing.token.substr(0, test::CrowdClient::kTag)));
    ++sent_away;
  }
  CHECK(sent_away > 0);
  std::uint64_t requests = 0;
  for (const RequestStream* stream : {&pages, &secure_pages}) {
    INFO(stream->faults());
    const auto counts = stream->counts();
    requests += counts.answered;
    CHECK(counts.wrong == 0);
    CHECK(counts.cut == 0);
    CHECK(counts.answered == counts.sent);
  }
  CHECK(refused > kReloads / 10);
  for (const pid_t pid : kept) CHECK(test::is_running(pid));
  CHECK(gateway.metric("hubgate_proxy_config_revisions_alive") == 1);
  CHECK(after.descriptors == before.descriptors);
  WARN(kReloads << " reloads, " << refused << " refused; " << requests << " requests; " << sent_away
                << " clients sent away; KiB of proxy, main/0, main/1, relay/0 after " << kSettled << ": "
                << before.memory[0] << " " << before.memory[1] << " " << before.memory[2] << " " << before.memory[3]
                << ", at the end: " << after.memory[0] << " " << after.memory[1] << " " << after.memory[2] << " "
                << after.memory[3]);
#ifndef __SANITIZE_ADDRESS__  // which keeps freed memory back
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(after.memory[i] <= before.memory[i] + 2 * 1024);
#endif
}
