#include "proxy/config/config_watcher.h"

#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  Fixture() {
    file = folder.write("h.toml", "a = 1");
    watcher = std::make_unique<ConfigWatcher>(loop, timers, *log, file, "a = 1", [this] { ++changes; });
  }
  // Lets the events of the folder in, then the time pass.
  void pass(Duration time) {
    loop.turn(false);
    timers.advance(time);
  }

  test::TemporaryFolder folder;
  event::Loop loop;
  test::ManualTimers timers;
  test::MemoryLog log;
  std::string file;
  int changes = 0;
  std::unique_ptr<ConfigWatcher> watcher;
};

}  // namespace

TEST_CASE("a changed file is told once, after a quiet time", "[config][watch]") {
  Fixture f;
  REQUIRE(f.watcher->is_watching());
  f.folder.write("h.toml", "a = 2");
  f.pass(249ms);
  CHECK(f.changes == 0);
  f.pass(1ms);
  CHECK(f.changes == 1);
  f.pass(1h);
  CHECK(f.changes == 1);
}

TEST_CASE("a file that is replaced, or reached by a swapped link, is seen", "[config][watch]") {
  Fixture f;
  const std::string other = f.folder.write("new", "a = 3");
  std::filesystem::rename(other, f.file);
  f.pass(250ms);
  CHECK(f.changes == 1);

  std::filesystem::create_directory(f.folder / "v1");
  f.folder.write("v1/h.toml", "a = 4");
  std::filesystem::remove(f.file);
  std::filesystem::create_symlink("v1", f.folder / "swapped");
  std::filesystem::create_symlink("data/h.toml", f.file);
  f.pass(250ms);
  CHECK(f.changes == 1);
  std::filesystem::rename(f.folder / "swapped", f.folder / "data");
  f.pass(250ms);
  CHECK(f.changes == 2);
}

TEST_CASE("an event that leaves the text as it was tells nothing", "[config][watch]") {
  Fixture f;
  f.folder.write("h.toml", "a = 1");
  f.folder.write("another", "x");
  f.pass(1s);
  CHECK(f.changes == 0);
}

TEST_CASE("a folder that is never quiet does not put the news off for ever", "[config][watch]") {
  Fixture f;
  f.folder.write("h.toml", "a = 2");
  for (int i = 0; i < 20; ++i) {
    f.folder.write("log", std::to_string(i));
    f.pass(100ms);
  }
  CHECK(f.changes == 1);
}

TEST_CASE("a watcher may be destroyed by what it tells", "[config][watch]") {
  test::TemporaryFolder folder;
  event::Loop loop;
  test::ManualTimers timers;
  test::MemoryLog log;
  const std::string file = folder.write("h.toml", "a = 1");
  std::unique_ptr<ConfigWatcher> watcher;
  watcher = std::make_unique<ConfigWatcher>(loop, timers, *log, file, "a = 1", [&watcher] { watcher.reset(); });
  folder.write("h.toml", "a = 2");
  loop.turn(false);
  timers.advance(1s);
  CHECK(watcher == nullptr);
}

TEST_CASE("a folder that cannot be watched is logged, not fatal", "[config][watch]") {
  event::Loop loop;
  test::ManualTimers timers;
  test::MemoryLog log;
  const ConfigWatcher watcher(loop, timers, *log, "/no/such/folder/h.toml", "", [] {});
  CHECK_FALSE(watcher.is_watching());
  CHECK(log.contains("configuration is not watched"));
}

TEST_CASE("other files are watched beside it, in any folder, until the list is another", "[config][watch]") {
  Fixture f;
  std::filesystem::create_directory(f.folder / "tls");
  const std::string certificate = f.folder.write("tls/chain.pem", "one");
  const std::string beside = f.folder.write("key.pem", "one");
  f.watcher->watch_too({certificate, beside});
  f.pass(1h);
  CHECK(f.changes == 0);
  f.folder.write("tls/chain.pem", "two");
  f.pass(250ms);
  CHECK(f.changes == 1);
  f.folder.write("key.pem", "two");
  f.pass(250ms);
  CHECK(f.changes == 2);
  f.folder.write("tls/chain.pem", "two");  // the same again
  f.folder.write("tls/other", "x");
  f.pass(250ms);
  CHECK(f.changes == 2);
  std::filesystem::remove(certificate);
  std::filesystem::rename(f.folder.write("new", "three"), certificate);
  f.pass(250ms);
  CHECK(f.changes == 3);

  f.watcher->watch_too({beside});
  f.folder.write("tls/chain.pem", "four");
  f.pass(250ms);
  CHECK(f.changes == 3);
  f.folder.write("h.toml", "a = 2");
  f.pass(250ms);
  CHECK(f.changes == 4);
}
