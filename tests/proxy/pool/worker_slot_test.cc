#include "proxy/pool/worker_slot.h"

#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_worker.h"

using namespace hubgate;
using namespace hubgate::control;
using namespace std::chrono_literals;
using proxy::WorkerSlot;

namespace {

constexpr std::uint64_t kEpoch = 4711;

struct Watcher final : WorkerSlot::Handler {
  void on_slot_ready(WorkerSlot&) override { ++ready; }
  void on_slot_load(WorkerSlot&) override { ++loads; }
  void on_slot_changed(WorkerSlot&) override { ++changed; }
  void on_slot_draining(WorkerSlot&, bool now) override { draining.push_back(now); }
  void on_slot_path(WorkerSlot&, const Path& path) override { paths.push_back(path.path); }
  void on_slot_closed(WorkerSlot&, const std::vector<ClosedRecord>& records) override { closed += records.size(); }
  void on_slot_stats(WorkerSlot&, const Stats&) override { ++stats; }
  void on_slot_gone(WorkerSlot&) override { ++gone; }
  int ready = 0;
  int loads = 0;
  int changed = 0;
  std::vector<bool> draining;
  std::vector<std::string> paths;
  std::size_t closed = 0;
  int stats = 0;
  int gone = 0;
};

struct SignalLog final : proxy::Keeper {
  Result<void> spawn(const Spawn&) override { return {}; }
  void signal(const SlotId&, int signal) override { signals.push_back(signal); }
  std::vector<int> signals;
};

struct Fixture {
  event::Loop loop;
  test::ManualTimers timers;
  test::MemoryLog log;
  SignalLog keeper;
  Watcher watcher;
  test::ScriptedWorker worker{loop};
  std::unique_ptr<WorkerSlot> slot;
  // What settled, in order: "1 acked".
  std::vector<std::string> settled;
  std::map<int, Descriptor> given_back;

  Fixture() {
    Welcome welcome;
    welcome.epoch = kEpoch;
    welcome.pool = "main";
    welcome.slot = 1;
    welcome.generation = 1'700'000'000;
    slot = std::make_unique<WorkerSlot>(loop, timers, *log, keeper, welcome,
                                        WorkerSlot::Links{worker.take_control(), worker.take_handover()}, 99, 30s,
                                        watcher);
  }
  ~Fixture() { loop.dispose(std::move(slot)); }

  void make_ready(std::uint64_t cap = 0) {
    worker.become_ready(kEpoch, cap);
    worker.turn();
    REQUIRE(slot->is_ready());
  }
  WorkerSlot::OnSettled note(int name) {
    return [this, name](WorkerSlot::Settled how, Descriptor socket) {
      static const char* const kNames[] = {"acked", "refused", "no ack", "worker dead"};
      settled.push_back(std::to_string(name) + " " + kNames[static_cast<int>(how)]);
      if (socket.is_open()) given_back[name] = std::move(socket);
    };
  }
  // Hands one end of a socketpair over; the other is the client's.
  Descriptor give(int name, WorkerSlot::HandOver expected = WorkerSlot::HandOver::kSent) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    Descriptor socket(ends[1]);
    Accept accept;
    accept.head = "GET /" + std::to_string(name) + " HTTP/1.1\r\n\r\n";
    CHECK(slot->hand_over(accept, socket, note(name)) == expected);
    CHECK(socket.is_open() == (expected != WorkerSlot::HandOver::kSent));
    return Descriptor(ends[0]);
  }
};

bool sees_end(const Descriptor& client) {
  char byte = 0;
  return ::read(client.get(), &byte, 1) == 0;
}
bool is_silent(const Descriptor& client) {
  char byte = 0;
  return ::read(client.get(), &byte, 1) < 0 && errno == EAGAIN;
}

}  // namespace

