#include <sstream>

#include "common/net/tls_context.h"
#include "proxy/cli/commands.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using test::contains;
using test::TemporaryFolder;

namespace {

struct Outcome {
  int exit = 0;
  std::string out;
  std::string err;
};

Outcome check(const GatewayOptions& options) {
  std::ostringstream out;
  std::ostringstream err;
  const int exit = check_command(options, out, err);
  return {exit, out.str(), err.str()};
}

}  // namespace

TEST_CASE("check says that a good file is good", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.write("h.toml", "[listener.a]\nlisten = \"127.0.0.1:0\"\n");
  const Outcome outcome = check({file, {}, false});
  CHECK(outcome.exit == kExitOk);
  CHECK(outcome.out == file + ": good\n");
  CHECK(outcome.err.empty());
}

TEST_CASE("check prints every error and exits with 78", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.write("h.toml", "x = 1\nwatch = 2\n");
  const Outcome outcome = check({file, {"stop_time=5"}, false});
  CHECK(outcome.exit == kExitConfiguration);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, contains(file + ":1:1: error: unknown key 'x'"));
  CHECK_THAT(outcome.err, contains(file + ":2:9: error: 'watch' is a number"));
  CHECK_THAT(outcome.err, contains("--set: error: 'stop_time' is a number"));
  CHECK(check({folder / "missing", {}, false}).exit == kExitConfiguration);
}

TEST_CASE("check loads the certificates of TLS listeners", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.write("h.toml",
                                        "state_dir = \".\"\n[listener.a]\nlisten = \"127.0.0.1:0\"\n"
                                        "tls = {certificate = \"dev.crt\", key = \"dev.key\"}\n");
  const Outcome missing = check({file, {}, false});
  CHECK(missing.exit == kExitConfiguration);
  CHECK_THAT(missing.err, contains(file + ":4:7: error: "));
  CHECK_THAT(missing.err, contains("dev.crt"));
  CHECK(check({file, {}, true}).exit == kExitOk);  // the gateway makes the pair
  REQUIRE(net::make_self_signed_pair(folder / "dev.crt", folder / "dev.key").has_value());
  CHECK(check({file, {}, false}).exit == kExitOk);
  folder.write("dev.key", "no key");
  CHECK(check({file, {}, true}).exit == kExitConfiguration);
}
