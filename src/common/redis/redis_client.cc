#include "common/redis/redis_client.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hubgate::redis {
namespace {

bool may_move(RedisClient::State from, RedisClient::State to) {
  using State = RedisClient::State;
  switch (to) {
    case State::kDown: return from != State::kDown;
    case State::kConnecting: return from == State::kDown;
    case State::kSubscribing: return from == State::kConnecting;
    case State::kReady: return from == State::kSubscribing;
  }
  return false;
}

}  // namespace

std::string_view to_string(RedisClient::State state) noexcept {
  switch (state) {
    case RedisClient::State::kDown: return "down";
    case RedisClient::State::kConnecting: return "connecting";
    case RedisClient::State::kSubscribing: return "subscribing";
    case RedisClient::State::kReady: return "ready";
  }
  return "?";
}

RedisClient::RedisClient(event::Loop& loop, Options options, Log& log, Random& random, Handler& handler)
    : loop_(loop),
      options_(std::move(options)),
      log_(log),
      random_(random),
      handler_(&handler),
      pause_(options_.first_pause),
      retry_(loop, [this] { connect(); }) {}

RedisClient::~RedisClient() = default;

void RedisClient::start() {
  assert(state_ == State::kDown && !stopped_);
  connect();
}

void RedisClient::stop() {
  if (std::exchange(stopped_, true)) return;
  retry_.cancel();
  if (state_ != State::kDown) lose_links(make_error(ErrorCode::kClosed, "stopped"));
}

void RedisClient::retire() {
  stopped_ = true;
  retired_ = true;
  retry_.cancel();
  loop_.dispose(std::move(subscribing_));
  loop_.dispose(std::move(publishing_));
}

void RedisClient::tell(const std::vector<OnConfirmed>& waiting, const Result<void>& outcome) {
  for (const auto& on_confirmed : waiting) {
    if (retired_) return;  // by the one before
    if (on_confirmed) on_confirmed(outcome);
  }
}

void RedisClient::move_to(State state) {
  assert(may_move(state_, state));
  log_.trace("redis state", {{"from", to_string(state_)}, {"to", to_string(state)}});
  state_ = state;
  handler_->on_redis_state(state);
}

void RedisClient::connect() {
  if (options_.url.kind == RedisUrl::Kind::kTls && tls_ == nullptr) {
    auto made = net::TlsContext::make_client(options_.url.ca_file);
    if (!made) {
      log_.error("redis cannot be reached", {{"redis", options_.url.to_string()}, {"error", made.error().what}});
      retry_.start(options_.longest_pause);  // the file may come
      return;
    }
    tls_ = *std::move(made);
  }
  subscribing_ = std::make_unique<RedisConnection>(loop_, options_.url, options_.name + ":sub", options_.times, tls_,
                                                   static_cast<RedisConnection::Handler&>(*this));
  subscribing_->resolve_with(options_.resolve);
  subscribing_->start();
  move_to(State::kConnecting);
}

void RedisClient::open_publishing_link() {
  publishing_ = std::make_unique<RedisConnection>(loop_, options_.url, options_.name + ":pub", options_.times, tls_,
                                                  static_cast<RedisConnection::Handler&>(*this));
  publishing_->resolve_with(options_.resolve);
  publishing_->watch_role();
  publishing_->start();
}

void RedisClient::on_link_ready(RedisConnection& link) {
  if (&link == subscribing_.get()) {
    subscriptions_.link_opened();
    move_to(State::kSubscribing);
    if (state_ != State::kSubscribing) return;
    if (subscriptions_.is_restored()) {  // nothing is wanted yet
      open_publishing_link();
    } else {
      schedule_commands();
    }
    return;
  }
  ++counters_.connects;
  pause_ = options_.first_pause;
  log_.info("redis ready",
            {{"redis", options_.url.to_string()}, {"name", options_.name}, {"channels", subscriptions_.size()}});
  told_down_ = false;
  move_to(State::kReady);
}

void RedisClient::on_link_reply(RedisConnection& link, const Reply& reply) {
  if (&link == publishing_.get()) {
    on_publish_reply(reply);
  } else {
    on_subscription_reply(reply);
  }
}