TEST_CASE("a worker is greeted on both links, and is ready when it has said so to this proxy", "[proxy][slot]") {
  Fixture f;
  f.worker.turn();
  CHECK(f.worker.count<Hello>() == 1);
  CHECK(f.worker.count<Welcome>() == 1);
  CHECK_FALSE(f.slot->is_ready());
  CHECK(f.slot->state() == WorkerSlot::State::kStarting);

  f.worker.say(Hello{.epoch = kEpoch});
  f.worker.say(Path{kEpoch, "/chat", "Demo.ChatHub", "", {}, "", {}});
  f.worker.say(Ready{kEpoch, "", false, 0, false});
  f.worker.turn();
  CHECK_FALSE(f.slot->is_ready());  // handover has not answered yet
  f.worker.say_on_handover(Hello{.epoch = kEpoch});
  f.worker.turn();
  CHECK(f.slot->is_ready());
  CHECK(f.watcher.ready == 1);
  CHECK(f.watcher.paths == std::vector<std::string>{"/chat"});
}

TEST_CASE("what a worker said to the proxy before us counts only as closings and state", "[proxy][slot]") {
  Fixture f;
  const std::uint64_t old = kEpoch - 1;
  f.worker.say(Hello{.epoch = old});
  f.worker.say(Ready{old, "", false, 0, false});
  f.worker.say(Load{old, 5, 100, 0});
  f.worker.say(Closed{{ClosedRecord{}}});
  f.worker.say(State{true});
  f.worker.say_on_handover(Mine{old, 7});
  f.worker.say_on_handover(Mine{kEpoch, 7});
  f.worker.turn();
  CHECK(f.watcher.ready == 0);
  CHECK(f.slot->load().active == 0);
  CHECK(f.watcher.closed == 1);
  CHECK(f.slot->is_draining());
  f.make_ready();
  f.worker.say(Load{old, 5, 100, 0});
  f.worker.turn();
  CHECK(f.slot->load().active == 0);
}

TEST_CASE("a socket is ours until the worker's Mine covers it", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  const Descriptor one = f.give(1);
  const Descriptor two = f.give(2);
  const Descriptor three = f.give(3);
  f.worker.turn();
  REQUIRE(f.worker.accepts.size() == 3);
  CHECK(f.worker.accepts[2].n == 3);
  CHECK(f.worker.accepts[2].epoch == kEpoch);
  CHECK(f.worker.accepts[2].head == "GET /3 HTTP/1.1\r\n\r\n");
  CHECK(f.settled.empty());
  f.worker.say_on_handover(Mine{kEpoch, 2});
  f.worker.turn();
  CHECK(f.settled == std::vector<std::string>{"1 acked", "2 acked"});
  CHECK(f.slot->handed_over() == 2);
  CHECK(f.slot->unsettled() == 1);
  // Our copy is closed: when the worker closes its own the client sees the end.
  f.worker.sockets.clear();
  CHECK(sees_end(one));
  CHECK(is_silent(three));
}

TEST_CASE("a refused socket is given back whole, and the worker is full until its next Load", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  const Descriptor one = f.give(1);
  const Descriptor two = f.give(2);
  f.worker.turn();
  f.worker.say_on_handover(Refused{kEpoch, 1});
  f.worker.say_on_handover(Mine{kEpoch, 2});
  f.worker.turn();
  CHECK(f.settled == std::vector<std::string>{"1 refused", "2 acked"});
  REQUIRE(f.given_back.count(1) == 1);
  f.worker.sockets.clear();
  REQUIRE(::write(f.given_back[1].get(), "x", 1) == 1);
  CHECK(f.slot->is_full());
  CHECK(f.slot->load().active == 1);
  f.worker.say(Load{kEpoch, 2, 1, 0});
  f.worker.turn();
  CHECK_FALSE(f.slot->is_full());
}

