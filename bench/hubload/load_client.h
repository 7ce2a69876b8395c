#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hubload/options.h"

namespace hubload {

class Generator;

/// One SignalR client: negotiate and WebSocket on one TCP connection, JSON protocol, frames with a mask of zero so
/// that they can be made ahead and changed in place.
class LoadClient {
 public:
  enum class State { kConnecting, kNegotiating, kUpgrading, kHandshaking, kReady, kClosed };

  LoadClient(Generator& generator, unsigned index) : generator_(generator), index_(index) {}
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;

  void connect(const Options& options);
  /// Sends a whole frame, or keeps what does not fit.
  void send(std::string_view frame);
  void on_ready(std::uint32_t events);
  void close();

  State state() const { return state_; }
  unsigned index() const { return index_; }
  int fd() const { return fd_; }

 private:
  void on_bytes(std::string_view bytes);
  std::size_t on_response(std::string_view bytes);
  std::size_t on_frame(std::string_view bytes);
  void fail(const char* why);
  void flush();

  Generator& generator_;
  const Options* options_ = nullptr;
  unsigned index_;
  int fd_ = -1;
  State state_ = State::kConnecting;
  std::string partial_;  // bytes of an incomplete response or frame
  std::string unsent_;
};

/// A client's text frame with a mask of zero.
std::string make_frame(std::string_view payload);

}  // namespace hubload
