#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "hub/connections/closed_record.h"
#include "hub/connections/connection_context.h"
#include "hub/connections/transport.h"

namespace hubgate::hub {

class HttpConnectionManager;
struct MappedPath;

/// The connection object of SignalR: made by a negotiation or by a WebSocket without id, found by its
/// token, attached to a transport, disposed of when both the transport and the handler have ended. Owned by the
/// HttpConnectionManager, which alone destroys it.
class HttpConnection final : public ConnectionContext, private Transport::Owner {
 public:
  enum class State : std::uint8_t { kInactive, kActive, kDisposed };

  static constexpr std::size_t kRandomSize = 22;  // characters of an id, and of a token without its tag
  static constexpr std::size_t kTagSize = 24;     // characters of the routing part of a token

  /// `id` is kRandomSize characters, or kTagSize more when it serves as the token, too. `random` is the token's random
  /// part; empty for a connection that is in no table.
  HttpConnection(HttpConnectionManager& manager, const MappedPath& path, std::string_view id, std::string_view random,
                 TimePoint now);

  State state() const { return state_; }
  const MappedPath& path() const { return path_; }
  /// The token's random part: the key in the manager's table.
  std::string_view token_random() const { return {random_.data(), random_.size()}; }
  bool is_listed() const { return random_[0] != '\0'; }
  /// The front's id of the request that attached it; empty on a listener of our own.
  std::string_view request_id() const;
  /// When it was made; once it is active, the heartbeat before its last input.
  TimePoint last_seen() const { return last_seen_; }

  /// The first and only attach, which makes it active and calls the path's acceptor. The transport is made by `make`,
  /// which gets its owner.
  template <class Make>
  void attach(Make make, std::unique_ptr<RequestFacts> facts, const ConnectionOrigin& origin) {
    transport_ = make(static_cast<Transport::Owner&>(*this));
    begin(std::move(facts), origin);
  }

  // ConnectionContext
  std::string_view connection_id() const override { return {id_.data(), id_size_}; }
  bool id_is_token() const override { return is_listed() && connection_id().ends_with(token_random()); }
  TransportType transport_type() const override;
  const RequestFacts& facts() const override;
  void drop_facts() override { facts_.reset(); }
  bool set_transfer_format(TransferFormat format) override { return transport_->set_transfer_format(format); }
  void write(const EncodedMessage& message) override { transport_->write(message); }
  void write(const Payload& bytes) override { transport_->write(bytes); }
  std::size_t unsent() const override { return transport_->unsent(); }
  void pause_reading() override { transport_->pause_reading(); }
  void resume_reading() override { transport_->resume_reading(); }
  void close_when_flushed(std::uint16_t websocket_code) override;
  void abort() override;
  void set_handler(ConnectionHandler& handler) override { handler_ = &handler; }

 private:
  friend class HttpConnectionManager;
  void begin(std::unique_ptr<RequestFacts> facts, const ConnectionOrigin& origin);
  void finish();
  ClosedRecord record() const;

  // Transport::Owner
  std::size_t on_input(MutableBytes input) override;
  void on_input_end(InputEnd end, std::string_view error) override { handler_->on_input_end(end, error); }
  void on_drained() override { handler_->on_drained(); }
  void attend_later() override;

  HttpConnectionManager& manager_;
  const MappedPath& path_;
  ConnectionHandler* handler_ = nullptr;  // there is one from begin() on
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<RequestFacts> facts_;
  std::unique_ptr<char[]> origin_text_;  // remote address and request id, each ended by NUL: for the closed record
  TimePoint last_seen_;
  std::uint64_t epoch_ = 0;
  std::uint64_t number_ = 0;
  std::chrono::system_clock::time_point opened_{};
  std::uint32_t place_ = 0;  // in the manager's list
  std::array<char, kTagSize + kRandomSize> id_{};
  std::array<char, kRandomSize> random_{};
  std::uint8_t id_size_;
  std::uint8_t tag_ = 0;  // which of the manager's tags the token begins with
  State state_ = State::kInactive;
  bool is_finished_ = false;  // the handler has closed or aborted
  bool is_attended_ = false;  // on the manager's list for the next turn
  bool is_asked_ = false;     // to end, and let its client come back
};

}  // namespace hubgate::hub
