#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/disposable.h"
#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/redis/redis_connection.h"
#include "common/redis/redis_url.h"
#include "common/redis/subscriptions.h"

namespace hubgate::redis {

/// What has happened since the start; owned by the client, read by whoever reports.
struct RedisCounters {
  std::uint64_t published = 0;        // PUBLISH that Redis answered
  std::uint64_t refused = 0;          // PUBLISH that Redis answered with an error
  std::uint64_t lost = 0;             // publishes given up before one byte of them left: queue full, or link gone
  std::uint64_t unknown = 0;          // publishes that left in part or whole and were not answered; never repeated
  std::uint64_t received = 0;         // messages of channels that are wanted
  std::uint64_t connects = 0;         // times the client became Ready
  std::uint64_t disconnects = 0;      // times it stopped being Ready
  std::uint64_t failed_connects = 0;  // attempts that did not become Ready
};

/// Publishes and subscribes, and comes back by itself. It holds two links to Redis: the publishing one opens only
/// after the subscribing one has every wanted channel confirmed, and losing either closes both. So whoever may
/// publish also hears. Commands of one loop turn leave together. Owned by one RedisHubLifetimeManager, ended by
/// Loop::dispose; one thread, the loop's.
class RedisClient final : public event::Disposable, private event::Flushable, private RedisConnection::Handler {
 public:
  /// Down → Connecting (subscribing link) → Subscribing (and then the publishing link) → Ready; back to Down from
  /// each, with a growing pause before the next Connecting.
  enum class State : std::uint8_t { kDown, kConnecting, kSubscribing, kReady };

  struct Options {
    RedisUrl url;
    std::string name = "hubgate";  // what CLIENT LIST shows, with ":sub" and ":pub" behind it
    LinkTimes times = {};
    RedisConnection::Resolve resolve = nullptr;            // null: the system's resolver
    Duration first_pause = std::chrono::milliseconds(50);  // before the second attempt; doubles, ± half by chance
    Duration longest_pause = std::chrono::seconds(2);
    std::size_t max_queue = 8u * 1024 * 1024;  // bytes of publishes that have not left this process
  };

  class Handler {
   public:
    virtual ~Handler() = default;
    /// A message on a channel that is wanted; views live until the call returns. All of one read come in one turn.
    virtual void on_redis_message(std::string_view channel, Bytes payload) = 0;
    /// Called after each change of state. On kDown it comes before those who wait are told.
    virtual void on_redis_state(State state) = 0;
  };

  /// The number of subscribers that got the message (on the Redis server asked), or kUnavailable (the link was lost:
  /// whether it was delivered is unknown) or kRefused (Redis said no).
  using OnAnswer = std::function<void(Result<std::uint64_t>)>;
  using OnConfirmed = Subscriptions::OnConfirmed;

  RedisClient(event::Loop& loop, Options options, Log& log, Random& random, Handler& handler);
  ~RedisClient() override;

  /// Begins to connect, and never gives up; once.
  void start();
  /// Ends both links for good: those who wait are told, the state is Down and stays so.
  void stop();

  State state() const { return state_; }
  bool is_ready() const { return state_ == State::kReady; }

  /// Sends PUBLISH at the turn's end. `on_answer` may be null; it is called unless this returns an error: kUnavailable
  /// when not Ready (nothing was done), kTooLarge when the queue is full (counted as lost).
  Result<void> publish(std::string_view channel, Bytes payload, OnAnswer on_answer = nullptr);

  /// Wants a channel until unsubscribe(), across reconnects. May be called again for a channel that is wanted already.
  /// `on_confirmed` (may be null) is called once, perhaps at once: without error when Redis has confirmed, kUnavailable
  /// when the link is down or is lost, kClosed when the channel is left before.
  void subscribe(std::string_view channel, OnConfirmed on_confirmed = nullptr);
  void unsubscribe(std::string_view channel);
  /// Another Options::max_queue, for what is published from now on.
  void set_max_queue(std::size_t bytes) { options_.max_queue = bytes; }

  const RedisCounters& counters() const { return counters_; }
  /// Publishes that Redis has not answered; they end with an answer or with the links.
  std::size_t unanswered() const { return unanswered_.size(); }
  /// Bytes of publishes that have not left this process.
  std::size_t queued() const { return publishing_ ? publishing_->unsent() : 0; }

  void retire() override;

 private:
  struct PendingPublish {
    OnAnswer on_answer;
    std::uint64_t start;  // where its command begins in the bytes written on the publishing link
  };

  void tell(const std::vector<OnConfirmed>& waiting, const Result<void>& outcome);
  void move_to(State state);
  void connect();
  void open_publishing_link();
  void lose_links(const Error& error);
  void on_subscription_reply(const Reply& reply);
  void on_publish_reply(const Reply& reply);
  void schedule_commands();
  void flush() override;
  void on_link_ready(RedisConnection& link) override;
  void on_link_reply(RedisConnection& link, const Reply& reply) override;
  void on_link_failed(RedisConnection& link, const Error& error) override;

  event::Loop& loop_;
  Options options_;
  Log& log_;
  Random& random_;
  Handler* handler_;
  State state_ = State::kDown;
  std::shared_ptr<const net::TlsContext> tls_;
  std::unique_ptr<RedisConnection> subscribing_;
  std::unique_ptr<RedisConnection> publishing_;
  Subscriptions subscriptions_;
  std::deque<PendingPublish> unanswered_;
  RedisCounters counters_;
  Duration pause_;
  event::Timer retry_;
  bool stopped_ = false;
  bool retired_ = false;    // silent from then on
  bool told_down_ = false;  // the log has a line about it; not one for each attempt
};

std::string_view to_string(RedisClient::State state) noexcept;

}  // namespace hubgate::redis