TEST_CASE("without an ack in time from a living worker the socket is shut down and given to nobody", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  const Descriptor one = f.give(1);
  f.worker.turn();
  f.timers.advance(1900ms);
  const Descriptor two = f.give(2);
  CHECK(f.settled.empty());
  f.timers.advance(200ms);
  CHECK(f.settled == std::vector<std::string>{"1 no ack"});
  CHECK(f.given_back.empty());
  CHECK(sees_end(one));  // though the worker's copy is open
  CHECK(is_silent(two));
  CHECK_FALSE(f.slot->is_ready());
  f.give(3, WorkerSlot::HandOver::kNotReady);
  // It answers again: it gets new ones again.
  f.worker.say_on_handover(Mine{kEpoch, 2});
  f.worker.turn();
  CHECK(f.settled.back() == "2 acked");
  CHECK(f.slot->is_ready());
}

TEST_CASE("a worker that acks others is at work, so what waits behind them is not late", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  std::vector<Descriptor> clients;
  for (int i = 1; i <= 3; ++i) clients.push_back(f.give(i));
  f.timers.advance(1500ms);
  f.worker.say_on_handover(Mine{kEpoch, 1});
  f.worker.turn();
  f.timers.advance(1500ms);
  CHECK(f.settled == std::vector<std::string>{"1 acked"});
  f.worker.say_on_handover(Mine{kEpoch, 2});
  f.worker.turn();
  f.timers.advance(1900ms);
  CHECK(f.settled.back() == "2 acked");
  f.timers.advance(200ms);
  CHECK(f.settled.back() == "3 no ack");
}

TEST_CASE("a worker is full while much that was handed over is not acked", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  std::vector<Descriptor> clients;
  for (std::size_t i = 1; i <= WorkerSlot::kMaxUnsettled; ++i) {
    CHECK_FALSE(f.slot->is_full());
    clients.push_back(f.give(static_cast<int>(i)));
  }
  CHECK(f.slot->is_full());
  f.give(1000, WorkerSlot::HandOver::kFull);
  CHECK(f.slot->relay_socket(nullptr).error().code == ErrorCode::kUnavailable);
  const int changed = f.watcher.changed;
  f.worker.say_on_handover(Mine{kEpoch, 1});
  f.worker.turn();
  CHECK_FALSE(f.slot->is_full());
  CHECK(f.watcher.changed == changed + 1);  // who waits is told
}

TEST_CASE("an ack that waits in the link is read before its time counts as up", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  const Descriptor one = f.give(1);
  f.worker.turn();
  f.worker.say_on_handover(Mine{kEpoch, 1});
  f.timers.advance(10s);  // as after a stop of this process: the clock ran, the loop did not
  CHECK(f.settled == std::vector<std::string>{"1 acked"});
}

TEST_CASE("a dead worker's last acks count, what it has not acked is given back", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  const Descriptor one = f.give(1);
  const Descriptor two = f.give(2);
  const Descriptor three = f.give(3);
  f.worker.turn();
  f.worker.say_on_handover(Mine{kEpoch, 1});
  f.worker.say(Closed{{ClosedRecord{}}});
  f.worker.die();
  const bool told_first = GENERATE(true, false);
  if (!told_first) f.worker.turn();  // the links' end is seen before the supervisor's word
  f.slot->exited();
  CHECK(f.settled == std::vector<std::string>{"1 acked", "2 worker dead", "3 worker dead"});
  CHECK(f.given_back.size() == 2);
  CHECK(is_silent(two));
  CHECK(f.watcher.closed == 1);
  CHECK(f.watcher.gone == 1);
  CHECK(f.slot->state() == WorkerSlot::State::kGone);
  CHECK_FALSE(f.slot->is_ready());
  f.give(4, WorkerSlot::HandOver::kNotReady);
}

TEST_CASE("load is what the worker said, and what was handed over after the number it said it for", "[proxy][slot]") {
  Fixture f;
  f.make_ready(10);
  std::vector<Descriptor> clients;
  for (int i = 1; i <= 5; ++i) clients.push_back(f.give(i));
  CHECK(f.slot->load().active == 5);
  f.worker.say_on_handover(Mine{kEpoch, 4});
  f.worker.say(Load{kEpoch, 3, 6, 2});
  f.worker.turn();
  CHECK(f.slot->load().active == 8);
  CHECK(f.slot->load().pending == 2);
  CHECK(f.slot->is_full());
  f.worker.say(Load{kEpoch, 5, 6, 0});
  f.worker.turn();
  CHECK(f.slot->load().active == 6);
  CHECK_FALSE(f.slot->is_full());
  CHECK(f.watcher.loads >= 2);
}

