#include "proxy/config/load_proxy_config.h"

#include <cstdlib>
#include <filesystem>

#include "proxy/config/snapshot.h"
#include "tests/proxy/config/load_text.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;
using namespace std::chrono_literals;

using Lines = std::vector<std::string>;

TEST_CASE("a configuration with a listener only has every default", "[config]") {
  ProxyConfig expected;
  expected.listeners = {{"public", "127.0.0.1:0", std::nullopt}};
  CHECK(load_good(kListener) == expected);
}

TEST_CASE("every key of a configuration is read", "[config]") {
  const ProxyConfig config = load_good(R"(
runtime_dir = "/r"
state_dir = "/s"
redis = "redis://:secret@10.0.0.1/1"
watch = false
stop_time = "3s"
[log]
level = "debug"
[admin]
listen = "[::1]:0"
hosts = ["ops.example"]
[limits]
keep_alive_idle = "1s"
head_size = "8KiB"
field_count = 50
[backplane]
prefix = "p"
scoped_sends = false
[listener.public]
listen = "0.0.0.0:0"
tls = {certificate = "/c.pem", key = "/k.pem"}
[listener.inside]
listen = "unix:/s/http.sock"
[pool.main]
command = ["./bin/hubs", "--x"]
workers = 3
handover = "off"
drain_time = "5m"
application = "chat"
balance = "round_robin"
[pool.far]
endpoints = ["10.0.0.1:80", {address = "unix:far.sock", weight = 3}]
health = {path = "/healthz?deep=1", interval = "5s", timeout = "250ms", fall = 1, rise = 4}
[[route]]
prefix = "/chat/"
pool = "main"
listeners = ["public"]
[[route]]
prefix = "/live"
pool = "far"
hub = true
[[route]]
prefix = "/"
folder = "tests"
)");
  CHECK(config.runtime_dir == "/r");
  CHECK(config.state_dir == "/s");
  CHECK(config.redis.reveal() == "redis://:secret@10.0.0.1/1");
  CHECK_FALSE(config.watch);
  CHECK(config.stop_time == 3s);
  CHECK(config.log_level == LogLevel::kDebug);
  CHECK(config.admin == AdminConfig{"[::1]:0", {"ops.example"}});
  LimitsConfig limits;
  limits.keep_alive_idle = 1s;
  limits.head_size = 8192;
  limits.field_count = 50;
  CHECK(config.limits == limits);
  CHECK(config.backplane == BackplaneConfig{"p", false});
  REQUIRE(config.find_listener("public") != nullptr);
  CHECK(config.find_listener("public")->tls == TlsFiles{"/c.pem", "/k.pem"});
  CHECK(config.find_listener("inside")->listen == "unix:/s/http.sock");
  REQUIRE(config.find_pool("main") != nullptr);
  const std::string here = std::filesystem::current_path().string();
  CHECK(*config.find_pool("main") ==
        PoolConfig{
            "main", {here + "/bin/hubs", "--x"}, 3, HandoverMode::kOff, 5min, {}, "chat", BalancePolicy::kRoundRobin});
  CHECK(config.find_pool("far")->endpoints ==
        std::vector<EndpointConfig>{{"10.0.0.1:80"}, {"unix:" + here + "/far.sock", 3}});
  CHECK(config.find_pool("far")->health == HealthConfig{"/healthz?deep=1", 5s, 250ms, 1, 4});
  CHECK_FALSE(config.find_pool("far")->is_local());
  REQUIRE(config.routes.size() == 3);
  CHECK(config.routes[0] == Route{"/chat", "main", "", false, {"public"}});
  CHECK(config.routes[1] == Route{"/live", "far", "", true, {}});
  CHECK(config.routes[2] == Route{"/", "", here + "/tests", false, {}});
}

