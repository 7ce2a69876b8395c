#include "proxy/access/access_log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;

namespace {

struct Fixture {
  void write(std::string_view id) {
    AccessRecord record;
    record.request_id = id;
    access.write(record);
    loop.turn(false);
  }
  std::string read(const std::string& name) const { return TemporaryFolder::read(folder / name); }

  TemporaryFolder folder;
  event::Loop loop;
  ManualTimers timers;
  MemoryLog log;
  WallClock clock;
  AccessLog access{loop, timers, *log, clock};
};

}  // namespace

TEST_CASE("records go to the file, and after a reopen to the new file of that name", "[proxy][access]") {
  Fixture f;
  f.access.apply({.target = f.folder / "access.log"});
  f.write("one");
  std::filesystem::rename(f.folder / "access.log", f.folder / "access.log.1");
  f.write("two");
  f.access.reopen();
  f.write("three");
  CHECK_THAT(f.read("access.log.1"), contains("\"one\""));
  CHECK_THAT(f.read("access.log.1"), contains("\"two\""));
  CHECK_THAT(f.read("access.log"), contains("\"three\""));
  CHECK_FALSE(f.read("access.log").find("\"two\"") != std::string::npos);
  CHECK(nlohmann::json::accept(f.read("access.log")));
  CHECK(f.access.written() == 3);
}

TEST_CASE("the file is not for everybody", "[proxy][access]") {
  Fixture f;
  f.access.apply({.target = f.folder / "access.log"});
  struct stat facts{};
  REQUIRE(::stat((f.folder / "access.log").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07U) == 0);
}

TEST_CASE("a log that is off writes nothing and drops nothing", "[proxy][access]") {
  Fixture f;
  CHECK_FALSE(f.access.is_on());
  f.write("one");
  CHECK(f.access.dropped() == 0);
  f.access.apply({.target = f.folder / "access.log"});
  f.write("two");
  f.access.apply({});
  f.write("three");
  CHECK(f.access.written() == 1);
  CHECK(f.access.dropped() == 0);
}

TEST_CASE("a target that cannot be opened is said once, and its records are counted", "[proxy][access]") {
  Fixture f;
  f.access.apply({.target = f.folder / "missing/access.log"});
  CHECK(f.log.contains("access log cannot be opened"));
  f.write("one");
  f.write("two");
  CHECK(f.access.dropped() == 2);
  std::filesystem::create_directory(f.folder / "missing");
  f.access.reopen();
  f.write("three");
  CHECK(f.access.written() == 1);
  std::size_t said = 0;
  for (const std::string& line : f.log.lines()) said += line.find("drops records") != std::string::npos ? 1 : 0;
  CHECK(said == 1);
}

TEST_CASE("syslog gets one datagram a record, with priority and program", "[proxy][access]") {
  Fixture f;
  const Descriptor syslog(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = f.folder / "syslog";
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(::bind(syslog.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  f.access.apply({.target = "syslog:" + path, .format = LogFormat::kText});
  f.write("one");
  char buffer[4096];
  const ssize_t got = ::recv(syslog.get(), buffer, sizeof buffer, 0);
  REQUIRE(got > 0);
  const std::string datagram(buffer, static_cast<std::size_t>(got));
  CHECK(datagram.starts_with("<30>hubgate["));
  CHECK_THAT(datagram, contains(" one "));
  CHECK(datagram.back() != '\n');
}