TEST_CASE("a head with its early bytes above 48 KiB is not handed over", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const Descriptor client(ends[0]);
  Descriptor socket(ends[1]);
  Accept accept;
  accept.head = std::string(1000, 'x');
  accept.early = std::string(kMaxHeadAndEarly - 999, 'x');
  CHECK(f.slot->hand_over(accept, socket, nullptr) == WorkerSlot::HandOver::kTooLarge);
  CHECK(socket.is_open());
  accept.early.pop_back();
  CHECK(f.slot->hand_over(accept, socket, nullptr) == WorkerSlot::HandOver::kSent);
}

TEST_CASE("a link whose queue is full makes the worker full until it reads again", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  std::vector<Descriptor> clients;
  // The worker's end is read only in turns: none happen here.
  WorkerSlot::HandOver last = WorkerSlot::HandOver::kSent;
  int sent = 0;
  const std::string head(2000, 'x');
  const Descriptor file(::dup(2));
  while (last == WorkerSlot::HandOver::kSent && sent < 20'000) {
    Descriptor socket(::dup(file.get()));
    if (!socket.is_open()) break;  // this process's own limit; the link holds more than that
    Accept accept;
    accept.head = head;
    last = f.slot->hand_over(accept, socket, f.note(sent));
    if (last == WorkerSlot::HandOver::kSent) ++sent;
  }
  CHECK((last == WorkerSlot::HandOver::kFull) == f.slot->is_full());
  for (int i = 0; i < 1000 && f.worker.accepts.size() < static_cast<std::size_t>(sent); ++i) f.worker.turn();
  CHECK(f.worker.accepts.size() == static_cast<std::size_t>(sent));
  f.worker.say_on_handover(Mine{kEpoch, static_cast<std::uint64_t>(sent)});
  f.worker.turn();
  CHECK(f.settled.size() == static_cast<std::size_t>(sent));
  CHECK_FALSE(f.slot->is_full());
}

