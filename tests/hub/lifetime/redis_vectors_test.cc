// What a server says to Redis, and what it takes from there, against the bytes of ASP.NET Core servers.
#include <algorithm>

#include "tests/hub/lifetime/backplane_fixture.h"
#include "tests/hub/lifetime/backplane_vectors.h"

namespace hubgate::hub {
namespace {

using nlohmann::json;
using test::Backplane;
using test::id_of;
using test::receive;
using Strings = std::vector<std::string>;

const std::string kOddUser = "us er:\u017e*?[]";
const std::string kOddGroup = "a b:*?[x]\n\u017e\U0001F600";

struct Configuration {
  const char* name;
  const char* prefix;
  std::vector<const HubProtocol*> protocols;
};

std::vector<Configuration> configurations() {
  const HubProtocol* json_protocol = find_standard_protocol("json");
  const HubProtocol* messagepack = find_standard_protocol("messagepack");
  return {{"both", "", {json_protocol, messagepack}},
          {"prefix", "app1:", {json_protocol, messagepack}},
          {"json", "", {json_protocol}},
          {"messagepack", "", {messagepack}}};
}

/// A server with the commands it sends, for one configuration.
struct Probe {
  explicit Probe(const Configuration& configuration)
      : name(configuration.name), backplane(configuration.prefix, configuration.protocols) {}

  RedisHubLifetimeManager& server(const char* server_name = test::kWeb1) { return backplane.add_server(server_name); }

  /// Runs an action on a server and compares what was sent meanwhile with the vector's commands. Those of the two
  /// links have no order between each other.
  template <class Action>
  void expect(const std::string& vector_name, Action action) {
    backplane.settle();
    backplane.redis.forget_commands();
    action();
    backplane.settle();
    INFO(name << "_" << vector_name);
    std::vector<Strings> published;
    Strings subscribed;
    for (const json& command : test::backplane_vector(std::string(name) + "_" + vector_name).at("commands")) {
      const std::string channel = command.at("channel");
      if (command.at("command") == "PUBLISH") {
        published.push_back({channel, command.at("hex")});
      } else {
        subscribed.push_back(command.at("command").get<std::string>() + " " + channel);
      }
    }
    std::vector<Strings> really_published;
    Strings really_subscribed;
    for (const auto& command : backplane.redis.commands()) {
      if (command.words[0] == "PUBLISH") really_published.push_back({command.words[1], test::to_hex(command.words[2])});
      if (!command.words[0].ends_with("SUBSCRIBE")) continue;
      for (std::size_t i = 1; i < command.words.size(); ++i) {
        really_subscribed.push_back(command.words[0] + " " + command.words[i]);
      }
    }
    CHECK(really_published == published);
    CHECK(really_subscribed == subscribed);
  }

