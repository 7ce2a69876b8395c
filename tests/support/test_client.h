#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/memory_connection.h"

namespace hubgate::test {

/// A client of one hub, over memory: bytes it sends go straight to the ConnectionAcceptor's handler, what the server
/// writes is kept. JSON texts are written without their separators, which are added.
class TestClient {
 public:
  explicit TestClient(hub::ConnectionAcceptor& acceptor, std::string id = "connection_00000000001")
      : acceptor_(acceptor), connection_(std::move(id)) {}
  ~TestClient() { release(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  MemoryConnection& connection() { return connection_; }

  /// Attaches the transport; connect() does it by itself.
  void attach() {
    if (is_attached_) return;
    is_attached_ = true;
    connection_.set_handler(acceptor_.accept(connection_));
  }
  /// Attaches and shakes hands; the answer must be the good one and is taken.
  bool connect(std::string_view protocol = "json") {
    attach();
    send("{\"protocol\":\"" + std::string(protocol) + "\",\"version\":1}");
    const std::string answer = connection_.take();
    rest_ = answer.substr(std::min<std::size_t>(3, answer.size()));
    return answer.substr(0, 3) == "{}\x1e";
  }
  /// Sends one JSON record.
  void send(std::string_view json) { send_bytes(std::string(json) + '\x1e'); }
  /// Sends bytes, cut into pieces of `chunk` when that is not 0.
  void send_bytes(std::string_view bytes, std::size_t chunk = 0) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, chunk == 0 ? bytes.size() : chunk);
      bytes.remove_prefix(piece.size());
      unread_ += piece;
      deliver();
    }
  }
  /// Shows again what was not taken, as transports do after a pause.
  void deliver() {
    if (unread_.empty() || connection_.is_paused || connection_.is_closed()) return;
    std::string shown = unread_ + std::string(64, '\0');
    const std::size_t size = unread_.size();
    const std::size_t taken = connection_.handler().on_input({reinterpret_cast<std::byte*>(shown.data()), size});
    unread_.erase(0, taken);
  }
  /// Shows the rest though reading is paused, as transports do right before the end.
  void show_rest() {
    const bool was_paused = std::exchange(connection_.is_paused, false);
    deliver();
    connection_.is_paused = was_paused;
  }
  std::size_t unread() const { return unread_.size(); }

  /// All that came since the last time, records separated by spaces.
  std::string take() {
    std::string text = std::exchange(rest_, {}) + connection_.take();
    for (char& c : text) {
      if (c == '\x1e') c = ' ';
    }
    if (text.ends_with(' ')) text.pop_back();
    return text;
  }
  /// The same as bytes.
  std::string take_bytes() { return std::exchange(rest_, {}) + connection_.take(); }

  /// The client's side goes away.
  void end(hub::InputEnd how = hub::InputEnd::kLost, std::string_view error = {}) {
    if (!connection_.is_closed()) connection_.handler().on_input_end(how, error);
  }
  std::optional<std::uint16_t> close_code() const { return connection_.close_code(); }

  /// The transport's object goes, as its manager does after the end, or when it is taken down.
  void release() {
    if (!is_attached_) return;
    is_attached_ = false;
    acceptor_.released(connection_);
  }

 private:
  hub::ConnectionAcceptor& acceptor_;
  MemoryConnection connection_;
  std::string unread_;
  std::string rest_;  // what came with the handshake's answer
  bool is_attached_ = false;
};

}  // namespace hubgate::test
