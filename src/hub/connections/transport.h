#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/clock.h"
#include "hub/connections/closed_record.h"
#include "hub/connections/connection_context.h"

namespace hubgate::hub {

/// What every transport keeps to; the server's options.
struct TransportLimits {
  std::size_t max_pending_bytes = 1024 * 1024;       // unsent bytes that end a connection as slow
  Duration send_timeout = std::chrono::seconds(10);  // from a write until its last byte has left
  Duration close_timeout = std::chrono::seconds(5);  // for the client's part of the closing
};

/// How one HttpConnection's bytes travel. Owned by the HttpConnection; calls its Owner, and is destroyed only when
/// it is over, with no call of its own on the stack.
class Transport {
 public:
  /// The HttpConnection.
  class Owner {
   public:
    virtual std::size_t on_input(MutableBytes input) = 0;
    /// Once. Not after close_when_flushed() or abort().
    virtual void on_input_end(InputEnd end, std::string_view error) = 0;
    virtual void on_drained() = 0;
    /// attend() is wanted in the next turn.
    virtual void attend_later() = 0;

   protected:
    ~Owner() = default;
  };

  virtual ~Transport() = default;
  virtual TransportType type() const = 0;
  [[nodiscard]] virtual bool set_transfer_format(TransferFormat format) = 0;
  virtual void write(const EncodedMessage& message) = 0;
  virtual void write(const Payload& bytes) = 0;
  virtual std::size_t unsent() const = 0;
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  virtual void close_when_flushed(std::uint16_t websocket_code) = 0;
  virtual void abort() = 0;

  /// Looks after what cannot be done on the stack of its cause, and after its deadlines. In the turn after
  /// attend_later() and at every heartbeat.
  virtual void attend(TimePoint now) = 0;
  /// The socket is gone and nothing will be called any more.
  virtual bool is_over() const = 0;
  /// Fills in how it ended and what it counted.
  virtual void describe(ClosedRecord& record) const = 0;
};

}  // namespace hubgate::hub
