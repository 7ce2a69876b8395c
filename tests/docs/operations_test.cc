#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

// docs/operations.md lists every event of the log and every metric, and conf/grafana.json shows some of them: both are
// compared with the text of the sources.

using hubgate::test::TemporaryFolder;

namespace {

std::string all_sources() {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("src")) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".cc") || name.ends_with(".h")) all += TemporaryFolder::read(entry.path()) + "\n";
  }
  return all;
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex expression(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

// What is logged: of `log_.info(` the texts up to the first comma or the closing parenthesis, since an event may be
// one of two.
std::map<std::string, std::set<std::string>> events_in(const std::string& sources) {
  std::map<std::string, std::set<std::string>> events;  // levels by event
  const std::regex call(R"(log_?(?:\.|->)(trace|debug|info|warn|error)\()");
  for (std::sregex_iterator at(sources.begin(), sources.end(), call), end; at != end; ++at) {
    std::size_t place = static_cast<std::size_t>(at->position() + at->length());
    std::string text;
    for (bool quoted = false; place < sources.size(); ++place) {
      const char c = sources[place];
      if (c == '"') {
        if (quoted) events[std::exchange(text, "")].insert((*at)[1]);
        quoted = !quoted;
      } else if (quoted) {
        text += c;
      } else if (c == ',' || c == ')') {
        break;
      }
    }
  }
  return events;
}

// Rows "| `word` | second column |" below a heading.
std::map<std::string, std::string> rows_below(const std::string& document, const std::string& heading) {
  const std::size_t begin = document.find("\n" + heading + "\n");
  REQUIRE(begin != std::string::npos);
  const std::string section = document.substr(begin + 1, document.find("\n## ", begin + 2) - begin - 1);
  std::map<std::string, std::string> rows;
  const std::regex row("\n\\| `([^`]+)` \\| ([^|]*) \\|");
  for (std::sregex_iterator at(section.begin(), section.end(), row), end; at != end; ++at) {
    CAPTURE((*at)[1]);
    CHECK(rows.emplace((*at)[1], (*at)[2]).second);
  }
  return rows;
}

std::string operations() { return TemporaryFolder::read("docs/operations.md"); }

}  // namespace

TEST_CASE("docs/operations.md lists each event of the log with its levels, and no other", "[docs]") {
  const auto known = events_in(all_sources());
  const auto documented = rows_below(operations(), "## Events of the log");
  CHECK(known.size() > 60);
  for (const auto& [event, levels] : known) {
    CAPTURE(event);
    const auto row = documented.find(event);
    CHECK(row != documented.end());
    if (row == documented.end()) continue;
    for (const std::string& level : levels) CHECK_THAT(row->second, hubgate::test::contains(level));
  }
  for (const auto& [event, level] : documented) {
    CAPTURE(event);
    CHECK(known.contains(event));
  }
}

TEST_CASE("docs/operations.md lists each metric, and no other", "[docs]") {
  const auto known = matches(all_sources(), "\"(hubgate_(?:proxy|hub|redis)_[a-z0-9_]+)\"");
  const auto documented = rows_below(operations(), "## Metrics");
  CHECK(known.size() > 50);
  for (const std::string& name : known) {
    CAPTURE(name);
    CHECK(documented.contains(name));
    if (name.ends_with("_total") && documented.contains(name)) CHECK(documented.at(name) == "counter");
  }
  for (const auto& [name, kind] : documented) {
    CAPTURE(name);
    CHECK(known.contains(name));
  }
}

TEST_CASE("the Grafana board shows metrics that exist", "[docs]") {
  const std::string text = TemporaryFolder::read("conf/grafana.json");
  REQUIRE(nlohmann::json::accept(text));
  const auto documented = rows_below(operations(), "## Metrics");
  std::string queries;
  std::size_t panels = 0;
  const nlohmann::json board = nlohmann::json::parse(text);
  for (const auto& panel : board["panels"]) {
    if (!panel.contains("targets")) continue;
    ++panels;
    for (const auto& target : panel["targets"]) queries += target["expr"].get<std::string>() + "\n";
  }
  CHECK(panels > 20);
  const auto named = matches(queries, "(hubgate_[a-z0-9_]+)");
  CHECK(named.size() > 25);
  for (std::string name : named) {
    CAPTURE(name);
    for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    }
    CHECK(documented.contains(name));
  }
}
