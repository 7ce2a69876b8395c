#include "proxy/routing/route_table.h"

#include "tests/support/catch.h"

using namespace hubgate::proxy;

namespace {

Route to_pool(std::string prefix, std::string pool, std::vector<std::string> listeners = {}) {
  return {std::move(prefix), std::move(pool), "", false, std::move(listeners)};
}
Route to_folder(std::string prefix, std::string folder) {
  return {std::move(prefix), "", std::move(folder), false, {}};
}
Route to_hub(std::string prefix, std::string pool) { return {std::move(prefix), std::move(pool), "", true, {}}; }

// The prefix of the route that serves a path, or "".
std::string served_by(const RouteTable& table, std::string_view path, const HubPaths& announced = {},
                      std::string_view listener = "public") {
  const Route* route = table.find(listener, path, announced).route;
  return route == nullptr ? "" : route->prefix;
}

}  // namespace

TEST_CASE("a prefix matches whole segments and the longest wins", "[routing]") {
  const RouteTable table({to_folder("/", "/www"), to_pool("/chat", "main"), to_pool("/chat/admin", "admin")});
  CHECK(served_by(table, "/") == "/");
  CHECK(served_by(table, "/chatter") == "/");
  CHECK(served_by(table, "/chat") == "/chat");
  CHECK(served_by(table, "/chat/") == "/chat");
  CHECK(served_by(table, "/chat/negotiate") == "/chat");
  CHECK(served_by(table, "/chat/admin") == "/chat/admin");
  CHECK(served_by(table, "/chat/administration") == "/chat");
  CHECK(served_by(table, "/chat/admin/x") == "/chat/admin");
  CHECK(served_by(table, "/Chat") == "/");
}

TEST_CASE("a path that no prefix covers has no route", "[routing]") {
  CHECK(served_by(RouteTable({to_pool("/chat", "main")}), "/") == "");
  CHECK(served_by(RouteTable(), "/chat") == "");
}

TEST_CASE("a prefix written with a trailing slash is the same prefix", "[routing]") {
  const RouteTable table({to_pool("/chat/", "main")});
  CHECK(served_by(table, "/chat") == "/chat/");
  CHECK(served_by(table, "/chat/x") == "/chat/");
  CHECK(served_by(table, "/chatter") == "");
}

TEST_CASE("a route with listeners is seen from them only", "[routing]") {
  const RouteTable table(
      {to_pool("/a", "one", {"inside"}), to_pool("/a", "two", {"public", "other"}), to_pool("/", "three")});
  CHECK(table.find("inside", "/a", {}).route->pool == "one");
  CHECK(table.find("public", "/a", {}).route->pool == "two");
  CHECK(table.find("nowhere", "/a", {}).route->pool == "three");
}

TEST_CASE("a hub route matches without case and says which part of the hub it is", "[routing]") {
  const RouteTable table({to_hub("/live", "web"), to_folder("/", "/www")});
  const auto part = [&](std::string_view path) { return table.find("public", path, {}).hub; };
  CHECK(part("/live") == HubPart::kConnect);
  CHECK(part("/Live/") == HubPart::kConnect);
  CHECK(part("/LIVE/Negotiate") == HubPart::kNegotiate);
  CHECK(part("/live/negotiate/") == HubPart::kNegotiate);
  CHECK(part("/live/refresh") == HubPart::kRefresh);
  CHECK(part("/live/other") == HubPart::kNone);
  CHECK(served_by(table, "/live/other") == "/live");
  CHECK(part("/lively") == HubPart::kNone);
  CHECK(served_by(table, "/lively") == "/");
}

TEST_CASE("an announced hub path is routed as its worker spells it", "[routing]") {
  HubPaths announced;
  announced.set("main", {"/chat", "/Deep/Hub/", "relative"});
  const RouteTable table({to_pool("/chat", "main"), to_pool("/Deep", "main"), to_folder("/", "/www")});
  const auto match = [&](std::string_view path) { return table.find("public", path, announced); };
  CHECK(match("/Chat").route->prefix == "/chat");
  CHECK(match("/CHAT/").hub == HubPart::kConnect);
  CHECK(match("/Chat/Negotiate").hub == HubPart::kNegotiate);
  CHECK(match("/chat/refresh").hub == HubPart::kRefresh);
  CHECK(match("/deep/hub").route->prefix == "/Deep");
  CHECK(match("/deep/hub/negotiate").hub == HubPart::kNegotiate);
  CHECK(match("/deep/other").route->prefix == "/");
  CHECK(match("/chat/other").hub == HubPart::kNone);
  CHECK(match("/chat/other").route->prefix == "/chat");
  CHECK(match("/relative").hub == HubPart::kNone);
}

TEST_CASE("a path announced by another pool than the route's is no hub path", "[routing]") {
  HubPaths announced;
  announced.set("internal", {"/chat"});
  const RouteTable table({to_pool("/chat", "main"), to_folder("/", "/www")});
  CHECK(table.find("public", "/chat", announced).hub == HubPart::kNone);
  CHECK(table.find("public", "/chat", announced).route->pool == "main");
  CHECK(table.find("public", "/Chat", announced).route->folder == "/www");
}

TEST_CASE("of two pools that announce one path the route's own counts", "[routing]") {
  HubPaths announced;
  announced.set("a", {"/Chat"});
  announced.set("b", {"/chat"});
  const RouteTable table({to_pool("/chat", "b")});
  CHECK(table.find("public", "/CHAT", announced).route->pool == "b");
  CHECK(table.find("public", "/CHAT", announced).hub == HubPart::kConnect);
}

TEST_CASE("a longer route below a hub's path takes what lies under it", "[routing]") {
  HubPaths announced;
  announced.set("main", {"/chat"});
  const RouteTable table({to_pool("/chat", "main"), to_pool("/chat/refresh", "tokens")});
  CHECK(table.find("public", "/chat/refresh", announced).route->pool == "tokens");
  CHECK(table.find("public", "/chat/refresh", announced).hub == HubPart::kNone);
}

TEST_CASE("a hub at the root is announced like any other", "[routing]") {
  HubPaths announced;
  announced.set("main", {"/"});
  const RouteTable table({to_pool("/", "main")});
  CHECK(table.find("public", "/", announced).hub == HubPart::kConnect);
  CHECK(table.find("public", "/negotiate", announced).hub == HubPart::kNegotiate);
  CHECK(table.find("public", "/other", announced).hub == HubPart::kNone);
}

TEST_CASE("announced paths are replaced and forgotten by pool", "[routing]") {
  HubPaths announced;
  announced.set("main", {"/chat", "/bench"});
  CHECK(announced.find("main", "/Bench").path == "/bench");
  announced.set("main", {"/chat"});
  CHECK(announced.find("main", "/bench").part == HubPart::kNone);
  CHECK(announced.find("other", "/chat").part == HubPart::kNone);
  announced.set("main", {});
  CHECK(announced.empty());
}
