#include "tests/chaos/traffic.h"

#include <algorithm>
#include <utility>

#include "tests/chaos/message_name.h"

namespace hubgate::chaos {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{20};
constexpr milliseconds kLate{300};                // a turn of ours that came later counts as standing still
constexpr std::size_t kMaxPending = 1024 * 1024;  // bytes, the workers' max_pending_bytes
constexpr std::size_t kEchoSize = 24 * 1024;      // bytes, of the echoes that fill a held client's connection

std::string group_name(int group) { return "g" + std::to_string(group); }

}  // namespace

Traffic::Traffic(event::Loop& loop, const RunClock& clock, Random& random, Facts& facts, Options options,
                 std::uint16_t port, std::uint16_t relayed_port)
    : loop_(loop), clock_(clock), random_(random), facts_(facts), options_(options), tick_(loop, [this] {
        on_tick();
      }) {
  for (int i = 0; i < options_.clients; ++i) {
    const bool relayed = relayed_port != 0 && i % options_.relayed_each == 0;
    members_.emplace_back().client = std::make_unique<ChaosClient>(loop, random, i, relayed ? relayed_port : port,
                                                                   static_cast<ChaosClient::Handler&>(*this));
  }
}

Traffic::~Traffic() = default;

void Traffic::start() {
  for (Member& member : members_) member.client->start();
  sending_ = true;
  last_tick_ = loop_.now();
  tick_.start(kTick);
}

void Traffic::rest() { sending_ = false; }

void Traffic::stop() {
  tick_.cancel();
  for (Member& member : members_) member.client->stop();
}

bool Traffic::is_all_open() const {
  return std::all_of(members_.begin(), members_.end(), [](const Member& one) { return one.client->is_open(); });
}

bool Traffic::is_all_answered() const {
  return std::all_of(members_.begin(), members_.end(), [](const Member& one) { return one.open.empty(); });
}

void Traffic::on_tick() {
  const TimePoint now = loop_.now();
  if (now - last_tick_ > kLate) facts_.runner_late.add({clock_.since(last_tick_), clock_.since(now)});
  const double seconds = std::min(0.2, std::chrono::duration<double>(now - last_tick_).count());
  last_tick_ = now;
  tick_.start(kTick);
  if (!sending_) return;
  echoes_due_ += options_.echoes * seconds;
  groups_due_ += options_.group_messages * seconds;
  broadcasts_due_ += options_.broadcasts * seconds;
  changes_due_ += options_.changes * seconds;
  // Several messages in a row of one sender on one channel: order can only show there.
  for (; echoes_due_ >= 1; --echoes_due_) {
    if (Member* member = any()) send(*member, Message::kEcho, random_.below(200));
  }
  for (; groups_due_ >= 1;) {
    Member* member = any();
    if (member == nullptr) break;
    const int group = 1 + static_cast<int>(random_.below(static_cast<std::uint64_t>(options_.groups)));
    for (auto row = 1 + random_.below(4); row > 0; --row, --groups_due_) send(*member, group, random_.below(300));
  }
  for (; broadcasts_due_ >= 1;) {
    Member* member = any();
    if (member == nullptr) break;
    for (auto row = 1 + random_.below(2); row > 0; --row, --broadcasts_due_) {
      send(*member, Message::kAll, random_.below(1500));
    }
  }
  for (; changes_due_ >= 1; --changes_due_) {
    if (Member* member = any()) change_membership(*member);
  }
}

Traffic::Member* Traffic::any() {
  for (int i = 0; i < 20; ++i) {
    Member& member = members_[random_.below(members_.size())];
    if (member.client->is_open() && !member.client->is_held()) return &member;
  }
  return nullptr;
}

void Traffic::send(Member& member, int channel, std::size_t padding) {
  MessageName name;
  name.message = facts_.messages.size();
  name.session = member.client->session;
  name.channel = channel;
  name.number = ++member.numbers[channel];
  name.padding = padding;
  facts_.messages.push_back({.session = name.session, .channel = channel, .number = name.number, .sent = clock_.now()});
  const std::string id = std::to_string(name.message);
  member.open[id] = name.message;
  const std::string text = name.to_text();
  if (channel == Message::kEcho) return member.client->call("Echo", {text}, id);
  if (channel == Message::kAll) return member.client->call("Broadcast", {text}, id);
  member.client->call("SendToGroup", {group_name(channel), text}, id);
}

// Everybody wants to be in two groups, and now and then leaves one and enters another.
void Traffic::change_membership(Member& member) {
  Session& session = session_of(*member.client);
  for (std::size_t i = 0; i < session.memberships.size(); ++i) {
    Membership& one = session.memberships[i];
    if (!one.joined || one.leaving) continue;
    one.leaving = clock_.now();
    const std::string id = "l" + std::to_string(i);
    member.open[id] = i;
    member.client->call("LeaveGroup", {group_name(one.channel)}, id);
    return join(member, 1 + static_cast<int>(random_.below(static_cast<std::uint64_t>(options_.groups))));
  }
}

