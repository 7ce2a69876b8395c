#include "hub/lifetime/hub_group_list.h"

#include <algorithm>
#include <memory>

#include "tests/support/catch.h"
#include "tests/support/memory_connection.h"

namespace hubgate::hub {
namespace {

struct Client {
  explicit Client(int number) : transport("c" + std::to_string(number)), connection(transport) {}
  test::MemoryConnection transport;
  HubConnectionContext connection;
};

TEST_CASE("a group exists while it has members, and knows its first and its last", "[lifetime]") {
  Client a(1);
  Client b(2);
  HubGroupList groups;
  CHECK(groups.find("room") == nullptr);
  const auto first = groups.add("room", a.connection);
  CHECK(first.is_new_member);
  CHECK(first.is_first_member);
  CHECK(first.group->name() == "room");
  const auto again = groups.add("room", a.connection);
  CHECK_FALSE(again.is_new_member);
  CHECK_FALSE(again.is_first_member);
  CHECK_FALSE(groups.add("room", b.connection).is_first_member);
  CHECK(groups.find("Room") == nullptr);

  CHECK(groups.remove("room", a.connection) == HubGroupList::Removed::kMembersLeft);
  CHECK(groups.remove("room", a.connection) == HubGroupList::Removed::kWasNoMember);
  CHECK(groups.remove("nowhere", a.connection) == HubGroupList::Removed::kWasNoMember);
  CHECK(groups.remove("room", b.connection) == HubGroupList::Removed::kLastMember);
  CHECK(groups.find("room") == nullptr);
  CHECK(groups.size() == 0);
}

TEST_CASE("members stay right however large a group grows and shrinks", "[lifetime]") {
  std::vector<std::unique_ptr<Client>> clients;
  HubGroupList groups;
  std::vector<const HubConnectionContext*> expected;
  std::uint32_t state = 1;
  for (int i = 0; i < 120; ++i) clients.push_back(std::make_unique<Client>(i));
  for (int step = 0; step < 4000; ++step) {
    state = state * 1664525u + 1013904223u;
    HubConnectionContext& connection = clients[(state >> 8) % clients.size()]->connection;
    const bool is_member = std::find(expected.begin(), expected.end(), &connection) != expected.end();
    // Grows in the first half, shrinks in the second.
    if ((state >> 24) % 4 != 0 ? step < 2000 : step >= 2000) {
      REQUIRE(groups.add("room", connection).is_new_member == !is_member);
      if (!is_member) expected.push_back(&connection);
    } else {
      REQUIRE((groups.remove("room", connection) != HubGroupList::Removed::kWasNoMember) == is_member);
      std::erase(expected, &connection);
    }
    const HubGroup* group = groups.find("room");
    REQUIRE((group == nullptr ? 0 : group->members().size()) == expected.size());
    if (group != nullptr) REQUIRE(std::is_permutation(expected.begin(), expected.end(), group->members().begin()));
  }
}

}  // namespace
}  // namespace hubgate::hub
