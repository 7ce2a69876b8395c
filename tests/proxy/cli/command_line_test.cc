#include "proxy/cli/command_line.h"

#include "tests/support/catch.h"

using namespace hubgate::proxy;
using hubgate::test::contains;

namespace {

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "hubgate");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

}  // namespace

TEST_CASE("run takes a file, overrides in order and --dev", "[cli]") {
  const CommandLine line = parse({"run", "--set", "a.b=1", "conf.toml", "--set", "c=x y", "--set=d=[\"e\"]", "--dev"});
  REQUIRE_FALSE(line.exit.has_value());
  CHECK(line.verb == CommandLine::Verb::kRun);
  CHECK(line.gateway.file == "conf.toml");
  CHECK(line.gateway.overrides == std::vector<std::string>{"a.b=1", "c=x y", "d=[\"e\"]"});
  CHECK(line.gateway.dev);
}

TEST_CASE("every verb is known", "[cli]") {
  using Verb = CommandLine::Verb;
  CHECK(parse({"proxy", "f"}).verb == Verb::kProxy);
  CHECK(parse({"check", "f"}).verb == Verb::kCheck);
  CHECK(parse({"reload"}).verb == Verb::kReload);
  CHECK(parse({"version"}).verb == Verb::kVersion);
  CHECK_FALSE(parse({"version"}).exit.has_value());
  const CommandLine status = parse({"status", "--json", "--socket", "/x"});
  CHECK(status.verb == Verb::kStatus);
  CHECK(status.operation.json);
  CHECK(status.operation.socket == "/x");
  CHECK(parse({"status", "--redis"}).operation.redis);
  const CommandLine rebalance = parse({"rebalance", "main"});
  CHECK(rebalance.verb == Verb::kRebalance);
  CHECK(rebalance.operation.subject == "main");
  const CommandLine restart = parse({"restart", "main"});
  CHECK(restart.verb == Verb::kRestart);
  CHECK(restart.operation.subject == "main");
  CHECK(restart.operation.wait);
  CHECK_FALSE(parse({"restart", "main", "--no-wait", "--socket", "/x"}).operation.wait);
  CHECK(parse({"drain", "main/0"}).verb == Verb::kDrain);
  CHECK(parse({"undrain", "main/0"}).verb == Verb::kUndrain);
  CHECK(parse({"diff", "new.toml"}).verb == Verb::kDiff);
  CHECK(parse({"diff", "new.toml"}).operation.subject == "new.toml");
  CHECK(parse({"top"}).verb == Verb::kTop);
  CHECK(parse({"top", "--once"}).operation.once);
}

TEST_CASE("what is no command line exits with 64 and says why", "[cli]") {
  for (const auto& words : std::vector<std::vector<const char*>>{{},
                                                                 {"fly"},
                                                                 {"run"},
                                                                 {"run", "a", "b"},
                                                                 {"run", "a", "--set"},
                                                                 {"reload", "x"},
                                                                 {"restart"},
                                                                 {"drain"},
                                                                 {"status", "--json", "--redis"}}) {
    const CommandLine line = parse(words);
    CHECK(line.exit == kExitUsage);
    CHECK_FALSE(line.text.empty());
  }
}

TEST_CASE("help exits with 0 and names the verbs of operators", "[cli]") {
  const CommandLine line = parse({"--help"});
  CHECK(line.exit == kExitOk);
  for (const char* verb :
       {"run", "check", "reload", "restart", "rebalance", "drain", "undrain", "diff", "status", "top", "version"})
    CHECK_THAT(line.text, contains(verb));
  CHECK(line.text.find("The proxy process") == std::string::npos);
  CHECK(parse({"run", "--help"}).exit == kExitOk);
}
