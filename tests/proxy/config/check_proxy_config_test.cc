#include "proxy/config/check_proxy_config.h"

#include "tests/proxy/config/load_text.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;

namespace {

// The errors of a text, joined; "" when it is right.
std::string errors_of(std::string_view text) {
  std::string all;
  for (const std::string& error : load_text(text).errors) all += error + "\n";
  return all;
}

std::string with(std::string_view more, std::string_view before = "") {
  return std::string(before) + std::string(kListener) + std::string(kPool) + std::string(more);
}

}  // namespace

TEST_CASE("a route must lead to one thing that exists", "[config][check]") {
  CHECK(errors_of(with("[[route]]\nprefix = \"/a\"\npool = \"main\"\n")).empty());
  CHECK_THAT(errors_of(with("[[route]]\nprefix = \"/a\"\npool = \"nain\"\n")),
             contains("x.toml:7:8: error: there is no pool 'nain' (there is: main)"));
  CHECK_THAT(errors_of(with("[[route]]\nprefix = \"/a\"\n")), contains("leads nowhere"));
  CHECK_THAT(errors_of(with("[[route]]\nprefix = \"/a\"\npool = \"main\"\nfolder = \"tests\"\n")),
             contains("both a pool and a folder"));
  CHECK_THAT(errors_of(with("[[route]]\nprefix = \"/a\"\nfolder = \"no/such/folder\"\n")),
             contains("there is no folder"));
  CHECK_THAT(errors_of(with("[[route]]\npool = \"main\"\n")), contains("needs a prefix"));
  CHECK_THAT(errors_of(with("[[route]]\nprefix = \"/a\"\nfolder = \"tests\"\nhub = true\n")),
             contains("a folder has no hub"));
  CHECK_THAT(errors_of(with("[[route]]\nprefix = \"/a\"\npool = \"main\"\nlisteners = [\"x\"]\n")),
             contains("there is no listener 'x' (add [listener.x])"));
}

TEST_CASE("a prefix that no request can have is an error", "[config][check]") {
  const auto prefix = GENERATE(as<std::string>{}, "/a%20b", "/a?b", "/a#b", "/a/../b", "/a/.", "a", "/a b");
  CAPTURE(prefix);
  CHECK_FALSE(errors_of(with("[[route]]\nprefix = \"" + prefix + "\"\npool = \"main\"\n")).empty());
}

TEST_CASE("the same prefix twice on one listener is an error", "[config][check]") {
  const std::string listeners = "[listener.b]\nlisten = \"127.0.0.1:0\"\n";
  const auto routes = [&](std::string_view first, std::string_view second) {
    return errors_of(with(listeners + "[[route]]\npool = \"main\"\n" + std::string(first) +
                          "\n[[route]]\npool = \"main\"\n" + std::string(second) + "\n"));
  };
  CHECK_THAT(routes("prefix = \"/a\"", "prefix = \"/a/\""), contains("is there twice"));
  CHECK_THAT(routes("prefix = \"/a\"", "prefix = \"/a\"\nlisteners = [\"b\"]"), contains("is there twice"));
  CHECK_THAT(routes("prefix = \"/a\"\nhub = true", "prefix = \"/A\""), contains("is there twice"));
  CHECK(routes("prefix = \"/a\"\nlisteners = [\"public\"]", "prefix = \"/a\"\nlisteners = [\"b\"]").empty());
  CHECK(routes("prefix = \"/a\"", "prefix = \"/A\"").empty());
}

TEST_CASE("a PROXY header needs somebody whose header is believed", "[config][check]") {
  const auto listener = [](std::string_view keys) {
    return errors_of(std::string(kListener) + std::string(keys) + "\n" + std::string(kPool));
  };
  CHECK(listener("proxy_protocol = true\ntrusted_cidrs = [\"10.0.0.0/8\", \"::1\", \"unix\"]").empty());
  CHECK(listener("trusted_cidrs = [\"10.0.0.0/8\"]").empty());
  CHECK_THAT(listener("proxy_protocol = true"), contains("name the balancers' addresses"));
  CHECK_THAT(listener("trusted_cidrs = [\"10.0.0.1/8\"]"), contains("'10.0.0.1/8' has bits behind its prefix"));
  CHECK_THAT(listener("trusted_cidrs = [\"balancer\"]"), contains("is no range of addresses"));
}

