#include <string>
#include <type_traits>
#include <vector>

#include "common/base/message_pack.h"
#include "common/control/keeper_messages.h"
#include "common/control/worker_messages.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::control;

namespace {

template <class Variant>
using Decode = Result<Variant> (*)(Bytes);

// Checks one message whole, cut at every byte, with a byte behind it and with elements of a newer peer.
template <class Variant, class Message>
void check(Decode<Variant> decode, const Message& message) {
  const std::string bytes = encode(message);
  INFO("type " << typeid(Message).name());
  REQUIRE_FALSE(bytes.empty());
  const auto decoded = decode(as_bytes(bytes));
  REQUIRE(decoded);
  REQUIRE(std::holds_alternative<Message>(*decoded));
  CHECK(std::get<Message>(*decoded) == message);

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = decode(as_bytes(bytes).first(size));
    REQUIRE_FALSE(cut);
    REQUIRE(cut.error().code == ErrorCode::kInvalid);
  }
  CHECK_FALSE(decode(as_bytes(bytes + '\0')));

  std::string newer = bytes;
  REQUIRE((static_cast<unsigned char>(newer[0]) & 0xf0U) == 0x90U);  // a short array; one element more
  ++newer[0];
  newer += "\x81\xa1x\x01";
  const auto of_newer = decode(as_bytes(newer));
  REQUIRE(of_newer);
  CHECK(std::get<Message>(*of_newer) == message);
}

const SlotId kSlot{"main", 3, 1'700'000'001};

Welcome welcome() {
  Welcome message;
  message.epoch = UINT64_MAX;
  message.pool = "main";
  message.application = "chat";
  message.slot = 7;
  message.generation = 1'700'000'000;
  message.endpoint = UINT32_MAX;
  message.tag = "AQIDBAUGBwgJCgsMDQ4PEBES";
  message.redis = "unix:/run/redis.sock";
  message.channel_prefix = "p:";
  message.rest_keys = {"one", "two"};
  message.scoped_sends = true;
  message.log_level = "debug";
  message.limits.drain_time = std::chrono::seconds(5);
  message.limits.max_connections = 1000;
  return message;
}

ClosedRecord record(std::uint64_t n) {
  return {1,
          n,
          "slow_consumer",
          ClosedBy::kServer,
          1006,
          10,
          20,
          3,
          4,
          "abcdef",
          "127.0.0.1:4711",
          "/chat",
          1'700'000'000'123};
}

}  // namespace