void Traffic::join(Member& member, int group) {
  Session& session = session_of(*member.client);
  // Once more while still in it would make two memberships of one.
  for (const Membership& one : session.memberships) {
    if (one.channel == group && !one.left) group = 0;
  }
  if (group == 0) return;
  const std::size_t place = session.memberships.size();
  session.memberships.push_back({.channel = group, .asked = clock_.now()});
  const std::string id = "j" + std::to_string(place);
  member.open[id] = place;
  member.client->call("JoinGroup", {group_name(group)}, id);
}

void Traffic::on_open(ChaosClient& client) {
  Member& member = members_[static_cast<std::size_t>(client.index())];
  client.session = facts_.sessions.size();
  Session session;
  session.client = client.index();
  session.worker = client.worker();
  session.relayed = client.index() % options_.relayed_each == 0;
  session.opened = clock_.now();
  facts_.sessions.push_back(std::move(session));
  member.numbers.clear();
  member.open.clear();
  const int first = 1 + client.index() % options_.groups;
  join(member, first);
  join(member, 1 + (first + 4) % options_.groups);
}

void Traffic::on_message(ChaosClient& client, const std::string& text) {
  const auto name = MessageName::parse(text);
  if (!name || name->message >= facts_.messages.size()) return odd("a message that nobody sent: " + text.substr(0, 60));
  const Message& message = facts_.messages[name->message];
  if (message.session != name->session || message.channel != name->channel || message.number != name->number ||
      message.channel == Message::kEcho) {
    return odd("a changed message: " + text.substr(0, 60));
  }
  session_of(client).receipts.push_back({name->message, clock_.now()});
}

void Traffic::on_answer(ChaosClient& client, const std::string& id, const nlohmann::json& result,
                        const std::string& error) {
  Member& member = members_[static_cast<std::size_t>(client.index())];
  const auto found = member.open.find(id);
  if (found == member.open.end()) return odd("an answer to no call, " + id);
  const std::size_t place = found->second;
  member.open.erase(found);
  const Instant now = clock_.now();
  if (id[0] == 'j' || id[0] == 'l') {
    Membership& one = session_of(client).memberships[place];
    (id[0] == 'j' ? one.joined : one.left) = now;
    if (!error.empty()) odd((id[0] == 'j' ? "a join failed: " : "a leave failed: ") + error);
    // What is sent right after the word that one is in, from anywhere, must come.
    if (Member* other = id[0] == 'j' && sending_ && random_.below(2) == 0 ? any() : nullptr) {
      send(*other, one.channel, random_.below(100));
    }
    return;
  }
  Message& message = facts_.messages[place];
  message.done = now;
  message.error = error;
  ++message.answers;
  if (message.channel != Message::kEcho) return;
  const auto name = result.is_string() ? MessageName::parse(result.get_ref<const std::string&>()) : std::nullopt;
  if (!name || name->message != place || name->session != client.session) {
    odd("an echo came back as " + result.dump().substr(0, 80));
  }
}

void Traffic::on_end(ChaosClient& client, End end, const std::string& text) {
  Member& member = members_[static_cast<std::size_t>(client.index())];
  member.open.clear();
  Session& session = session_of(client);
  session.closed = clock_.now();
  session.slow.end(session.closed);
  session.end = end;
  session.end_text = text;
}

void Traffic::on_refused(ChaosClient& client, TimePoint begun, const std::string& what) {
  facts_.refusals.push_back(
      {clock_.since(begun), clock_.now(), "client " + std::to_string(client.index()) + ": " + what});
}

void Traffic::on_odd(ChaosClient& client, const std::string& what) {
  odd("client " + std::to_string(client.index()) + ": " + what);
}

void Traffic::odd(const std::string& what) { facts_.oddities.push_back({clock_.now(), what}); }

void Traffic::kill(std::size_t client, bool reset) { members_[client].client->kill(reset); }

bool Traffic::hold(std::size_t client, std::size_t bytes) {
  Member& member = members_[client];
  if (!member.client->is_open() || member.client->is_held()) return false;
  for (std::size_t asked = 0; asked < bytes; asked += kEchoSize) send(member, Message::kEcho, kEchoSize);
  Session& session = session_of(*member.client);
  session.slow.begin(clock_.now());
  session.overfilled = session.overfilled || bytes > kMaxPending;
  member.client->hold();
  return true;
}

void Traffic::let_go(std::size_t client, bool must_have_ended) {
  Member& member = members_[client];
  // It may have come back meanwhile, as another connection.
  if (!member.client->is_open() || !member.client->is_held()) return;
  Session& session = session_of(*member.client);
  session.slow.end(clock_.now());
  if (must_have_ended) session.stuck_until = clock_.now();
  member.client->let_go();
}

}  // namespace hubgate::chaos