TEST_CASE("a relay is one end of a fresh socketpair, acked like a client's socket", "[proxy][slot]") {
  Fixture f;
  CHECK(f.slot->relay_socket(nullptr).error().code == ErrorCode::kUnavailable);
  f.make_ready();
  auto ours = f.slot->relay_socket(f.note(1));
  REQUIRE(ours);
  f.worker.turn();
  REQUIRE(f.worker.accepts.size() == 1);
  CHECK(f.worker.accepts[0].kind == Accept::Kind::kRelay);
  CHECK(f.slot->load().active == 0);
  REQUIRE(::write(ours->get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(f.worker.sockets[0].get(), &byte, 1) == 1);
  f.worker.say_on_handover(Mine{kEpoch, 1});
  f.worker.turn();
  CHECK(f.settled == std::vector<std::string>{"1 acked"});
  f.worker.sockets.clear();
  CHECK(sees_end(*ours));  // the proxy kept no copy of the worker's end
}

TEST_CASE("ten Pings without an answer are a hung worker, fewer are not", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  for (int second = 0; second < 30; ++second) {
    f.timers.advance(1s);
    f.worker.say(Pong{1500});
    f.worker.turn();
  }
  CHECK(f.keeper.signals.empty());
  CHECK(f.worker.count<Ping>() == 30);
  CHECK(f.slot->loop_lag() == 1500us);
  const int unread_answer = GENERATE(0, 1);
  for (int second = 0; second < 10; ++second) f.timers.advance(1s);
  CHECK(f.keeper.signals.empty());
  if (unread_answer == 1) {
    f.worker.say(Pong{0});  // in the link, but this process's loop has not turned
    f.timers.advance(1s);
    CHECK(f.keeper.signals.empty());
    return;
  }
  f.timers.advance(1s);
  CHECK(f.keeper.signals == std::vector<int>{SIGABRT, SIGCONT});
  CHECK_FALSE(f.slot->is_ready());
  f.timers.advance(2s);
  CHECK(f.keeper.signals == std::vector<int>{SIGABRT, SIGCONT, SIGKILL});
}

TEST_CASE("a worker that is doubted gets nothing new until it answers", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  f.slot->doubt();
  f.slot->doubt();
  CHECK_FALSE(f.slot->is_ready());
  f.worker.turn();
  CHECK(f.worker.count<Ping>() == 1);
  const int before = f.watcher.changed;
  f.worker.say(Pong{0});
  f.worker.turn();
  CHECK(f.slot->is_ready());
  CHECK(f.watcher.changed == before + 1);
}

TEST_CASE("a worker that does not become ready in time is ended", "[proxy][slot]") {
  Fixture f;
  f.timers.advance(29s);
  CHECK(f.keeper.signals.empty());
  f.timers.advance(2s);
  CHECK(f.keeper.signals == std::vector<int>{SIGABRT, SIGCONT});
}

TEST_CASE("a worker that breaks the rules of its links is ended", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  SECTION("closes one") { f.worker.close_control(); }
  SECTION("says what only a proxy says") { f.worker.say(Ping{}); }
  SECTION("acks what it never got") { f.worker.say_on_handover(Mine{kEpoch, 1}); }
  f.worker.turn();
  CHECK_FALSE(f.slot->is_ready());
  f.timers.advance(1s);
  CHECK(f.keeper.signals == std::vector<int>{SIGKILL});
  CHECK(f.watcher.gone == 0);
  f.slot->exited();
  CHECK(f.watcher.gone == 1);
}

TEST_CASE("draining comes from the worker and can be taken back", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  f.slot->drain({1s, 2s, false});
  f.worker.turn();
  CHECK(f.worker.count<Drain>() == 1);
  CHECK_FALSE(f.slot->is_draining());
  f.worker.say(State{true, false});
  f.worker.turn();
  CHECK(f.slot->is_draining());
  CHECK_FALSE(f.slot->is_leaving());
  CHECK(f.slot->is_ready());  // for what is bound to it
  f.slot->undrain();
  f.worker.turn();
  CHECK(f.worker.count<Undrain>() == 1);
  f.worker.say(State{false});
  f.worker.turn();
  CHECK(f.watcher.draining == std::vector<bool>{true, false});
  CHECK(f.slot->state() == WorkerSlot::State::kReady);
}

TEST_CASE("once a worker was told to end, what it says of an earlier drain does not count", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  f.worker.say(State{true, false});
  f.worker.turn();
  f.slot->drain({1s, 2s, true});
  f.worker.say(State{false, false});
  f.worker.turn();
  CHECK(f.slot->is_draining());
  f.worker.say(State{true, true});
  f.worker.turn();
  CHECK(f.slot->is_leaving());
  CHECK(f.watcher.draining == std::vector<bool>{true, true});
  f.slot->undrain();
  f.worker.say(State{false, false});
  f.worker.turn();
  CHECK_FALSE(f.slot->is_draining());
  CHECK_FALSE(f.slot->is_leaving());
}

TEST_CASE("new values reach the worker with the identity it has", "[proxy][slot]") {
  Fixture f;
  f.make_ready();
  Welcome welcome = f.slot->welcome();
  f.slot->update(welcome);  // nothing new
  welcome.log_level = "debug";
  welcome.generation = 5;
  f.slot->update(welcome);
  f.worker.turn();
  REQUIRE(f.worker.count<Welcome>() == 2);
  const auto& last = std::get<Welcome>(f.worker.heard.back());
  CHECK(last.log_level == "debug");
  CHECK(last.generation == 1'700'000'000);
  CHECK(last.epoch == kEpoch);
}