TEST_CASE("all semantic errors come at once, each with its place and a remedy", "[config]") {
  const LoadedConfig loaded = load_text(R"(runtime_dirr = "/r"
stop_time = 10
[limits]
queue_wait = "5"
head_size = "1GiB"
[listener.public]
listen = "8080"
[pool.main]
comand = ["x"]
workers = 0
[[route]]
prefix = "chat"
pool = "mian"
)");
  CHECK_FALSE(loaded.config.has_value());
  CHECK(loaded.errors ==
        Lines{
            "x.toml:1:1: error: unknown key 'runtime_dirr' (did you mean 'runtime_dir'?)",
            "x.toml:2:13: error: 'stop_time' is a number, not a time with a unit (write stop_time = \"10s\")",
            "x.toml:4:14: error: 'queue_wait' is '5', which is no time (write digits and a unit: \"250ms\", \"10s\", "
            "\"5m\", \"1h\")",
            "x.toml:5:13: error: 'head_size' is '1GiB' (allowed: 256B to 60KiB)",
            "x.toml:7:10: error: \"8080\" is no address: there is no port (write \"127.0.0.1:8080\") (write "
            "\"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\")",
            "x.toml:8:1: error: pool 'main' has no endpoints (give it a command or endpoints)",
            "x.toml:9:1: error: unknown key 'comand' in [pool.main] (did you mean 'command'?)",
            "x.toml:10:11: error: 'workers' is 0 (allowed: 1 to 1000)",
            "x.toml:12:10: error: the prefix 'chat' must begin with '/'",
            "x.toml:13:8: error: there is no pool 'mian' (there is: main)",
        });
}

TEST_CASE("one syntax error is reported alone", "[config]") {
  const LoadedConfig loaded = load_text("stop_time = 10\nx = = 2\n");
  REQUIRE(loaded.errors.size() == 1);
  CHECK_THAT(loaded.errors[0], contains("x.toml:2:5: error: "));
}

TEST_CASE("every prefix of a configuration file gives a clean error or a configuration", "[config]") {
  const std::string text = TemporaryFolder::read("conf/hubgate.toml");
  REQUIRE(text.size() > 1000);
  std::size_t good = 0;
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const LoadedConfig loaded = load_text(std::string_view(text).substr(0, length), {"route.2.folder=tests"});
    CAPTURE(length);
    if (loaded.config.has_value()) {
      ++good;
      CHECK(loaded.errors.empty());
    } else {
      REQUIRE_FALSE(loaded.errors.empty());
      for (const std::string& error : loaded.errors) {
        CHECK_THAT(error, contains(": error: "));
        CHECK((error.starts_with("x.toml:") || error.starts_with("--set: ")));
        CHECK(error.find('\n') == std::string::npos);
      }
    }
  }
  CHECK(good > 0);
}

TEST_CASE("overrides go over the file and are placed as --set", "[config]") {
  const std::string text = std::string(kListener) + std::string(kPool);
  const ProxyConfig config =
      load_good(text, {"pool.main.workers=4", "listener.public.listen=[::1]:0", "limits.keep_alive_idle=1s",
                       "runtime_dir=/tmp/x/run", "listener.tls.listen=127.0.0.1:0", "listener.tls.tls.certificate=/c",
                       "listener.tls.tls.key=/k", "pool.main.handover=off", "admin.hosts=[\"a\"]"});
  CHECK(config.pools[0].workers == 4);
  CHECK(config.find_listener("public")->listen == "[::1]:0");
  CHECK(config.find_listener("tls")->tls == TlsFiles{"/c", "/k"});
  CHECK(config.limits.keep_alive_idle == 1s);
  CHECK(config.runtime_dir == "/tmp/x/run");
  CHECK(config.pools[0].handover == HandoverMode::kOff);
  CHECK(config.admin.hosts == Lines{"a"});

  CHECK(load_text(text, {"pool.main.workers=many", "pool.nain=1", "limits.x=1"}).errors ==
        Lines{
            "--set: error: unknown key 'x' in [limits] (take it out)",
            "--set: error: 'nain' is a number, not a table (write [pool.nain] and its keys below)",
            "--set: error: 'workers' is a text, not a number (write workers = 1)",
        });
}

TEST_CASE("relative paths start at the file's folder", "[config]") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "etc/www");
  const ConfigSource source{
      folder / "etc/../etc/h.toml",
      "runtime_dir = \"../run/\"\nstate_dir = \"state\"\n[listener.a]\nlisten = \"unix:s/a.sock\"\n"
      "tls = {certificate = \"c.pem\", key = \"../k.pem\"}\n[[route]]\nprefix = \"/\"\nfolder = \"www\"\n",
      {},
      false};
  const LoadedConfig loaded = load_proxy_config(source);
  for (const std::string& error : loaded.errors) UNSCOPED_INFO(error);
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.config->runtime_dir == folder / "run");
  CHECK(loaded.config->state_dir == folder / "etc/state");
  CHECK(loaded.config->listeners[0].listen == "unix:" + folder / "etc/s/a.sock");
  CHECK(loaded.config->listeners[0].tls == TlsFiles{folder / "etc/c.pem", folder / "k.pem"});
  CHECK(loaded.config->routes[0].folder == folder / "etc/www");
}

