#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hubgate/result.h>

#include "common/base/bytes.h"

namespace hubgate::redis {

/// Which channels are wanted, which of them Redis has confirmed, and who waits for that. No I/O: it says which
/// commands are to be sent and is told the replies. A channel that is left and entered again before a command went
/// out costs none. At most kBatch channels are named in one command and unanswered at a time, so that many thousand
/// of them come back without a flood.
class Subscriptions {
 public:
  /// No value: confirmed. Errors: kUnavailable, the link was lost or is down; kClosed, it was left before.
  using OnConfirmed = std::function<void(Result<void>)>;

  static constexpr std::size_t kBatch = 512;  // channels

  /// Wants a channel. `waiter` (may be null) is kept until the channel is confirmed; a channel that is confirmed, or
  /// a link that is down, gives it back at once.
  struct Added {
    OnConfirmed waiter;  // set: call it now, with `outcome`
    Result<void> outcome;
  };
  [[nodiscard]] Added add(std::string_view channel, OnConfirmed waiter);
  /// Wants it no longer; gives back those who still waited, to be told kClosed. Unknown channels are no error.
  [[nodiscard]] std::vector<OnConfirmed> remove(std::string_view channel);
  bool wants(std::string_view channel) const;
  std::size_t size() const { return wanted_; }

  /// A new link is open: everything wanted is to be sent on it.
  void link_opened();
  /// The link is lost: nothing is subscribed any more; gives back all who waited, to be told kUnavailable.
  [[nodiscard]] std::vector<OnConfirmed> link_lost();
  /// Every channel that was wanted when the link opened is confirmed, or no longer wanted.
  bool is_restored() const { return linked_ && restoring_ == 0; }

  /// There is something to send now.
  bool has_commands() const { return linked_ && first_changed_ < changed_.size() && unanswered_ < kBatch; }
  /// The commands that bring Redis nearer to what is wanted, in the order of the changes.
  std::vector<Payload> take_commands();

  /// Redis answered SUBSCRIBE (or UNSUBSCRIBE) for one channel; gives back those who waited for it. An answer that
  /// nobody asked for is ignored.
  [[nodiscard]] std::vector<OnConfirmed> answered(std::string_view channel);

 private:
  struct Channel {
    bool wanted = false;
    bool on_wire = false;    // the last command sent for it was SUBSCRIBE
    bool changed = false;    // listed in changed_
    bool restoring = false;  // not confirmed since the link opened
    std::uint32_t unanswered = 0;
    std::unique_ptr<std::vector<OnConfirmed>> waiting;

    bool is_confirmed() const { return on_wire && unanswered == 0; }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Channels = std::unordered_map<std::string, Channel, Hash, std::equal_to<>>;
  using Node = Channels::value_type;

  void note_change(Node& node);
  void restored(Channel& channel);
  void erase_if_idle(Node& node);

  Channels channels_;
  std::vector<Node*> changed_;  // from first_changed_ on; nodes of a map stay where they are
  std::size_t first_changed_ = 0;
  std::size_t wanted_ = 0;
  std::size_t restoring_ = 0;
  std::size_t unanswered_ = 0;
  bool linked_ = false;
};

}  // namespace hubgate::redis
