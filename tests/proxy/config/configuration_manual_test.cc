#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "proxy/config/load_proxy_config.h"
#include "proxy/config/snapshot.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

// The table of docs/configuration.md, compared with what the program reads.

using namespace hubgate;
using namespace hubgate::proxy;
using test::TemporaryFolder;

namespace {

struct Row {
  std::string type;
  std::string default_value;  // as TOML; "required", "none": there is none
  std::string reload;
};

// By key; "| `limits.queue_wait` | time | `"5s"` | yes | … |".
std::map<std::string, Row> manual() {
  const std::string text = TemporaryFolder::read("docs/configuration.md");
  std::map<std::string, Row> rows;
  const std::regex row("\n\\| `([^`]+)` \\| ([^|]+) \\| `?([^|`]+)`? \\| ([a-z]+) \\| [^|]+ \\|");
  for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at) {
    CAPTURE((*at)[1]);
    CHECK(rows.emplace((*at)[1], Row{(*at)[2], (*at)[3], (*at)[4]}).second);
  }
  return rows;
}

// The smallest configuration with one of each table, and what is put over it.
LoadedConfig load(const std::vector<std::string>& overrides, const std::string& more = {}) {
  return load_proxy_config(
      {"/etc/hubgate/hubgate.toml",
       "[listener.NAME]\nlisten = \"127.0.0.1:1\"\n[pool.NAME]\ncommand = [\"worker\"]\n[[route]]\n"
       "prefix = \"/x\"\npool = \"NAME\"\n" +
           more,
       overrides, false});
}

std::string override_of(const std::string& key, const std::string& value) {
  return (key.starts_with("route.") ? "route.0." + key.substr(6) : key) + "=" + value;
}

// Another value than the default, or than the one in load(); empty where neither table nor type tells one.
std::string other_value(const std::string& key, const Row& row) {
  static const std::map<std::string, std::string> kOf = {
      {"redis", "\"unix:/redis\""},
      {"user", "\"daemon\""},
      {"redis_group", "\"daemon\""},
      {"log.level", "\"debug\""},
      {"access_log.target", "\"stdout\""},
      {"access_log.format", "\"text\""},
      {"admin.hosts", "[\"other\"]"},
      {"listener.NAME.trusted_cidrs", "[\"10.1.0.0/16\"]"},
      {"pool.NAME.command", "[\"other\"]"},
      {"pool.NAME.handover", "\"off\""},
      {"pool.NAME.balance", "\"round_robin\""},
      {"pool.NAME.endpoints", "[\"127.0.0.1:8\"]"},
      {"pool.NAME.health.path", "\"/healthz\""},
      {"route.prefix", "\"/other\""},
      {"route.listeners", "[\"NAME\"]"},
  };
  if (const auto place = kOf.find(key); place != kOf.end()) return place->second;
  if (row.type == "path") return "\"/other\"";
  if (row.type == "address") return "\"127.0.0.1:9\"";
  if (row.type == "text") return "\"other\"";
  if (row.type == "time") return "\"77s\"";
  if (row.type == "size") return "\"9KiB\"";
  if (row.type == "number") return "9";
  if (row.type == "true/false") return row.default_value == "true" ? "false" : "true";
  return {};
}

}  // namespace

TEST_CASE("the manual has a row for each key that is read, and no other", "[config]") {
  const auto rows = manual();
  std::set<std::string> known;
  const LoadedConfig all = load({"listener.NAME.tls={certificate=\"a\",key=\"b\"}", "log.level=\"info\"",
                                 "access_log.target=\"\"", "admin.hosts=[]", "pool.NAME.health={}",
                                 "limits.queue_wait=\"1s\"", "backplane.prefix=\"\"", "rest.key_files=[]"});
  for (std::string key : all.known_keys) {
    if (key.starts_with("route.")) key = "route." + key.substr(key.find('.', 6) + 1);
    known.insert(std::move(key));
  }
  // Tables are no keys.
  std::erase_if(known, [&](const std::string& key) {
    return std::any_of(known.begin(), known.end(),
                       [&](const std::string& other) { return other.starts_with(key + "."); });
  });
  known.erase("route.0");
  CHECK(rows.size() > 60);
  for (const std::string& key : known) {
    CAPTURE(key);
    CHECK(rows.contains(key));
  }
  for (const auto& [key, row] : rows) {
    CAPTURE(key);
    CHECK(known.contains(key));
  }
}

TEST_CASE("the defaults of the manual are the program's", "[config]") {
  const LoadedConfig base = load({});
  REQUIRE(base.config.has_value());
  for (const auto& [key, row] : manual()) {
    if (row.default_value == "required" || row.default_value == "none") continue;
    CAPTURE(key, row.default_value);
    const LoadedConfig loaded = load({override_of(key, row.default_value)});
    for (const std::string& error : loaded.errors) UNSCOPED_INFO(error);
    REQUIRE(loaded.config.has_value());
    CHECK(*loaded.config == *base.config);
    // And it is read at all: another value makes a difference, or is refused.
    const std::string other = other_value(key, row);
    if (other.empty()) continue;
    const LoadedConfig changed = load({override_of(key, other)});
    if (changed.config) CHECK_FALSE(*changed.config == *base.config);
  }
}

TEST_CASE("the manual says of each key whether a reload is enough", "[config]") {
  // Some keys need others.
  const std::vector<std::string> usual = {"listener.NAME.tls={certificate=\"/c\",key=\"/k\"}",
                                          "listener.NAME.trusted_cidrs=[\"10.0.0.0/8\"]"};
  const std::vector<std::string> remote = {"pool.NAME.command=[]", "pool.NAME.endpoints=[\"127.0.0.1:9\"]"};
  std::set<std::string> untried;
  for (const auto& [key, row] : manual()) {
    CAPTURE(key);
    CHECK((row.reload == "yes" || row.reload == "restart"));
    const std::string other = other_value(key, row);
    std::vector<std::string> overrides =
        key == "pool.NAME.endpoints" || key.starts_with("pool.NAME.health.") ? remote : usual;
    const LoadedConfig base = load(overrides);
    REQUIRE(base.config.has_value());
    overrides.push_back(override_of(key, other));
    LoadedConfig changed = other.empty() ? LoadedConfig{} : load(overrides);
    if (!changed.config) {
      untried.insert(key);
      continue;
    }
    const ReloadPlan plan = plan_reload(*make_snapshot(*base.config), *std::move(changed.config));
    CHECK(plan.needs_restart.empty() == (row.reload == "yes"));
    CHECK(plan.changes.empty() == (row.reload == "restart"));
  }
  // Those that cannot be changed alone, or to one value only.
  CHECK(untried == std::set<std::string>{"backplane.scoped_sends", "rest.key_files", "route.folder", "route.pool"});
}
