#include "proxy/access/handed_over_book.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;

namespace {

constexpr EndpointKey kWorker{7, 1000};
constexpr EndpointKey kOther{8, 1000};

struct Fixture {
  Fixture() { access.apply({.target = folder / "access.log"}); }

  void give(const std::string& id, EndpointKey worker = kWorker) {
    WebSocketFacts facts;
    facts.request_id = id;
    facts.client = "192.0.2.7:50000";
    facts.path = "/chat";
    facts.route = "/chat";
    facts.pool = "main";
    facts.endpoint = "main/0";
    facts.key = worker;
    facts.revision = 3;
    facts.way = AccessRecord::Way::kHandover;
    facts.affinity = Affinity::kFound;
    facts.action = AffinityAction::kBound;
    facts.opened = clock.now();
    book.given(std::move(facts));
  }
  void take(const std::string& id) {
    AccessRecord opening;
    opening.kind = AccessRecord::Kind::kWebSocketOpened;
    opening.request_id = id;
    book.taken(kWorker, id, opening);
  }
  static control::ClosedRecord report(const std::string& id, const std::string& reason = "client_close") {
    control::ClosedRecord report;
    report.request_id = id;
    report.reason = reason;
    report.by = control::ClosedBy::kClient;
    report.code = 1000;
    report.bytes_in = 10;
    report.frames_out = 4;
    report.address = "192.0.2.7:50000";
    report.path = "/chat";
    report.opened = 1;
    return report;
  }
  // "open one", "close one client_close", …
  std::vector<std::string> records() {
    loop.turn(false);
    std::vector<std::string> all;
    std::istringstream lines(TemporaryFolder::read(folder / "access.log"));
    for (std::string line; std::getline(lines, line);) {
      last = nlohmann::json::parse(line);
      const bool is_end = last["record"] == "websocket_close";
      all.push_back((is_end ? "close " : "open ") + last["id"].get<std::string>() +
                    (is_end ? " " + last["reason"].get<std::string>() : ""));
    }
    return all;
  }

  TemporaryFolder folder;
  event::Loop loop;
  ManualTimers timers;
  MemoryLog log;
  WallClock clock;
  AccessLog access{loop, timers, *log, clock};
  HandedOverBook book{access};
  nlohmann::json last;
};

using Records = std::vector<std::string>;

}  // namespace

TEST_CASE("a handed-over connection has two records, the second from the worker's report", "[proxy][access]") {
  Fixture f;
  f.give("one");
  CHECK(f.records().empty());
  f.take("one");
  f.book.closed(kWorker, "main", "main/0", Fixture::report("one"));
  CHECK(f.records() == Records{"open one", "close one client_close"});
  CHECK(f.last["way"] == "handover");
  CHECK(f.last["close_code"] == 1000);
  CHECK(f.last["by"] == "client");
  CHECK(f.last["bytes_in"] == 10);
  CHECK(f.last["frames_out"] == 4);
  CHECK(f.last["affinity"] == "found");
  CHECK(f.last["revision"] == 3);
  CHECK(f.book.size() == 0);
}

TEST_CASE("an end that is reported before the worker's acknowledgement is written after the opening",
          "[proxy][access]") {
  Fixture f;
  f.give("one");
  f.book.closed(kWorker, "main", "main/0", Fixture::report("one"));
  CHECK(f.records().empty());
  f.take("one");
  CHECK(f.records() == Records{"open one", "close one client_close"});
  CHECK(f.book.size() == 0);
}

TEST_CASE("a worker's death ends what it had, and nothing of the others", "[proxy][access]") {
  Fixture f;
  f.give("one");
  f.give("two");
  f.give("elsewhere", kOther);
  f.take("one");
  f.book.died(kWorker, 1);
  CHECK(f.records() == Records{"open one", "close one worker_died"});
  CHECK(f.last["by"] == "endpoint");
  CHECK(f.book.size() == 1);
  CHECK(f.book.closings().by_reason[1][static_cast<std::size_t>(TerminationReason::kWorkerDied)] == 1);
}

TEST_CASE("what a dead worker had is counted also while nothing is logged", "[proxy][access]") {
  Fixture f;
  f.access.apply({});
  f.give("one");
  f.take("one");
  f.book.died(kWorker, 1);
  CHECK(f.records().empty());
  CHECK(f.book.closings().by_reason[1][static_cast<std::size_t>(TerminationReason::kWorkerDied)] == 1);
}

TEST_CASE("a socket that came back has no record here", "[proxy][access]") {
  Fixture f;
  f.give("one");
  f.book.returned(kWorker, "one");
  f.book.died(kWorker, 0);
  CHECK(f.records().empty());
}

TEST_CASE("what a proxy before this one has handed over is told from the report alone", "[proxy][access]") {
  Fixture f;
  f.book.closed(kWorker, "main", "main/0", Fixture::report("old", "slow_consumer"));
  CHECK(f.records() == Records{"close old slow_consumer"});
  CHECK(f.last["pool"] == "main");
  CHECK(f.last["endpoint"] == "main/0");
  CHECK(f.last["client"] == "192.0.2.7:50000");
  CHECK_FALSE(f.last.contains("revision"));
}

TEST_CASE("a word that is not in the list becomes other", "[proxy][access]") {
  Fixture f;
  f.book.closed(kWorker, "main", "main/0", Fixture::report("one", "new word\n\"}"));
  CHECK(f.records() == Records{"close one other"});
}

TEST_CASE("while the log is off nothing is remembered, and ends are counted", "[proxy][access]") {
  Fixture f;
  f.access.apply({});
  f.give("one");
  CHECK(f.book.size() == 0);
  f.book.closed(kWorker, "main", "main/0", Fixture::report("one"));
  CHECK(f.book.closings().by_reason[0][static_cast<std::size_t>(TerminationReason::kClientClose)] == 1);
}