  const char* name;
  Backplane backplane;
};

TEST_CASE("sends are published as ASP.NET Core publishes them", "[lifetime][vectors]") {
  for (const Configuration& configuration : configurations()) {
    Probe probe(configuration);
    auto& web1 = probe.server();
    probe.backplane.connect(web1, id_of(1));
    probe.backplane.connect(web1, id_of(5), "alice");
    const std::string c1 = id_of(1);
    const std::string c2 = id_of(2);
    const std::string c5 = id_of(5);
    const auto x = receive({"x"});
    const auto hi = receive({"hi"});
    const auto answer = receive({42});

    probe.expect("all_string", [&] { CHECK(web1.send_all(hi, {}, nullptr)); });
    probe.expect("all_int", [&] { CHECK(web1.send_all(answer, {}, nullptr)); });
    probe.expect("all_none", [&] { CHECK(web1.send_all(receive({}), {}, nullptr)); });
    probe.expect("all_three", [&] { CHECK(web1.send_all(receive({"a", 1, nullptr}), {}, nullptr)); });
    probe.expect("allexcept_one", [&] { CHECK(web1.send_all(x, Strings{c2}, nullptr)); });
    probe.expect("allexcept_two", [&] { CHECK(web1.send_all(x, Strings{c2, c1}, nullptr)); });
    probe.expect("allexcept_none", [&] { CHECK(web1.send_all(x, {}, nullptr)); });
    probe.expect("others", [&] { CHECK(web1.send_all(x, Strings{c1}, nullptr)); });
    probe.expect("group_send", [&] { CHECK(web1.send_group("room", hi, {}, nullptr)); });
    probe.expect("group_send_no_members", [&] { CHECK(web1.send_group("nobody-here", hi, {}, nullptr)); });
    probe.expect("groupexcept", [&] { CHECK(web1.send_group("room", x, Strings{c1}, nullptr)); });
    probe.expect("othersingroup", [&] { CHECK(web1.send_group("room", x, Strings{c1}, nullptr)); });
    probe.expect("groups", [&] { CHECK(web1.send_groups(Strings{"room", "g2", "g3"}, x, nullptr)); });
    probe.expect("groups_with_empty", [&] { CHECK(web1.send_groups(Strings{"room", "", "g2"}, x, nullptr)); });
    probe.expect("group_empty_name", [&] { CHECK(web1.send_group("", hi, {}, nullptr)); });
    probe.expect("user_send", [&] { CHECK(web1.send_user(kOddUser, answer, nullptr)); });
    probe.expect("user_send_unknown", [&] { CHECK(web1.send_user("nobody", answer, nullptr)); });
    probe.expect("users", [&] { CHECK(web1.send_users(Strings{"alice", "bob"}, x, nullptr)); });
    probe.expect("client_remote", [&] { CHECK(web1.send_connection(c2, hi, nullptr)); });
    probe.expect("client_local", [&] { CHECK(web1.send_connection(c5, hi, nullptr)); });
    probe.expect("client_unknown", [&] { CHECK(web1.send_connection("no-such-id", hi, nullptr)); });
    probe.expect("clients", [&] { CHECK(web1.send_connections(Strings{c2, c5}, x, nullptr)); });
    probe.expect("caller", [&] { CHECK(web1.send_connection(c1, hi, nullptr)); });
  }
}

TEST_CASE("connections, users and groups subscribe as in ASP.NET Core", "[lifetime][vectors]") {
  for (const Configuration& configuration : configurations()) {
    Probe probe(configuration);
    Backplane& backplane = probe.backplane;
    auto& web1 = probe.server();
    probe.expect("first_connection", [&] { backplane.connect(web1, id_of(1)); });
    probe.expect("connection_with_user", [&] { backplane.connect(web1, id_of(3), kOddUser); });
    probe.expect("same_user_again", [&] { backplane.connect(web1, id_of(4), kOddUser); });
    probe.expect("same_user_one_leaves", [&] { web1.on_disconnected(backplane.clients[2]->connection); });
    backplane.connect(web1, id_of(5));

    const auto join = [&](int number, const std::string& group) {
      CHECK(backplane.join(web1, id_of(number), group).empty());
    };
    const auto leave = [&](int number, const std::string& group) {
      CHECK(backplane.leave(web1, id_of(number), group).empty());
    };
    probe.expect("join_room", [&] { join(1, "room"); });
    probe.expect("join_room_again", [&] { join(1, "room"); });
    probe.expect("join_Room_case", [&] { join(1, "Room"); });
    probe.expect("join_room_second", [&] { join(5, "room"); });
    probe.expect("leave_room_second", [&] { leave(5, "room"); });
    probe.expect("join_odd", [&] { join(1, kOddGroup); });
    probe.expect("leave_odd", [&] { leave(1, kOddGroup); });
    probe.expect("leave_not_member", [&] { leave(1, "never-joined"); });
    probe.expect("leave_Room_case", [&] {
      leave(1, "Room");
      CHECK(web1.send_group("Room", receive({"hi"}), {}, nullptr));
    });

    auto& last = backplane.connect(web1, id_of(9));
    for (const char* group : {"gf", "gx", "ctxg"}) join(9, group);
    probe.expect("disconnect", [&] { web1.on_disconnected(last.connection); });
    web1.on_disconnected(backplane.clients[1]->connection);
    auto& user = backplane.connect(web1, id_of(7), kOddUser);
    join(7, "c3grp");
    if (std::string_view(probe.name) == "json") continue;  // the user had another connection when that was recorded
    probe.expect("disconnect_user", [&] { web1.on_disconnected(user.connection); });
  }
}

TEST_CASE("a server subscribes to its four channels before anything else", "[lifetime][vectors]") {
  for (const Configuration& configuration : configurations()) {
    Probe probe(configuration);
    probe.server();
    Strings expected;
    for (const json& command :
         test::backplane_vector(std::string(configuration.name) + "_start_before_use").at("commands")) {
      const std::string channel = command.at("channel");
      if (channel.find("Probe.ExtraHub:") != std::string::npos) expected.push_back(channel);
    }
    Strings subscribed = probe.backplane.redis.channels_of("SUBSCRIBE");
    std::sort(expected.begin(), expected.end());
    std::sort(subscribed.begin(), subscribed.end());
    CHECK(expected.size() == 4);
    CHECK(subscribed == expected);
  }
}

TEST_CASE("groups of connections elsewhere are changed by command and ack", "[lifetime][vectors]") {
  for (const Configuration& configuration : configurations()) {
    Probe probe(configuration);
    Backplane& backplane = probe.backplane;
    const auto payload_of = [&](const std::string& vector) {
      return test::from_hex(test::backplane_vector(std::string(probe.name) + "_" + vector)
                                .at("commands")
                                .at(0)
                                .at("hex")
                                .get<std::string>());
    };
    const std::string commands = std::string(configuration.prefix) + "Probe.ExtraHub:internal:groups";

    SECTION("the asking server's side") {
      auto& web1 = probe.server();
      probe.expect("remote_add_command", [&] { web1.add_to_group(id_of(2), "remote", nullptr); });
      probe.expect("remote_add_again_command", [&] { web1.add_to_group(id_of(2), "remote", nullptr); });
      web1.remove_from_group(id_of(2), "remote", nullptr);
      probe.expect("remote_add_unknown", [&] { web1.add_to_group("unknown-connection-id", "remote", nullptr); });
    }
    SECTION("the owner's side") {
      auto& web2 = probe.server(test::kWeb2);
      backplane.connect(web2, id_of(2));
      probe.expect("remote_add_owner", [&] { backplane.redis.publish(commands, payload_of("remote_add_command")); });
      probe.expect("remote_add_again_owner",
                   [&] { backplane.redis.publish(commands, payload_of("remote_add_again_command")); });
      probe.expect("remote_remove_owner",
                   [&] { backplane.redis.publish(commands, payload_of("remote_remove_command")); });
    }
  }
}

TEST_CASE("payloads of other makes reach as many clients as in ASP.NET Core, and are answered alike",
          "[lifetime][vectors]") {
  for (const Configuration& configuration : configurations()) {
    Probe probe(configuration);
    Backplane& backplane = probe.backplane;
    auto& web1 = probe.server();
    const char* other = std::string_view(configuration.name) == "json" ? "json" : "messagepack";
    const char* first = std::string_view(configuration.name) == "messagepack" ? "messagepack" : "json";
    backplane.connect(web1, id_of(1), "", first);
    backplane.connect(web1, id_of(9), "", other);
    backplane.connect(web1, id_of(7), kOddUser, first);
    backplane.join(web1, id_of(9), "gf");

    for (const json& vector : test::backplane_vectors()) {
      if (vector.at("role") != "accept" || vector.at("config") != configuration.name) continue;
      const std::string name = vector.at("name");
      INFO(name);
      backplane.redis.forget_commands();
      const std::uint64_t transcoded = web1.counters().transcoded;
      backplane.redis.publish(vector.at("channel"), test::from_hex(vector.at("hex").get<std::string>()));
      backplane.settle();

      std::size_t delivered = 0;
      for (const auto& client : backplane.clients) {
        for (const std::string& message : client->take_messages()) {
          ++delivered;
          CHECK((message == "Receive(\"foreign\")" || message == "Receive(a7666f726569676e)"));
        }
        CHECK_FALSE(client->transport.is_closed());
      }
      if (name == "both_foreign_all_json_only" || name == "prefix_foreign_all_json_only" ||
          name == "messagepack_foreign_all_json_only") {
        CHECK(delivered == 3);  // ASP.NET Core closes the others; here they get it in their own protocol
        CHECK(web1.counters().transcoded == transcoded + 1);
      } else {
        CHECK(delivered == vector.at("delivered_to_clients"));
        CHECK(web1.counters().transcoded == transcoded);
      }

      std::vector<Strings> answers;
      for (const auto& command : backplane.redis.commands()) {
        if (command.words[0] == "PUBLISH") answers.push_back({command.words[1], test::to_hex(command.words[2])});
      }
      std::vector<Strings> expected;
      if (vector.contains("answer") && vector.at("answer").is_object()) {
        expected.push_back({vector.at("answer").at("channel"), vector.at("answer").at("hex")});
      }
      CHECK(answers == expected);
    }
  }
}

}  // namespace
}  // namespace hubgate::hub
