#include <cctype>
#include <filesystem>
#include <set>

#include "proxy/config/load_proxy_config.h"
#include "tests/proxy/config/load_text.h"
#include "tests/support/temporary_folder.h"

// conf/hubgate.toml is the manual of all keys: it must say what the structs say.

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;

namespace {

std::string shipped() { return TemporaryFolder::read("conf/hubgate.toml"); }

// The text with every key that is behind a '#' without a space.
std::string with_all_keys(const std::string& text) {
  std::string all;
  bool line_start = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_key =
        line_start && text[i] == '#' && i + 1 < text.size() && std::isalpha(static_cast<unsigned char>(text[i + 1]));
    line_start = text[i] == '\n';
    if (!is_key) all += text[i];
  }
  return all;
}

// Dotted keys of a text whose tables and keys stand at the start of lines; [[route]] without its number.
std::set<std::string> keys_of(const std::string& text) {
  std::set<std::string> keys;
  std::string table;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    start = end + 1;
    if (line.starts_with("[[")) {
      table = line.substr(2, line.find("]]") - 2) + ".";
    } else if (line.starts_with('[')) {
      table = line.substr(1, line.find(']') - 1) + ".";
    } else if (!line.empty() && std::isalpha(static_cast<unsigned char>(line[0]))) {
      keys.insert(table + line.substr(0, line.find(' ')));
    }
  }
  return keys;
}

LoadedConfig load_shipped(std::string text) {
  return load_proxy_config({"conf/hubgate.toml", std::move(text), {}, false});
}

}  // namespace

TEST_CASE("the shipped configuration is the demo", "[config]") {
  const LoadedConfig loaded = load_shipped(shipped());
  for (const std::string& error : loaded.errors) UNSCOPED_INFO(error);
  REQUIRE(loaded.config.has_value());
  ProxyConfig expected;
  expected.listeners = {{"public", "127.0.0.1:8080", std::nullopt}};
  expected.pools = {{.name = "main", .command = {"hubgate-worker"}, .workers = 2}};
  expected.routes = {{"/chat", "main", "", false, {}},
                     {"/bench", "main", "", false, {}},
                     {"/", "", (std::filesystem::current_path() / "examples/chat_web/site").string(), false, {}}};
  CHECK(*loaded.config == expected);
}

TEST_CASE("every commented key of the shipped configuration stands at its default", "[config]") {
  const LoadedConfig active = load_shipped(shipped());
  const LoadedConfig all = load_shipped(with_all_keys(shipped()));
  for (const std::string& error : all.errors) UNSCOPED_INFO(error);
  REQUIRE(active.config.has_value());
  REQUIRE(all.config.has_value());
  CHECK(*all.config == *active.config);
}

TEST_CASE("the shipped configuration shows every key that is known", "[config]") {
  const std::string text = with_all_keys(shipped());
  const std::set<std::string> shown = keys_of(text);
  CHECK(shown.size() > 50);
  // What excludes another key of the same table, or has none of its own, is explained in a comment instead.
  const std::set<std::string> in_comments = {"pool.main.endpoints", "listener.public.tls"};
  std::set<std::string> tables = {"log",       "access_log",      "admin", "limits", "backplane",
                                  "rest",      "listener",        "pool",  "route",  "listener.public",
                                  "pool.main", "pool.main.health"};
  for (std::string key : load_shipped(text).known_keys) {
    if (key.starts_with("route.")) key = "route." + key.substr(key.find('.', 6) + 1);
    if (tables.contains(key)) continue;
    CAPTURE(key);
    CHECK((shown.contains(key) || in_comments.contains(key)));
    if (in_comments.contains(key)) CHECK_THAT(shipped(), contains(key.substr(key.rfind('.') + 1) + " = "));
  }
}

TEST_CASE("the example configurations pass every check but what this machine lacks", "[config]") {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("conf/examples")) {
    ++count;
    CAPTURE(entry.path());
    ::setenv("HUBGATE_REDIS", "redis://h", 1);
    const auto loaded = load_proxy_config({entry.path(), TemporaryFolder::read(entry.path()), {"user="}, false});
    CHECK(loaded.errors == std::vector<std::string>{});
  }
  CHECK(count >= 3);
}
