#include "hub/connections/negotiate.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "common/http/uri.h"
#include "tests/support/catch.h"

namespace hubgate::hub {
namespace {

NegotiateOptions options_named(const std::string& endpoint) {
  NegotiateOptions options;
  options.transports = {true, true, true};
  options.allow_stateful_reconnects = endpoint != "stateful reconnect not allowed";
  if (endpoint == "WebSockets not enabled") options = {{false, true, true}, 0, false};
  if (endpoint == "only WebSockets enabled") options = {{true, false, false}, 0, false};
  if (endpoint == "minimum version 12") options.minimum_version = 12;
  if (endpoint == "minimum version 1") options.minimum_version = 1;
  if (endpoint == "minimum version -1") options.minimum_version = -1;
  return options;
}

std::string answer_to(std::string_view query, const NegotiateOptions& options) {
  const auto outcome = read_negotiate_query(query, options);
  if (const auto* refusal = std::get_if<NegotiateRefusal>(&outcome)) return negotiate_body(*refusal);
  return negotiate_body(std::get<Negotiation>(outcome), options.transports, "connection_00000000001",
                        "token_0000000000000001");
}

// Left out: what is decided before a negotiation is one (methods, paths: the dispatcher's test) and authorization,
// which does not exist yet.
TEST_CASE("negotiation answers are those of ASP.NET Core, byte for byte", "[hub][connections]") {
  std::ifstream file("tests/data/vectors/negotiate.json");
  const auto vectors = nlohmann::json::parse(file).at("vectors");
  int compared = 0;
  for (const auto& vector : vectors) {
    const auto& request = vector.at("request");
    const auto& response = vector.at("response");
    if (request.at("method") != "POST" || response.at("status") != 200) continue;
    const std::string target = request.at("target");
    CAPTURE(vector.at("name").get<std::string>());
    CHECK(answer_to(http::split_target(target).query, options_named(vector.at("endpoint"))) ==
          response.at("body_text").get<std::string>());
    ++compared;
  }
  CHECK(compared >= 30);
}

TEST_CASE("a negotiate version is a 32-bit integer as .NET reads one", "[hub][connections]") {
  const NegotiateOptions options;
  const std::string refused = "{\"error\":\"The client requested a non-integer protocol version.\"}";
  for (const char* text : {"", "x", "1x", "1.0", "0x1", "2147483648", "-2147483649", "%2B-1", "--1", "1%2C1"}) {
    CAPTURE(text);
    CHECK(answer_to("negotiateVersion=" + std::string(text), options) == refused);
  }
  for (const char* text : {"1", "%2B1", "+1", "%09%0A1%20", "01", "2147483647"}) {
    CAPTURE(text);
    CHECK_THAT(answer_to("negotiateVersion=" + std::string(text), options),
               hubgate::test::contains("{\"negotiateVersion\":1,"));
  }
}

TEST_CASE("only WebSockets are offered until other transports exist", "[hub][connections]") {
  CHECK(answer_to("negotiateVersion=1&useStatefulReconnect=true", {}) ==
        "{\"negotiateVersion\":1,\"connectionId\":\"connection_00000000001\",\"connectionToken\":\"token_"
        "0000000000000001\",\"availableTransports\":[{\"transport\":\"WebSockets\",\"transferFormats\":[\"Text\","
        "\"Binary\"]}]}");
}

}  // namespace
}  // namespace hubgate::hub