void RedisClient::on_subscription_reply(const Reply& reply) {
  if (reply.is(Reply::Kind::kError)) {
    // Which channel was refused is not said: the link is of no use to whoever waits for it.
    return lose_links(make_error(ErrorCode::kRefused, "Redis refused a subscription: " + reply.text, Side::kUpstream));
  }
  if (!reply.is(Reply::Kind::kArray) || reply.elements.size() < 3) return;
  const std::string_view kind = reply.elements[0].text;
  const std::string_view channel = reply.elements[1].text;
  if (kind == "message") {
    if (!subscriptions_.wants(channel)) return;  // left a moment ago
    ++counters_.received;
    handler_->on_redis_message(channel, as_bytes(reply.elements[2].text));
    return;
  }
  if (kind != "subscribe" && kind != "unsubscribe") return;
  const auto confirmed = subscriptions_.answered(channel);
  if (subscriptions_.has_commands()) schedule_commands();
  if (state_ == State::kSubscribing && !publishing_ && subscriptions_.is_restored()) open_publishing_link();
  tell(confirmed, {});
}

void RedisClient::on_publish_reply(const Reply& reply) {
  if (unanswered_.empty()) return;
  const OnAnswer on_answer = std::move(unanswered_.front().on_answer);
  unanswered_.pop_front();
  if (reply.is(Reply::Kind::kInteger)) {
    ++counters_.published;
    if (on_answer) on_answer(static_cast<std::uint64_t>(std::max<std::int64_t>(reply.integer, 0)));
    return;
  }
  ++counters_.refused;
  log_.debug("redis refused a publish", {{"error", reply.text}});
  if (on_answer)
    on_answer(make_error(ErrorCode::kRefused, "Redis refused the message: " + reply.text, Side::kUpstream));
}

void RedisClient::on_link_failed(RedisConnection&, const Error& error) { lose_links(error); }

void RedisClient::lose_links(const Error& error) {
  const bool was_ready = state_ == State::kReady;
  ++(was_ready ? counters_.disconnects : counters_.failed_connects);
  if (!stopped_ && !std::exchange(told_down_, true)) {
    log_.warn("redis down", {{"redis", options_.url.to_string()}, {"name", options_.name}, {"error", error.what}});
  }
  const std::uint64_t left = publishing_ ? publishing_->bytes_out() : 0;
  for (auto* link : {&subscribing_, &publishing_}) {
    if (*link && !stopped_) (*link)->abandon();
    loop_.dispose(std::move(*link));
  }
  const auto waiting = subscriptions_.link_lost();
  const auto unanswered = std::exchange(unanswered_, {});
  for (const PendingPublish& publish : unanswered) ++(publish.start < left ? counters_.unknown : counters_.lost);

  if (!stopped_) {
    // Half by chance, so that the workers of a fleet do not come back in one moment.
    const double part = 0.5 + random_.fraction();
    retry_.start(std::chrono::duration_cast<Duration>(pause_ * part));
    pause_ = std::min(pause_ * 2, options_.longest_pause);
  }
  // From here on others are told, and may do what they like with us.
  move_to(State::kDown);
  const Error told = make_error(ErrorCode::kUnavailable, "Redis is down", Side::kUpstream);
  tell(waiting, told);
  for (const PendingPublish& publish : unanswered) {
    if (!retired_ && publish.on_answer) publish.on_answer(told);
  }
}

Result<void> RedisClient::publish(std::string_view channel, Bytes payload, OnAnswer on_answer) {
  if (state_ != State::kReady) return make_error(ErrorCode::kUnavailable, "Redis is down", Side::kUpstream);
  if (publishing_->unsent() + payload.size() > options_.max_queue) {
    ++counters_.lost;
    return make_error(ErrorCode::kTooLarge, "the queue of messages for Redis is full", Side::kUpstream);
  }
  unanswered_.push_back({std::move(on_answer), publishing_->written()});
  publishing_->send(make_command({"PUBLISH", channel, as_text(payload)}));
  return {};
}

void RedisClient::subscribe(std::string_view channel, OnConfirmed on_confirmed) {
  const auto added = subscriptions_.add(channel, std::move(on_confirmed));
  if (subscriptions_.has_commands()) schedule_commands();
  if (added.waiter) added.waiter(added.outcome);
}

void RedisClient::unsubscribe(std::string_view channel) {
  const auto waiting = subscriptions_.remove(channel);
  if (subscriptions_.has_commands()) schedule_commands();
  if (state_ == State::kSubscribing && !publishing_ && subscriptions_.is_restored()) open_publishing_link();
  if (!waiting.empty()) tell(waiting, make_error(ErrorCode::kClosed, "the channel was left"));
}

void RedisClient::schedule_commands() { loop_.flush_later(*this); }

void RedisClient::flush() {
  if (!subscribing_ || !subscribing_->is_ready()) return;
  for (Payload& command : subscriptions_.take_commands()) subscribing_->send(std::move(command));
}

}  // namespace hubgate::redis