TEST_CASE("a pool has either a command or endpoints, and these are addresses", "[config][check]") {
  const auto pool = [](std::string_view keys) {
    return errors_of(std::string(kListener) + "[pool.p]\n" + std::string(keys));
  };
  CHECK(pool("endpoints = [\"10.0.0.1:80\", \"[::1]:80\", \"unix:/a\"]\n").empty());
  CHECK_THAT(pool(""), contains("give it a command or endpoints"));
  CHECK_THAT(pool("command = [\"a\"]\nendpoints = [\"10.0.0.1:80\"]\n"), contains("both a command and endpoints"));
  CHECK_THAT(pool("command = [\"\"]\n"), contains("no name"));
  CHECK(pool("endpoints = [\"app.internal:80\", \"localhost:1\"]\n").empty());  // nothing is looked up
  CHECK_THAT(pool("endpoints = [\"10.0.0.1\"]\n"), contains("is no address"));
  CHECK_THAT(pool("endpoints = [\"10.0.0.256:80\"]\n"), contains("is no address"));
  CHECK_THAT(pool("endpoints = [\"app.internal\"]\n"), contains("app.internal:8080"));
  CHECK_THAT(pool("endpoints = [\"app.internal:0\"]\n"), contains("has no port"));
  CHECK_THAT(pool("endpoints = [\"10.0.0.1:0\"]\n"), contains("has no port"));
  CHECK_THAT(pool("endpoints = [\"10.0.0.1:1\", \"10.0.0.1:1\"]\n"), contains("there twice"));
  CHECK_THAT(pool("command = [\"dotnet\", \"http://127.0.0.1:{port}\"]\n"), contains("{port} is for programs"));
}

TEST_CASE("health is asked of remote endpoints only, by a path and within bounds", "[config][check]") {
  const auto pool = [](std::string_view health) {
    return errors_of(std::string(kListener) + "[pool.p]\nendpoints = [\"10.0.0.1:80\"]\nhealth = {" +
                     std::string(health) + "}\n");
  };
  CHECK(pool("").empty());
  CHECK(pool("path = \"/health%20z?deep=1\", interval = \"100ms\", timeout = \"1m\", fall = 1, rise = 100").empty());
  CHECK_THAT(pool("path = \"healthz\""), contains("x.toml:5:18: error: 'healthz' is no path that can be asked for"));
  CHECK_FALSE(pool("path = \"/a b\"").empty());
  CHECK_FALSE(pool("path = \"/a\\r\\nX: y\"").empty());
  CHECK_FALSE(pool("path = \"/" + std::string(1024, 'a') + "\"").empty());
  CHECK_THAT(pool("interval = \"0s\""), contains("allowed: 100ms to 1h"));
  CHECK_THAT(pool("timeout = \"6m\""), contains("allowed: 10ms to 5m"));
  CHECK_THAT(pool("fall = 0"), contains("allowed: 1 to 100"));
  CHECK_THAT(pool("rises = 1"), contains("did you mean 'rise'"));
  CHECK_THAT(errors_of(with("health = {fall = 1}\n")), contains("workers tell of their health themselves"));
  CHECK(errors_of(with("health = {fall = 3}\n")).empty());  // the default
}

TEST_CASE("an endpoint may have a weight", "[config][check]") {
  const auto pool = [](std::string_view endpoints) {
    return errors_of(std::string(kListener) + "[pool.p]\nendpoints = [" + std::string(endpoints) + "]\n");
  };
  CHECK(pool("\"10.0.0.1:80\", {address = \"10.0.0.2:80\", weight = 5}").empty());
  CHECK_THAT(pool("{address = \"10.0.0.2:80\", weight = 0}"), contains("x.toml:4:49: error: 'weight' is 0"));
  CHECK_THAT(pool("{weight = 1}"), contains("is no address"));
  CHECK_THAT(pool("{address = \"10.0.0.2:80\", wait = 1}"), contains("unknown key 'wait' in [pool.p.endpoints.0]"));
  CHECK_THAT(pool("\"10.0.0.1:80\", {address = \"10.0.0.1:80\"}"), contains("there twice"));
  CHECK_THAT(pool("7"), contains("holds a number"));
}

TEST_CASE("names are short and plain", "[config][check]") {
  CHECK_THAT(errors_of(with("[pool.\"a b\"]\ncommand = [\"x\"]\n")), contains("a pool's name has"));
  CHECK_THAT(errors_of(with("[listener.\"a/b\"]\nlisten = \"127.0.0.1:0\"\n")), contains("a listener's name has"));
  CHECK_THAT(errors_of(with("[pool." + std::string(33, 'a') + "]\ncommand = [\"x\"]\n")), contains("1 to 32"));
}

TEST_CASE("listeners have addresses of their own", "[config][check]") {
  CHECK_THAT(errors_of(""), contains("x.toml:1:1: error: there is no listener"));
  CHECK_THAT(errors_of("[listener.a]\n"), contains("there is no address"));
  CHECK_THAT(errors_of("[listener.a]\nlisten = \"127.0.0.1:81\"\n[listener.b]\nlisten = \"127.0.0.1:81\"\n"),
             contains("127.0.0.1:81 is taken by listener.a.listen"));
  CHECK_THAT(errors_of("[listener.a]\nlisten = \"127.0.0.1:8081\"\n"), contains("taken by admin.listen"));
  CHECK(errors_of("[listener.a]\nlisten = \"127.0.0.1:0\"\n[listener.b]\nlisten = \"127.0.0.1:0\"\n").empty());
}

