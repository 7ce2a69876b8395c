#include <fstream>
#include <string>

#include "tests/chaos/gateway_watch.h"
#include "tests/chaos/log_line.h"
#include "tests/chaos/message_name.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

// What the run reads: names of messages, and lines of the gateway's log.

using namespace hubgate;
using chaos::LogLine;
using chaos::MessageName;

TEST_CASE("a message's name comes back from its text, with its padding", "[chaos]") {
  const MessageName name{.message = 731, .session = 12, .channel = -1, .number = 4, .padding = GENERATE(0u, 1u, 500u)};
  CHECK(MessageName::parse(name.to_text()) == name);
}

TEST_CASE("a changed or foreign text names no message", "[chaos]") {
  const std::string text = MessageName{.message = 7, .session = 1, .channel = 2, .number = 3, .padding = 4}.to_text();
  CHECK_FALSE(MessageName::parse("").has_value());
  CHECK_FALSE(MessageName::parse("hello").has_value());
  CHECK_FALSE(MessageName::parse("m|7|1|2").has_value());
  CHECK_FALSE(MessageName::parse("m|7|1||3|").has_value());
  CHECK_FALSE(MessageName::parse(text + "x").has_value());
  CHECK(MessageName::parse(text.substr(0, text.size() - 1)) != MessageName::parse(text));
}

TEST_CASE("a line of the log gives its tag, time, event and fields", "[chaos]") {
  const auto line = LogLine::parse(
      R"x([main/0 4711] 2026-11-25T17:27:10.435Z warning "redis down" name=Demo.Hub error="Redis closed (ended)" left=3)x");
  REQUIRE(line.has_value());
  CHECK(line->tag == "main/0 4711");
  CHECK(line->time == std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + std::chrono::hours(17) +
                          std::chrono::minutes(27) + std::chrono::milliseconds(10'435));
  CHECK(line->event == "redis down");
  CHECK(line->field("name") == "Demo.Hub");
  CHECK(line->field("error") == "Redis closed (ended)");
  CHECK(line->number("left") == 3);
  CHECK(line->field("ame").empty());
  CHECK(LogLine::parse("2026-11-25T17:27:10.435Z info reloaded revision=2")->event == "reloaded");
  CHECK_FALSE(LogLine::parse("[redis] 30139:C 25 Nov 2026 17:27:07.091 # Redis is starting").has_value());
  CHECK_FALSE(LogLine::parse("").has_value());
}

namespace {

struct Watched {
  chaos::RunClock clock;
  chaos::Facts facts;
  chaos::GatewayWatch watch{"", clock, facts};

  /// The lines of a worker's start, as the proxy logs them.
  chaos::Worker& start_worker() {
    watch.take(R"(2026-11-25T17:27:07.102Z info "worker started" worker=main/0 pid=4711 generation=17)");
    watch.take(R"(2026-11-25T17:27:07.102Z info "endpoint added" pool=main endpoint=main/0 id=99 generation=17)");
    return facts.workers.at({99, 17});
  }
};

}  // namespace

TEST_CASE("a worker is without Redis until its hub's links are ready, and between down and ready", "[chaos]") {
  Watched f;
  chaos::Worker& worker = f.start_worker();
  CHECK(worker.name == "main/0");
  CHECK(worker.redis_down.is_open());
  f.watch.take(
      R"([main/0 4711] 2026-11-25T17:27:07.200Z info "redis ready" redis=unix:/a name=Demo.ChatHub channels=4)");
  CHECK(worker.redis_down.is_open());  // another hub's
  f.watch.take(
      R"([main/0 4712] 2026-11-25T17:27:07.200Z info "redis ready" redis=unix:/a name=Demo.BenchHub channels=4)");
  CHECK(worker.redis_down.is_open());  // another generation's
  f.watch.take(
      R"([main/0 4711] 2026-11-25T17:27:07.200Z info "redis ready" redis=unix:/a name=Demo.BenchHub channels=4)");
  CHECK_FALSE(worker.redis_down.is_open());
  f.watch.take(
      R"([main/0 4711] 2026-11-25T17:27:09.000Z warning "redis down" redis=unix:/a name=Demo.BenchHub error=x)");
  CHECK(worker.redis_down.is_open());
}

TEST_CASE("an end in order is told from another one, and a drain from both", "[chaos]") {
  Watched f;
  chaos::Worker& worker = f.start_worker();
  CHECK(f.watch.living_workers() == std::vector{&worker});
  f.watch.take(R"(2026-11-25T17:27:08.000Z info "worker drains" worker=main/0 pid=4711 generation=17 leaves=true)");
  CHECK(worker.can_drain_from != chaos::kNever);
  CHECK_FALSE(worker.ended.has_value());
  const bool orderly = GENERATE(true, false);
  f.watch.take(std::string(R"(2026-11-25T17:27:09.000Z info "worker ended" worker=main/0 pid=4711 generation=17 )") +
               (orderly ? "exit=0 signal=0" : "exit=-1 signal=11"));
  CHECK(worker.orderly == orderly);
  CHECK(f.watch.living_workers().empty());
}

TEST_CASE("the log is read as it grows, line by line", "[chaos]") {
  test::TemporaryFolder folder;
  const std::string file =
      folder.write("log", "2026-11-25T17:27:07.069Z info \"proxy works\" pid=30 first=true\n2026-");
  chaos::RunClock clock;
  chaos::Facts facts;
  chaos::GatewayWatch watch(file, clock, facts);
  watch.look();
  CHECK(watch.proxy() == 30);
  std::ofstream(file, std::ios::app) << "11-25T17:27:08.000Z info \"proxy works\" pid=31 first=false\n";
  watch.look();
  CHECK(watch.proxy() == 31);
}
