#include "common/event/line_writer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::event;
using namespace hubgate::test;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    reader = Descriptor(ends[0]);
    writer = Descriptor(ends[1]);
    ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(writer.get(), F_SETPIPE_SZ, 4096);
  }
  std::string read() const {
    std::string all;
    char buffer[8192];
    for (ssize_t got = 0; (got = ::read(reader.get(), buffer, sizeof buffer)) > 0;) {
      all.append(buffer, static_cast<std::size_t>(got));
    }
    return all;
  }
  Descriptor reader, writer;
};

}  // namespace

TEST_CASE("lines of one turn leave at its end", "[event]") {
  Loop loop;
  Pipe pipe;
  LineWriter lines(loop, loop);
  lines.set_target(std::move(pipe.writer));
  lines.write("one");
  lines.write("two");
  CHECK(pipe.read().empty());
  loop.turn(false);
  CHECK(pipe.read() == "one\ntwo\n");
  CHECK(lines.written() == 2);
  CHECK(lines.buffered() == 0);
}

TEST_CASE("a reader that does not read costs lines, not time, and what stays is whole", "[event]") {
  Loop loop;
  ManualTimers timers;
  Pipe pipe;
  LineWriter lines(loop, timers, 8192);
  lines.set_target(std::move(pipe.writer));
  const std::string line(99, 'x');
  for (int i = 0; i < 500; ++i) {
    lines.write(line);
    loop.turn(false);
  }
  CHECK(lines.dropped() > 0);
  CHECK(lines.buffered() <= 8192);
  std::string seen;
  for (int i = 0; i < 20; ++i) {
    seen += pipe.read();
    timers.advance(LineWriter::kRetry);
  }
  CHECK(lines.buffered() == 0);
  CHECK(lines.written() + lines.dropped() == 500);
  REQUIRE(seen.size() == lines.written() * 100);
  for (std::size_t at = 0; at < seen.size(); at += 100) CHECK(seen.substr(at, 100) == line + '\n');
}

TEST_CASE("a reader that has gone costs its lines", "[event]") {
  ::signal(SIGPIPE, SIG_IGN);
  Loop loop;
  Pipe pipe;
  LineWriter lines(loop, loop);
  lines.set_target(std::move(pipe.writer));
  pipe.reader.reset();
  lines.write("lost");
  loop.turn(false);
  CHECK(lines.dropped() == 1);
  CHECK(lines.buffered() == 0);
}

TEST_CASE("what waits for one target goes to the next", "[event]") {
  Loop loop;
  ManualTimers timers;
  Pipe full;
  Pipe next;
  LineWriter lines(loop, timers);
  lines.set_target(std::move(full.writer));
  lines.write(std::string(4095, 'a'));
  loop.turn(false);
  lines.write("kept");
  loop.turn(false);
  lines.set_target(std::move(next.writer));
  loop.turn(false);
  CHECK(next.read() == "kept\n");
}

TEST_CASE("without a target lines are counted as dropped", "[event]") {
  Loop loop;
  LineWriter lines(loop, loop);
  lines.write("nowhere");
  CHECK(lines.dropped() == 1);
}

TEST_CASE("a datagram socket gets one line a datagram, without the newline", "[event]") {
  Loop loop;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  const Descriptor reader(ends[1]);
  LineWriter lines(loop, loop);
  lines.set_target(Descriptor(ends[0]));
  lines.write("first");
  lines.write("second");
  loop.turn(false);
  char buffer[64];
  CHECK(::recv(reader.get(), buffer, sizeof buffer, 0) == 5);
  CHECK(std::string(buffer, 5) == "first");
  CHECK(::recv(reader.get(), buffer, sizeof buffer, 0) == 6);
}

TEST_CASE("a file gets what was written before the writer ended", "[event]") {
  TemporaryFolder folder;
  Loop loop;
  {
    LineWriter lines(loop, loop);
    lines.set_target(Descriptor(::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)));
    lines.write("last words");
  }
  CHECK(TemporaryFolder::read(folder / "log") == "last words\n");
}
