#include "hub/core/hub_context_gate.h"

#include <optional>
#include <string>
#include <vector>

#include "hub/core/loop_executor.h"
#include "tests/support/catch.h"
#include "tests/support/memory_lifetime.h"
#include "tests/support/turn_until.h"

namespace hubgate::test {
namespace {

struct Gate {
  event::Loop loop;
  std::shared_ptr<hub::LoopExecutor> executor = std::make_shared<hub::LoopExecutor>(loop);
  std::shared_ptr<hub::HubContextGate> gate = std::make_shared<hub::HubContextGate>(executor);
  HubContext context{gate};
  MemoryLifetime lifetime;
  std::vector<std::string> heard;

  HubContextProxy::OnSent note(const std::string& name) {
    return [this, name](const Result<SendReceipt>& result) {
      heard.push_back(name + " " + (result ? std::to_string(result->receivers) : result.error().what));
    };
  }
};

TEST_CASE("requests wait until there is a lifetime manager, then go in order", "[hub][context]") {
  Gate f;
  f.context.clients().all().send_then(f.note("all"), "A");
  f.context.clients().users({"a"}).send_then(f.note("users"), "B");
  turn_until_idle(f.loop);
  CHECK(f.heard.empty());
  f.gate->open(f.lifetime);
  f.context.clients().group("g").send_then(f.note("group"), "C");
  turn_until_idle(f.loop);
  CHECK(f.heard == std::vector<std::string>{"all 0", "users 0", "group 0"});
}

TEST_CASE("whatever is still on its way when the server ends is answered", "[hub][context]") {
  Gate f;
  f.context.clients().all().send_then(f.note("waiting"), "A");
  turn_until_idle(f.loop);
  f.context.clients().all().send_then(f.note("posted"), "B");
  f.gate->close();
  CHECK(f.heard == std::vector<std::string>{"waiting the server is gone"});
  turn_until_idle(f.loop);
  f.executor->close();
  f.context.clients().all().send_then(f.note("late"), "C");
  CHECK(f.heard ==
        std::vector<std::string>{"waiting the server is gone", "posted the server is gone", "late the server is gone"});
}

TEST_CASE("a group change is done when the lifetime manager says so", "[hub][context]") {
  Gate f;
  f.lifetime.holds_groups = true;
  f.gate->open(f.lifetime);
  std::optional<bool> done;
  f.context.groups().add_then([&](const Result<void>& result) { done = result.has_value(); }, "id", "g");
  turn_until_idle(f.loop);
  CHECK_FALSE(done);
  f.lifetime.confirm_all();
  CHECK(done == true);
}

TEST_CASE("every audience reaches its function of the lifetime manager", "[hub][context]") {
  Gate f;
  f.gate->open(f.lifetime);
  const HubContextClients clients = f.context.clients();
  clients.all_except({"x"}).send_then(f.note("all_except"), "A");
  clients.client("x").send_then(f.note("client"), "A");
  clients.clients({"x", "y"}).send_then(f.note("clients"), "A");
  clients.group_except("g", {"x"}).send_then(f.note("group_except"), "A");
  clients.groups({"g", "h"}).send_then(f.note("groups"), "A");
  clients.user("u").send_then(f.note("user"), "A");
  turn_until_idle(f.loop);
  CHECK(f.heard ==
        std::vector<std::string>{"all_except 0", "client 0", "clients 0", "group_except 0", "groups 2", "user 0"});
}

}  // namespace
}  // namespace hubgate::test