TEST_CASE("secrets come from a file or the environment", "[config]") {
  const TemporaryFolder folder;
  const std::string file = folder.write("redis", "redis://:hidden@host/0\n");
  ::setenv("HUBGATE_TEST_REDIS", "rediss://:hidden@host", 1);
  const std::string listener(kListener);
  CHECK(load_good("redis = {file = \"" + file + "\"}\n" + listener).redis.reveal() == "redis://:hidden@host/0");
  CHECK(load_good("redis = {env = \"HUBGATE_TEST_REDIS\"}\n" + listener).redis.reveal() == "rediss://:hidden@host");
}

TEST_CASE("a secret that cannot be had is an error that shows none of it", "[config]") {
  const TemporaryFolder folder;
  const std::string empty = folder.write("empty", "\n");
  ::setenv("HUBGATE_TEST_REDIS", "http://:hidden@host", 1);
  const auto error = [&](const std::string& redis) {
    const LoadedConfig loaded = load_text("redis = " + redis + "\n" + std::string(kListener));
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0].find("hidden") == std::string::npos);
    return loaded.errors[0];
  };
  CHECK_THAT(error("{file = \"" + (folder / "none") + "\"}"), contains("No such file"));
  CHECK_THAT(error("{file = \"" + empty + "\"}"), contains("is empty"));
  CHECK_THAT(error("{env = \"HUBGATE_TEST_NOT_SET\"}"), contains("HUBGATE_TEST_NOT_SET is not set"));
  CHECK_THAT(error("{}"), contains("needs either file or env"));
  CHECK_THAT(error("{env = \"A\", file = \"b\"}"), contains("needs either file or env"));
  CHECK_THAT(error("{env = \"HUBGATE_TEST_REDIS\"}"), contains("redis is no address"));
  CHECK_THAT(error("\"hidden\""), contains("redis is no address"));
  CHECK_THAT(error("\"\""), contains("is empty"));
  CHECK_THAT(error("5"), contains("is a number"));
  const std::string rest = "[rest]\nkey_files = [\"" + empty + "\"]\n";
  CHECK_THAT(load_text(std::string(kListener) + rest).errors.at(0), contains("is empty"));
}

TEST_CASE("with --dev an empty tls table means the self-signed pair", "[config]") {
  const std::string text = "state_dir = \"/s\"\n[listener.a]\nlisten = \"127.0.0.1:0\"\ntls = {}\n";
  const LoadedConfig dev = load_text(text, {}, true);
  REQUIRE(dev.config.has_value());
  CHECK(dev.config->listeners[0].tls == TlsFiles{"/s/dev.crt", "/s/dev.key"});
  const LoadedConfig plain = load_text(text);
  REQUIRE(plain.errors.size() == 2);
  CHECK_THAT(plain.errors[0], contains("x.toml:4:7: error: TLS needs a certificate"));
  CHECK(load_text(text, {"listener.a.tls.key=/k"}, true).errors.size() == 1);
}

TEST_CASE("a file that cannot be read is an error that names it", "[config]") {
  const TemporaryFolder folder;
  const auto missing = read_config_file(folder / "missing.toml");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK_THAT(missing.error().what, contains("missing.toml: error: No such file"));
  CHECK_FALSE(read_config_file(folder.path()).has_value());
  const std::string large = folder.write("large", std::string(1024 * 1024 + 1, '#'));
  CHECK(read_config_file(large).error().code == ErrorCode::kTooLarge);
  CHECK(read_config_file(folder.write("good", "x = 1")).value() == "x = 1");
}

TEST_CASE("a Redis address is shown without what is secret", "[config]") {
  CHECK(redis_without_password("managed") == "managed");
  CHECK(redis_without_password("redis://h:1/2") == "redis://h:1/2");
  CHECK(redis_without_password("redis://user:pass@h:1/2") == "redis://h:1/2");
  CHECK(redis_without_password("rediss://:p@ss@h") == "rediss://h");
  CHECK(redis_without_password("rediss://:p@h/0?password_file=/x") == "rediss://h/0");
  CHECK(redis_without_password("unix:/a/b@c?user=x") == "unix:/a/b@c");
}
