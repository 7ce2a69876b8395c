#include "common/base/log.h"

#include <vector>

#include "tests/support/catch.h"
#include "tests/support/memory_log.h"

using namespace hubgate;

TEST_CASE("a log line has a fixed event and its facts as fields", "[base][log]") {
  test::MemoryLog log;
  log->info("endpoint down", {{"pool", "main"}, {"tries", 3}, {"rate", 0.5}, {"last", true}});
  REQUIRE(log.lines().size() == 1);
  CHECK_THAT(log.lines()[0], test::contains(" info \"endpoint down\" pool=main tries=3 rate=0.5 last=true"));
}

TEST_CASE("a peer's bytes cannot forge a second log line", "[base][log]") {
  test::MemoryLog log;
  log->warn("bad", {{"what", "a\nb \"c\" \x7f"}, {"empty", ""}});
  REQUIRE(log.lines().size() == 1);
  CHECK_THAT(log.lines()[0], test::contains(R"(what="a\x0ab \"c\" \x7f" empty="")"));
}

TEST_CASE("what is below the level is not written", "[base][log]") {
  test::MemoryLog log(LogLevel::kWarn);
  log->info("quiet");
  CHECK(log.lines().empty());
  log->set_level(LogLevel::kDebug);
  log->debug("loud");
  CHECK(log.lines().size() == 1);
}

TEST_CASE("level names are read strictly", "[base][log]") {
  LogLevel level = LogLevel::kInfo;
  CHECK(parse_log_level("debug", level));
  CHECK(level == LogLevel::kDebug);
  CHECK_FALSE(parse_log_level("Debug", level));
}