TEST_CASE("each message of the control link comes out as it went in, and no cut of it is taken for one", "[control]") {
  check(decode_control_to_worker, Hello{1, 3, 99});
  check(decode_control_to_worker, welcome());
  check(decode_control_to_worker, Welcome{});
  check(decode_control_to_worker, Ping{});
  check(decode_control_to_worker, Drain{std::chrono::seconds(60), std::chrono::seconds(120), true, true});
  check(decode_control_to_worker, Undrain{});
  check(decode_control_to_worker, Close{10, 30});

  check(decode_control_to_proxy, Hello{});
  check(decode_control_to_proxy,
        Path{5, "/chat", "Demo.ChatHub", "chat", {"https://a", "https://b"}, "as_is", {"Send"}});
  check(decode_control_to_proxy, Ready{5, "p:", true, 90'000, true});
  check(decode_control_to_proxy, Pong{1234});
  check(decode_control_to_proxy, Load{5, 17, 1000, 12});
  check(decode_control_to_proxy, Closed{{record(1), record(2)}});
  check(decode_control_to_proxy, Stats{"ready", {{"hubgate_hub_messages_total{hub=\"x\"}", 12.5}, {"b", -1}}});
  check(decode_control_to_proxy, State{true, true});
  check(decode_control_to_proxy, Drained{});
}

TEST_CASE("each message of the handover link comes out as it went in, and no cut of it is taken for one", "[control]") {
  check(decode_handover_to_worker, Hello{1, 0, 7});
  check(decode_handover_to_worker,
        Accept{7, 1, Accept::Kind::kClient, "GET /chat HTTP/1.1\r\n\r\n", std::string("\x81\x00\xff\x00", 4),
               "127.0.0.1:1", "127.0.0.1:80", "public", "r1"});
  check(decode_handover_to_worker, Accept{7, 2, Accept::Kind::kRelay, "", "", "", "", "", ""});
  check(decode_handover_to_proxy, Hello{1, 0, 7});
  check(decode_handover_to_proxy, Mine{7, 300});
  check(decode_handover_to_proxy, Refused{7, 300});
}

TEST_CASE("each message of the keeper link comes out as it went in, and no cut of it is taken for one", "[control]") {
  check(decode_keeper_to_proxy, Hello{1, 0, 0});
  check(decode_keeper_to_proxy, Kept{"listener:public 127.0.0.1:80"});
  check(decode_keeper_to_proxy, Slot{kSlot, 4711, "hash", 5});
  check(decode_keeper_to_proxy, SlotFd{kSlot, SlotRole::kPidfd});
  check(decode_keeper_to_proxy, InventoryEnd{});
  check(decode_keeper_to_proxy, Spawned{kSlot, 4711, "hash", 5});
  check(decode_keeper_to_proxy, SpawnFailed{kSlot, "exec", 2});
  check(decode_keeper_to_proxy, Exited{kSlot, 4711, 9});
  check(decode_keeper_to_proxy, Forgotten{"config"});
  check(decode_keeper_to_proxy, Reload{});
  check(decode_keeper_to_proxy, ReopenLogs{});
  check(decode_keeper_to_proxy, Stop{10});
  check(decode_keeper_to_proxy, KeeperPing{});

  check(decode_keeper_to_supervisor, Hello{1, 0, 5});
  check(decode_keeper_to_supervisor, Spawn{kSlot, {"/bin/x", ""}, {"A=b"}, "/tmp", {1024, true}, "hash"});
  check(decode_keeper_to_supervisor, Signal{kSlot, 15});
  check(decode_keeper_to_supervisor, Keep{"config"});
  check(decode_keeper_to_supervisor, Forget{"config"});
  check(decode_keeper_to_supervisor, DropTo{1000, 1000, {4, 27}});
  check(decode_keeper_to_supervisor, ProxyReady{});
  check(decode_keeper_to_supervisor, KeeperPong{});
}

TEST_CASE("a message of another link, of no known type or with a value out of range is refused", "[control]") {
  CHECK_FALSE(decode_control_to_worker(as_bytes(encode(Mine{1, 1}))));
  CHECK_FALSE(decode_handover_to_proxy(as_bytes(encode(Accept{}))));
  CHECK_FALSE(decode_keeper_to_proxy(as_bytes(encode(Spawn{}))));
  CHECK_FALSE(decode_control_to_proxy(Bytes{}));
  CHECK_FALSE(decode_control_to_proxy(as_bytes("\x80")));          // a map
  CHECK_FALSE(decode_control_to_proxy(as_bytes("\x90")));          // no type
  CHECK_FALSE(decode_control_to_proxy(as_bytes("\x91\xcc\xc8")));  // type 200
  CHECK_FALSE(decode_control_to_proxy(as_bytes("\x91\xa1x")));     // a type that is no number

  const auto bytes_of = [](auto write) {
    std::string bytes;
    message_pack::Packer out(bytes);
    write(out);
    return bytes;
  };
  // A kind of Accept that does not exist, and a time before the beginning.
  const std::string kind = bytes_of([](message_pack::Packer& out) {
    out.write_array(10);
    for (const int number : {static_cast<int>(Type::kAccept), 1, 1, 2}) out.write_integer(number);
    out.write_binary(std::string_view("GET"));
    out.write_binary(std::string_view());
    for (int i = 0; i < 4; ++i) out.write_string("");
  });
  CHECK_FALSE(decode_handover_to_worker(as_bytes(kind)));
  const std::string drain = bytes_of([](message_pack::Packer& out) {
    out.write_array(4);
    out.write_integer(static_cast<int>(Type::kDrain));
    out.write_integer(-1);
    out.write_integer(1);
    out.write_bool(true);
  });
  CHECK_FALSE(decode_control_to_worker(as_bytes(drain)));
}

TEST_CASE("records of closed connections are split by number and by size, and none is lost", "[control]") {
  std::vector<ClosedRecord> records;
  const bool large = GENERATE(false, true);
  for (std::uint64_t n = 1; n <= 1000; ++n) {
    records.push_back(record(n));
    if (large) records.back().request_id = std::string(1000, 'x');
  }
  std::uint64_t next = 1;
  const std::vector<std::string> messages = encode_split(records);
  CHECK(messages.size() >= (large ? 16U : 4U));
  for (const std::string& message : messages) {
    CHECK(message.size() <= kMaxMessage);
    const auto decoded = decode_control_to_proxy(as_bytes(message));
    REQUIRE(decoded);
    const auto& closed = std::get<Closed>(*decoded);
    CHECK(closed.records.size() <= kMaxClosedRecords);
    for (const ClosedRecord& one : closed.records) CHECK(one.n == next++);
  }
  CHECK(next == 1001);
  CHECK(encode_split({}).empty());
}
