#include "common/config/toml_table.h"

#include <array>

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::config;
using std::chrono::milliseconds;
using test::contains;
using namespace std::chrono_literals;

namespace {

TomlDocument parsed(std::string_view text) {
  auto document = TomlDocument::parse(text, "x.toml");
  REQUIRE(document.has_value());
  return *std::move(document);
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("typed reads give the values and leave absent ones alone", "[config][toml]") {
  TomlDocument document = parsed(
      "text = \"a\"\nflag = true\ncount = 3\nwords = [\"x\", \"y\"]\nwait = \"250ms\"\nroom = \"64KiB\"\nmode = "
      "\"off\"\n");
  TomlTable table = document.root();
  std::string text = "default";
  std::string absent = "default";
  bool flag = false;
  std::uint32_t count = 0;
  std::vector<std::string> words;
  milliseconds wait{0};
  std::size_t room = 0;
  table.read("text", text);
  table.read("absent", absent);
  table.read("flag", flag);
  table.read("count", count, 1, 10);
  table.read("words", words);
  table.read_duration("wait", wait, 0ms, 1s);
  table.read_size("room", room, 0, 1 << 20);
  const auto mode = table.read_choice("mode", std::array<std::string_view, 2>{"auto", "off"});
  table.finish();
  CHECK(text == "a");
  CHECK(absent == "default");
  CHECK(flag);
  CHECK(count == 3);
  CHECK(words == Lines{"x", "y"});
  CHECK(wait == 250ms);
  CHECK(room == 65536);
  CHECK(mode == 1U);
  CHECK(document.errors().empty());
}

TEST_CASE("every wrong value is gathered, each at its own place", "[config][toml]") {
  TomlDocument document = parsed(
      "text = 5\n"
      "flag = \"yes\"\n"
      "count = 11\n"
      "words = [\"x\", 1]\n"
      "wait = \"10\"\n"
      "late = \"2s\"\n"
      "  room = \"64K\"\n"
      "mode = \"of\"\n"
      "old = 1979-05-27\n");
  TomlTable table = document.root();
  std::string text = "kept";
  bool flag = true;
  std::uint32_t count = 7;
  std::vector<std::string> words{"kept"};
  milliseconds wait{1};
  std::size_t room = 1;
  table.read("text", text);
  table.read("flag", flag);
  table.read("count", count, 1, 10);
  table.read("words", words);
  table.read_duration("wait", wait, 0ms, 1s);
  table.read_duration("late", wait, 0ms, 1s);
  table.read_size("room", room, 0, 1 << 20);
  CHECK_FALSE(table.read_choice("mode", std::array<std::string_view, 2>{"auto", "off"}).has_value());
  table.read("old", text);
  table.finish();
  CHECK(text == "kept");
  CHECK(count == 7);
  CHECK(words == Lines{"kept"});
  CHECK(wait == 1ms);
  CHECK(document.errors() == Lines{
                                 "x.toml:1:8: error: 'text' is a number, not a text (write text = \"…\")",
                                 "x.toml:2:8: error: 'flag' is a text, not true or false (write flag = true)",
                                 "x.toml:3:9: error: 'count' is 11 (allowed: 1 to 10)",
                                 "x.toml:4:15: error: 'words' holds a number (write a list of texts: [\"…\", \"…\"])",
                                 "x.toml:5:8: error: 'wait' is '10', which is no time (write digits and a unit: "
                                 "\"250ms\", \"10s\", \"5m\", \"1h\")",
                                 "x.toml:6:8: error: 'late' is '2s' (allowed: 0s to 1s)",
                                 "x.toml:7:10: error: 'room' is '64K', which is no size (write digits and a unit: "
                                 "\"512B\", \"64KiB\", \"1MiB\")",
                                 "x.toml:8:8: error: 'mode' is 'of' (allowed: \"auto\", \"off\")",
                                 "x.toml:9:7: error: 'old' is a date, not a text (write old = \"…\")",
                             });
}

TEST_CASE("a list may hold texts and tables, each element with its place", "[config][toml]") {
  TomlDocument document = parsed("mixed = [\"a\", {size = 7, sise = 1}, \"b\"]\nbad = [\"a\",\n1]\ntext = \"a\"\n");
  TomlTable root = document.root();
  std::vector<TomlElement> elements = root.elements("mixed");
  REQUIRE(elements.size() == 3);
  CHECK(elements[0].text == "a");
  CHECK_FALSE(elements[0].table.has_value());
  REQUIRE(elements[1].table.has_value());
  std::uint32_t size = 0;
  elements[1].table->read("size", size, 10);
  elements[1].table->finish();
  CHECK(elements[2].text == "b");
  CHECK(root.elements("bad").empty());
  CHECK(root.elements("text").empty());
  CHECK(root.elements("none").empty());
  CHECK(document.errors() == Lines{"x.toml:1:23: error: 'size' is 7 (allowed: 10 to 4294967295)",
                                   "x.toml:1:26: error: unknown key 'sise' in [mixed.1] (did you mean 'size'?)",
                                   "x.toml:3:1: error: 'bad' holds a number (write a list of texts: [\"…\", \"…\"])",
                                   "x.toml:4:8: error: 'text' is a text, not a list (write text = [\"…\"])"});
}

TEST_CASE("an unknown key is an error that names the one that was meant", "[config][toml]") {
  TomlDocument document = parsed("[limits]\nqueue_wayt = \"5s\"\nzzz = 1\n");
  TomlTable root = document.root();
  auto limits = root.table("limits");
  REQUIRE(limits.has_value());
  milliseconds wait{0};
  limits->read_duration("queue_wait", wait, 0ms, 1h);
  limits->finish();
  root.finish();
  CHECK(document.errors() == Lines{
                                 "x.toml:2:1: error: unknown key 'queue_wayt' in [limits] (did you mean 'queue_wait'?)",
                                 "x.toml:3:1: error: unknown key 'zzz' in [limits] (take it out)",
                             });
}

TEST_CASE("tables and lists of tables are walked, wrong shapes are errors", "[config][toml]") {
  TomlDocument document =
      parsed("pool = { a = { n = 1 }, b = 2 }\nlimits = 3\n[[route]]\nprefix = \"/\"\n[[route]]\nprefix = 1\n");
  TomlTable root = document.root();
  auto pools = root.tables("pool");
  REQUIRE(pools.size() == 1);
  CHECK(pools[0].name() == "a");
  CHECK(pools[0].key("n") == "pool.a.n");
  CHECK_FALSE(root.table("limits").has_value());
  auto routes = root.list("route");
  REQUIRE(routes.size() == 2);
  std::string prefix;
  routes[0].read("prefix", prefix);
  routes[1].read("prefix", prefix);
  routes[1].error("pool", "it has no pool");
  CHECK(prefix == "/");
  CHECK(root.list("pool").empty());
  const Lines errors = document.errors();
  REQUIRE(errors.size() == 5);
  CHECK_THAT(errors[0], contains("x.toml:1:8: error: 'pool' is no list of tables"));
  CHECK_THAT(errors[1], contains("x.toml:1:29: error: 'b' is a number, not a table (write [pool.b]"));
  CHECK_THAT(errors[2], contains("x.toml:2:10: error: 'limits' is a number, not a table"));
  CHECK_THAT(errors[3], contains("x.toml:5:1: error: it has no pool"));
  CHECK_THAT(errors[4], contains("x.toml:6:10: error: 'prefix' is a number"));
}

TEST_CASE("a syntax error is one error with its place", "[config][toml]") {
  const auto document = TomlDocument::parse("a = 1\nb = \n", "x.toml");
  REQUIRE_FALSE(document.has_value());
  CHECK(document.error().code == ErrorCode::kInvalid);
  CHECK_THAT(document.error().what, contains("x.toml:2:"));
  CHECK_THAT(document.error().what, contains(": error: "));
}

TEST_CASE("--set goes over what is written, is checked alike and placed as --set", "[config][toml]") {
  TomlDocument document = parsed("count = 1\n[limits]\nwait = \"1s\"\n[[route]]\nprefix = \"/a\"\n");
  document.set("count = 5");
  document.set("limits.wait=250ms");
  document.set("route.0.prefix=/b");
  document.set("new.table.text=\"quoted\"");
  document.set("limits.other=1");
  document.set("flag=maybe");
  TomlTable root = document.root();
  std::uint32_t count = 0;
  root.read("count", count, 0, 4);
  bool flag = false;
  root.read("flag", flag);
  milliseconds wait{0};
  auto limits = root.table("limits");
  REQUIRE(limits.has_value());
  limits->read_duration("wait", wait, 0ms, 1h);
  limits->finish();
  CHECK(wait == 250ms);
  std::string prefix;
  root.list("route")[0].read("prefix", prefix);
  CHECK(prefix == "/b");
  std::string text;
  root.table("new")->table("table")->read("text", text);
  CHECK(text == "quoted");
  CHECK(document.errors() == Lines{
                                 "--set: error: 'count' is 5 (allowed: 0 to 4)",
                                 "--set: error: 'flag' is a text, not true or false (write flag = true)",
                                 "--set: error: unknown key 'other' in [limits] (take it out)",
                             });
}

TEST_CASE("a --set that names nothing is an error", "[config][toml]") {
  TomlDocument document = parsed("count = 1\n[[route]]\n");
  document.set("nothing");
  document.set("=1");
  document.set("a..b=1");
  document.set("count.x=1");
  document.set("route.1.prefix=/");
  document.set("route.x=1");
  CHECK(document.errors().size() == 6);
  for (const std::string& error : document.errors()) CHECK_THAT(error, contains("--set: error: "));
}

TEST_CASE("an error is one line whatever the text holds", "[config][toml]") {
  TomlDocument document = parsed("mode = \"a\\nb\\u0001" + std::string(200, 'x') + "\"\n");
  TomlTable root = document.root();
  static_cast<void>(root.read_choice("mode", std::array<std::string_view, 1>{"auto"}));
  const Lines errors = document.errors();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find('\n') == std::string::npos);
  CHECK(errors[0].find('\x01') == std::string::npos);
  CHECK(errors[0].size() < 200);
}
