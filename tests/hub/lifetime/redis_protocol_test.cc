#include "hub/lifetime/redis_protocol.h"

#include "tests/hub/lifetime/backplane_vectors.h"
#include "tests/support/catch.h"

namespace hubgate::hub::redis_protocol {
namespace {

using nlohmann::json;
using test::from_hex;
using test::to_hex;

enum class Kind { kInvocation, kGroupCommand, kAck, kResult };

Kind kind_of(std::string_view channel) {
  if (channel.ends_with(":internal:groups")) return Kind::kGroupCommand;
  if (channel.find(":internal:ack:") != std::string_view::npos) return Kind::kAck;
  if (channel.find(":internal:return:") != std::string_view::npos) return Kind::kResult;
  return Kind::kInvocation;
}

/// Reads a payload and writes it again, as the same protocols; empty for what we do not write.
std::string written_again(Kind kind, std::string_view payload) {
  if (kind == Kind::kAck) return write_ack(read_ack(as_bytes(payload)).value());
  if (kind == Kind::kGroupCommand) return write_group_command(read_group_command(as_bytes(payload)).value());
  const InvocationPayload invocation = read_invocation(as_bytes(payload)).value();
  const SerializedHubMessage message(invocation.messages);
  std::vector<const HubProtocol*> protocols;
  for (const auto& entry : invocation.messages) protocols.push_back(find_standard_protocol(entry.protocol));
  const std::vector<std::string> excluded(invocation.excluded.begin(), invocation.excluded.end());
  return write_invocation(message, protocols, excluded).value();
}

bool is_readable(Kind kind, std::string_view payload) {
  switch (kind) {
    case Kind::kAck: return read_ack(as_bytes(payload)).has_value();
    case Kind::kGroupCommand: return read_group_command(as_bytes(payload)).has_value();
    default: return read_invocation(as_bytes(payload)).has_value();
  }
}

TEST_CASE("every payload that ASP.NET Core publishes is read, and written again byte for byte", "[lifetime][vectors]") {
  std::size_t payloads = 0;
  for (const json& vector : test::backplane_vectors()) {
    if (vector.at("role") != "publish") continue;
    for (const json& command : vector.at("commands")) {
      if (command.at("command") != "PUBLISH") continue;
      const std::string payload = from_hex(command.at("hex").get<std::string>());
      const Kind kind = kind_of(command.at("channel").get<std::string>());
      if (kind == Kind::kResult) continue;
      INFO(vector.at("name"));
      ++payloads;
      const json& meaning = command.at("meaning");
      if (kind == Kind::kInvocation) {
        const auto read = read_invocation(as_bytes(payload));
        REQUIRE(read);
        CHECK(json(std::vector<std::string>(read->excluded.begin(), read->excluded.end())) == meaning.at("excluded"));
        CHECK(read->messages.size() == meaning.at("messages").size());
        CHECK(read->invocation_id == meaning.value("invocationId", ""));
        CHECK(read->return_channel == meaning.value("returnChannel", ""));
        if (!read->invocation_id.empty()) continue;
      }
      CHECK(to_hex(written_again(kind, payload)) == command.at("hex"));
    }
  }
  CHECK(payloads > 200);
}

TEST_CASE("group commands and acks hold what they say", "[lifetime][vectors]") {
  for (const json& vector : test::backplane_vectors()) {
    if (vector.at("role") != "accept" || kind_of(vector.at("channel").get<std::string>()) != Kind::kGroupCommand)
      continue;
    INFO(vector.at("name"));
    const std::string payload = from_hex(vector.at("hex").get<std::string>());
    const auto command = read_group_command(as_bytes(payload));
    REQUIRE(command);
    const json& meaning = vector.at("meaning");
    CHECK(command->id == meaning.at("id"));
    CHECK(command->server_name == meaning.at("server"));
    CHECK(command->action == meaning.at("action"));
    CHECK(command->group == meaning.at("group"));
    CHECK(command->connection_id == meaning.at("connectionId"));
    const json& answer = vector.at("answer");
    if (answer.is_object()) CHECK(to_hex(write_ack(command->id)) == answer.at("hex"));
  }
}

TEST_CASE("payloads of other makes are read or refused as ASP.NET Core does", "[lifetime][vectors]") {
  for (const json& vector : test::backplane_vectors()) {
    if (vector.at("role") != "accept") continue;
    INFO(vector.at("name"));
    const std::string name = vector.at("name");
    const bool refused = name.ends_with("_one_item") || name.ends_with("_garbage") || name.ends_with("_nil_excluded");
    CHECK(is_readable(kind_of(vector.at("channel").get<std::string>()),
                      from_hex(vector.at("hex").get<std::string>())) == !refused);
  }
}

TEST_CASE("every prefix of every payload is a clean error", "[lifetime][vectors]") {
  for (const json& vector : test::backplane_vectors()) {
    if (vector.at("config") != "both" || vector.at("role") != "accept") continue;
    const std::string name = vector.at("name");
    if (name.find("extra") != std::string::npos || name.ends_with("four_elements"))
      continue;  // what is cut may be extra
    const Kind kind = kind_of(vector.at("channel").get<std::string>());
    const std::string payload = from_hex(vector.at("hex").get<std::string>());
    INFO(name);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      // Exactly these bytes are on the heap, so that a reader that goes on is seen.
      const std::vector<char> exact(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
      REQUIRE_FALSE(is_readable(kind, {exact.data(), exact.size()}));
    }
  }
}

TEST_CASE("any byte may be changed without harm", "[lifetime][vectors]") {
  std::size_t readable = 0;
  for (const char* name : {"both_foreign_all_except", "both_foreign_all_four_elements", "both_foreign_group_add"}) {
    const json& vector = test::backplane_vector(name);
    const Kind kind = kind_of(vector.at("channel").get<std::string>());
    const std::string payload = from_hex(vector.at("hex").get<std::string>());
    for (std::size_t at = 0; at < payload.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = payload;
        changed[at] = static_cast<char>(value);
        readable += is_readable(kind, changed) ? 1 : 0;
      }
    }
  }
  CHECK(readable > 0);
}

TEST_CASE("a payload with too few items says which", "[lifetime]") {
  CHECK(read_invocation(as_bytes("\x91\x90")).error().what == "Insufficient items in Invocation array.");
  CHECK(read_group_command(as_bytes("\x94\x01\xa1s\x01\xa1g")).error().what ==
        "Insufficient items in GroupCommand array.");
  CHECK(read_ack(as_bytes("\x90")).error().what == "Insufficient items in Ack array.");
}

}  // namespace
}  // namespace hubgate::hub::redis_protocol