TEST_CASE("TLS needs certificate and key", "[config][check]") {
  const auto tls = [](std::string_view files) {
    return errors_of(std::string(kListener) + "tls = {" + std::string(files) + "}\n");
  };
  CHECK(tls("certificate = \"a\", key = \"b\"").empty());
  CHECK_THAT(tls("certificate = \"a\""), contains("TLS needs the certificate's key"));
  CHECK_THAT(tls("key = \"a\""), contains("TLS needs a certificate"));
}

TEST_CASE("the paths of sockets fit the kernel's 107 bytes", "[config][check]") {
  const std::string fits(106, 'a');
  CHECK(errors_of("[listener.a]\nlisten = \"unix:/" + fits + "\"\n").empty());
  CHECK_THAT(errors_of("[listener.a]\nlisten = \"unix:/" + fits + "b\"\n"), contains("longer than 107 bytes"));
  CHECK(errors_of(with("", "runtime_dir = \"/" + std::string(83, 'r') + "\"\n")).empty());
  CHECK_THAT(errors_of(with("", "runtime_dir = \"/" + std::string(84, 'r') + "\"\n")), contains("at most 84 bytes"));
  CHECK_THAT(errors_of(with("", "redis = \"unix:/" + fits + "b\"\n")), contains("longer than 107 bytes"));
}

TEST_CASE("without Redis there is one worker in all", "[config][check]") {
  CHECK(errors_of(with("", "redis = \"off\"\n")).empty());
  CHECK_THAT(errors_of(with("workers = 2\n", "redis = \"off\"\n")), contains("x.toml:1:9: error: without Redis"));
  CHECK_THAT(errors_of(with("[pool.b]\ncommand = [\"x\"]\n", "redis = \"off\"\n")), contains("there are 2"));
  CHECK(errors_of(with("[pool.b]\nendpoints = [\"10.0.0.1:80\", \"10.0.0.2:80\"]\n", "redis = \"off\"\n")).empty());
}

TEST_CASE("redis is one of the kinds that exist", "[config][check]") {
  const auto good = GENERATE(as<std::string>{}, "managed", "redis://h", "rediss://h:1/2", "unix:/path");
  CHECK(errors_of(with("", "redis = \"" + good + "\"\n")).empty());
  const auto bad = GENERATE(as<std::string>{}, "Managed", "redis://", "redis:h", "tcp://h", "/path");
  CAPTURE(bad);
  CHECK_FALSE(errors_of(with("", "redis = \"" + bad + "\"\n")).empty());
}

TEST_CASE("user and group exist", "[config][check]") {
  CHECK(errors_of(with("", "user = \"root\"\nredis_group = \"root\"\n")).empty());
  CHECK_THAT(errors_of(with("", "user = \"nobody-of-that-name\"\n")), contains("there is no user"));
  CHECK_THAT(errors_of(with("", "redis_group = \"nobody-of-that-name\"\n")), contains("there is no group"));
  CHECK_THAT(errors_of(with("", "redis = \"off\"\nredis_group = \"root\"\n")), contains("managed Redis only"));
}

TEST_CASE("limits that contradict each other are errors", "[config][check]") {
  CHECK_THAT(errors_of(with("[limits]\nhead_size = \"8KiB\"\ntarget_size = \"9KiB\"\n")),
             contains("target_size is above head_size"));
  CHECK_THAT(errors_of(with("[limits]\nhead_size = \"4KiB\"\n")), contains("field_size is above head_size"));
}

TEST_CASE("keys of features that are still to come are refused, not ignored", "[config][check]") {
  CHECK(errors_of(with("[backplane]\nscoped_sends = false\n[rest]\nkey_files = []\n")).empty());
  CHECK_THAT(errors_of(with("[backplane]\nscoped_sends = true\n")), contains("no scoped sends"));
  CHECK_THAT(errors_of(with("[rest]\nkey_files = [\"CMakeLists.txt\"]\n")), contains("no REST interface"));
}

TEST_CASE("directories differ and hosts are hosts", "[config][check]") {
  CHECK_THAT(errors_of(with("", "runtime_dir = \"/x\"\nstate_dir = \"/x/\"\n")), contains("the same folder"));
  CHECK_THAT(errors_of(with("[admin]\nhosts = [\"http://x\"]\n")), contains("is no host"));
}

TEST_CASE("endpoints whose ids collide are refused", "[config][check]") {
  ProxyConfig config;
  config.pools = {{.name = "a", .command = {"x"}, .workers = 1000}};
  CHECK(check_endpoint_ids(config, "0123456789abcdef").empty());
  // Two pools of one name cannot come from a file; here they stand for two names with one digest.
  config.pools.push_back(config.pools[0]);
  config.pools[1].workers = 1;
  const auto problems = check_endpoint_ids(config, "0123456789abcdef");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].key == "pool.a");
  CHECK_THAT(problems[0].what, contains("a/0 and a/0 have the same endpoint id"));
  CHECK(check_endpoint_ids(config, "").empty());
}
