#include "common/redis/subscriptions.h"

#include "tests/support/catch.h"

namespace hubgate::redis {
namespace {

/// Commands as their channels, "+" for SUBSCRIBE and "-" for UNSUBSCRIBE.
std::vector<std::string> taken(Subscriptions& subscriptions) {
  std::vector<std::string> changes;
  for (const Payload& command : subscriptions.take_commands()) {
    std::string_view rest = command.text();
    const std::string sign = rest.find("\r\nSUBSCRIBE") != std::string_view::npos ? "+" : "-";
    bool is_name = true;
    while (!rest.empty()) {  // the lines that are words
      const std::string_view line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(line.size() + 2);
      if (line.starts_with('$') || line.starts_with('*')) continue;
      if (!std::exchange(is_name, false)) changes.push_back(sign + std::string(line));
    }
  }
  return changes;
}

struct Waiter {
  std::vector<std::string> told;
  Subscriptions::OnConfirmed operator()() {
    return [this](const Result<void>& result) { told.push_back(result ? "confirmed" : result.error().what); };
  }
};

void tell(std::vector<Subscriptions::OnConfirmed> waiting) {
  for (const auto& on_confirmed : waiting) on_confirmed({});
}

/// The outcome if it is known at once.
std::string add(Subscriptions& subscriptions, std::string_view channel, Waiter& waiter) {
  const auto added = subscriptions.add(channel, waiter());
  if (!added.waiter) return "waits";
  return added.outcome ? "confirmed" : added.outcome.error().what;
}

using Changes = std::vector<std::string>;

TEST_CASE("a channel is confirmed by the answer to its SUBSCRIBE, for all who wait", "[redis]") {
  Subscriptions subscriptions;
  Waiter waiter;
  subscriptions.link_opened();
  CHECK(add(subscriptions, "a", waiter) == "waits");
  CHECK(add(subscriptions, "a", waiter) == "waits");
  CHECK(taken(subscriptions) == Changes{"+a"});
  CHECK(taken(subscriptions).empty());
  tell(subscriptions.answered("a"));
  CHECK(waiter.told == Changes{"confirmed", "confirmed"});
  CHECK(add(subscriptions, "a", waiter) == "confirmed");
  CHECK(subscriptions.size() == 1);
}

TEST_CASE("while the link is down nobody waits, and the channel is wanted all the same", "[redis]") {
  Subscriptions subscriptions;
  Waiter waiter;
  CHECK(add(subscriptions, "a", waiter) == "Redis is down");
  CHECK_FALSE(subscriptions.is_restored());
  subscriptions.link_opened();
  CHECK_FALSE(subscriptions.is_restored());
  CHECK(taken(subscriptions) == Changes{"+a"});
  CHECK_FALSE(subscriptions.is_restored());
  tell(subscriptions.answered("a"));
  CHECK(subscriptions.is_restored());
}

TEST_CASE("joining and leaving within a turn costs no command", "[redis]") {
  Subscriptions subscriptions;
  Waiter waiter;
  subscriptions.link_opened();
  CHECK(add(subscriptions, "a", waiter) == "waits");
  CHECK(subscriptions.remove("a").size() == 1);
  CHECK(taken(subscriptions).empty());
  CHECK_FALSE(subscriptions.wants("a"));

  CHECK(add(subscriptions, "b", waiter) == "waits");
  CHECK(taken(subscriptions) == Changes{"+b"});
  tell(subscriptions.answered("b"));
  CHECK(subscriptions.remove("b").empty());
  CHECK(add(subscriptions, "b", waiter) == "confirmed");
  CHECK(taken(subscriptions).empty());
}

TEST_CASE("a channel left and entered on the wire is confirmed by the last answer", "[redis]") {
  Subscriptions subscriptions;
  Waiter waiter;
  subscriptions.link_opened();
  add(subscriptions, "a", waiter);
  CHECK(taken(subscriptions) == Changes{"+a"});
  CHECK(subscriptions.remove("a").size() == 1);
  CHECK(taken(subscriptions) == Changes{"-a"});
  CHECK(add(subscriptions, "a", waiter) == "waits");
  CHECK(taken(subscriptions) == Changes{"+a"});
  CHECK(subscriptions.answered("a").empty());
  CHECK(subscriptions.answered("a").empty());
  CHECK(subscriptions.answered("a").size() == 1);
}

TEST_CASE("entered again before UNSUBSCRIBE was answered, the channel waits for its own answer", "[redis]") {
  Subscriptions subscriptions;
  Waiter waiter;
  subscriptions.link_opened();
  add(subscriptions, "a", waiter);
  taken(subscriptions);
  tell(subscriptions.answered("a"));
  CHECK(subscriptions.remove("a").empty());
  CHECK(taken(subscriptions) == Changes{"-a"});
  CHECK(add(subscriptions, "a", waiter) == "waits");
  CHECK(subscriptions.answered("a").empty());
  CHECK(taken(subscriptions) == Changes{"+a"});
  CHECK(subscriptions.answered("a").size() == 1);
}

TEST_CASE("a lost link lets all waiting go and wants everything again", "[redis]") {
  Subscriptions subscriptions;
  Waiter waiter;
  subscriptions.link_opened();
  add(subscriptions, "a", waiter);
  add(subscriptions, "b", waiter);
  CHECK(taken(subscriptions) == Changes{"+a", "+b"});
  tell(subscriptions.answered("a"));
  CHECK(subscriptions.remove("b").size() == 1);
  add(subscriptions, "c", waiter);
  CHECK(subscriptions.link_lost().size() == 1);
  CHECK(taken(subscriptions).empty());
  subscriptions.link_opened();
  auto again = taken(subscriptions);
  std::sort(again.begin(), again.end());
  CHECK(again == Changes{"+a", "+c"});
}

TEST_CASE("subscriptions come back in batches, each after answers made room", "[redis]") {
  Subscriptions subscriptions;
  constexpr std::size_t kChannels = 3 * Subscriptions::kBatch + 5;
  for (std::size_t i = 0; i < kChannels; ++i) {
    REQUIRE(subscriptions.add("channel" + std::to_string(i), nullptr).waiter == nullptr);
  }
  subscriptions.link_opened();
  std::size_t confirmed = 0;
  std::vector<std::size_t> batches;
  while (subscriptions.has_commands()) {
    const auto batch = taken(subscriptions);
    batches.push_back(batch.size());
    CHECK_FALSE(subscriptions.is_restored());
    for (const std::string& change : batch) {
      tell(subscriptions.answered(change.substr(1)));
      ++confirmed;
    }
  }
  CHECK(batches == std::vector<std::size_t>{512, 512, 512, 5});
  CHECK(confirmed == kChannels);
  CHECK(subscriptions.is_restored());
}

TEST_CASE("restoring does not wait for a channel that nobody wants any more, nor for a new one", "[redis]") {
  Subscriptions subscriptions;
  Waiter waiter;
  add(subscriptions, "a", waiter);
  add(subscriptions, "b", waiter);
  subscriptions.link_opened();
  taken(subscriptions);
  tell(subscriptions.answered("a"));
  add(subscriptions, "new", waiter);
  CHECK_FALSE(subscriptions.is_restored());
  CHECK(subscriptions.remove("b").empty());
  CHECK(subscriptions.is_restored());
}

TEST_CASE("answers that nobody asked for change nothing", "[redis]") {
  Subscriptions subscriptions;
  subscriptions.link_opened();
  CHECK(subscriptions.answered("stranger").empty());
  CHECK(subscriptions.remove("stranger").empty());
  CHECK(subscriptions.size() == 0);
}

}  // namespace
}  // namespace hubgate::redis
