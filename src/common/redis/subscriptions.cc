#include "common/redis/subscriptions.h"

#include <iterator>
#include <utility>

#include "common/redis/resp.h"

namespace hubgate::redis {
namespace {

std::vector<Subscriptions::OnConfirmed> take_waiting(std::unique_ptr<std::vector<Subscriptions::OnConfirmed>>& from) {
  if (!from) return {};
  auto taken = std::move(*from);
  from.reset();
  return taken;
}

}  // namespace

Subscriptions::Added Subscriptions::add(std::string_view name, OnConfirmed waiter) {
  auto found = channels_.find(name);
  if (found == channels_.end()) found = channels_.try_emplace(std::string(name)).first;
  Channel& channel = found->second;
  if (!channel.wanted) {
    channel.wanted = true;
    ++wanted_;
    if (linked_) note_change(*found);
  }
  if (!linked_) return {std::move(waiter), make_error(ErrorCode::kUnavailable, "Redis is down")};
  if (channel.is_confirmed()) return {std::move(waiter), {}};
  if (waiter) {
    if (!channel.waiting) channel.waiting = std::make_unique<std::vector<OnConfirmed>>();
    channel.waiting->push_back(std::move(waiter));
  }
  return {};
}

std::vector<Subscriptions::OnConfirmed> Subscriptions::remove(std::string_view name) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || !found->second.wanted) return {};
  Channel& channel = found->second;
  channel.wanted = false;
  --wanted_;
  auto waiting = take_waiting(channel.waiting);
  restored(channel);
  if (linked_) {
    note_change(*found);
  } else {
    channels_.erase(found);
  }
  return waiting;
}

bool Subscriptions::wants(std::string_view name) const {
  const auto found = channels_.find(name);
  return found != channels_.end() && found->second.wanted;
}

void Subscriptions::link_opened() {
  linked_ = true;
  for (Node& node : channels_) {
    node.second.restoring = true;
    ++restoring_;
    note_change(node);
  }
}

std::vector<Subscriptions::OnConfirmed> Subscriptions::link_lost() {
  std::vector<OnConfirmed> waiting;
  linked_ = false;
  changed_.clear();
  first_changed_ = 0;
  restoring_ = 0;
  unanswered_ = 0;
  for (auto place = channels_.begin(); place != channels_.end();) {
    Channel& channel = place->second;
    auto taken = take_waiting(channel.waiting);
    std::move(taken.begin(), taken.end(), std::back_inserter(waiting));
    if (!channel.wanted) {
      place = channels_.erase(place);
      continue;
    }
    channel.on_wire = false;
    channel.changed = false;
    channel.restoring = false;
    channel.unanswered = 0;
    ++place;
  }
  return waiting;
}

std::vector<Payload> Subscriptions::take_commands() {
  std::vector<std::string_view> subscribe{"SUBSCRIBE"};
  std::vector<std::string_view> unsubscribe{"UNSUBSCRIBE"};
  while (has_commands()) {
    Node& node = *changed_[first_changed_++];
    Channel& channel = node.second;
    channel.changed = false;
    if (channel.wanted == channel.on_wire) {  // left and entered again, or the other way round
      erase_if_idle(node);
      continue;
    }
    channel.on_wire = channel.wanted;
    ++channel.unanswered;
    ++unanswered_;
    (channel.wanted ? subscribe : unsubscribe).push_back(node.first);
  }
  if (first_changed_ == changed_.size()) {
    changed_.clear();
    first_changed_ = 0;
  }
  std::vector<Payload> commands;
  if (subscribe.size() > 1) commands.push_back(make_command(subscribe));
  if (unsubscribe.size() > 1) commands.push_back(make_command(unsubscribe));
  return commands;
}

std::vector<Subscriptions::OnConfirmed> Subscriptions::answered(std::string_view name) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || found->second.unanswered == 0) return {};
  Channel& channel = found->second;
  --channel.unanswered;
  --unanswered_;
  if (channel.wanted && channel.is_confirmed()) {
    restored(channel);
    return take_waiting(channel.waiting);
  }
  erase_if_idle(*found);
  return {};
}

void Subscriptions::note_change(Node& node) {
  if (node.second.changed) return;
  node.second.changed = true;
  changed_.push_back(&node);
}

void Subscriptions::restored(Channel& channel) {
  if (!std::exchange(channel.restoring, false)) return;
  --restoring_;
}

void Subscriptions::erase_if_idle(Node& node) {
  const Channel& channel = node.second;
  if (channel.wanted || channel.on_wire || channel.changed || channel.unanswered != 0) return;
  channels_.erase(channels_.find(node.first));
}

}  // namespace hubgate::redis
