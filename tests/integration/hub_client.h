#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/integration/gateway.h"

namespace hubgate::test {

/// A SignalR client as simple as can be: negotiate, WebSocket, JSON, one thing at a time. Fails the test when the
/// server does not do its part.
class HubClient {
 public:
  /// `path` is the hub's. Negotiates on a connection of its own.
  HubClient(std::uint16_t port, const std::string& path);

  /// Calls a hub method and waits for its result; messages that come before are passed over.
  nlohmann::json call(const std::string& method, nlohmann::json arguments = nlohmann::json::array());
  /// Only sends; `id` empty: no answer is wanted.
  void send(const std::string& method, nlohmann::json arguments, const std::string& id = {});
  /// The next message that is no ping; nothing at the connection's end.
  std::optional<nlohmann::json> next_message();
  bool has_ended() { return socket_.has_ended(); }
  const std::string& token() const { return token_; }

 private:
  void send_text(const std::string& record);
  std::optional<std::string> next_record();

  TcpClient socket_;
  std::string token_;
  std::string records_;  // of frames, not yet taken
  int last_id_ = 0;
};

}  // namespace hubgate::test
