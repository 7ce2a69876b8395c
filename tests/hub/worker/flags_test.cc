#include "hub/worker/flags.h"

#include "tests/support/catch.h"

namespace hubgate::worker {
namespace {

Flags parse(std::vector<const char*> arguments) { return parse_flags(arguments); }

TEST_CASE("flags take their value behind a space or an equals sign", "[worker][flags]") {
  const Flags flags = parse({"--listen", "unix:/tmp/x", "--keep-alive=200", "--detailed-errors", "--user-from-query"});
  CHECK(flags.server.listen == "unix:/tmp/x");
  CHECK(flags.hub.keep_alive_interval == std::chrono::milliseconds(200));
  CHECK(flags.hub.detailed_errors);
  CHECK(flags.user_from_query);
  CHECK(flags.hub.handshake_timeout == std::chrono::seconds(15));
}

TEST_CASE("a command line that cannot be understood is refused with its reason", "[worker][flags]") {
  CHECK_THROWS_WITH(parse({"--nope"}), "there is no flag '--nope'");
  CHECK_THROWS_WITH(parse({"--listen"}), "--listen needs a value");
  CHECK_THROWS_WITH(parse({"--messagepack=yes"}), "--messagepack takes no value");
  CHECK_THROWS_WITH(parse({"--keep-alive", "0"}), "'0' is no number above 0");
  CHECK_THROWS_WITH(parse({"--keep-alive", "5s"}), "'5s' is no number above 0");
  CHECK_THROWS_AS(parse({"chat"}), UsageError);
}

TEST_CASE("the help names every flag", "[worker][flags]") {
  const std::string help = flags_help();
  CHECK_THAT(help, test::contains("--client-timeout MS"));
  CHECK_THAT(help, test::contains("--user-from-query"));
}

}  // namespace
}  // namespace hubgate::worker
