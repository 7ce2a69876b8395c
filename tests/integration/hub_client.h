#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/gateway.h"

namespace hubgate::test {

/// A SignalR client as simple as can be: negotiate, WebSocket, JSON, one thing at a time. Fails the test when the
/// server does not do its part.
class HubClient {
 public:
  /// `path` is the hub's. Negotiates on a connection of its own. `query` ("user=ann") goes with both requests.
  HubClient(std::uint16_t port, const std::string& path, const std::string& query = {})
      : HubClient(net::Address::parse("127.0.0.1:" + std::to_string(port)).value(), path, query) {}
  HubClient(const net::Address& address, const std::string& path, const std::string& query = {});

  /// Calls a hub method and waits for its result; messages that come before are passed over.
  nlohmann::json call(const std::string& method, nlohmann::json arguments = nlohmann::json::array());
  /// Only sends; `id` empty: no answer is wanted.
  void send(const std::string& method, nlohmann::json arguments, const std::string& id = {});
  /// The next message that is no ping; nothing at the connection's end.
  std::optional<nlohmann::json> next_message();
  /// The next message, pings too; nothing at the connection's end.
  std::optional<nlohmann::json> next_message_of_any_kind();
  bool has_ended() { return socket_.has_ended(); }
  /// Something has come that was not taken.
  bool has_input() { return !records_.empty() || socket_.has_input(); }
  const std::string& token() const { return token_; }

 private:
  void send_text(const std::string& record);
  std::optional<std::string> next_record();

  TcpClient socket_;
  std::string token_;
  std::string records_;  // of frames, not yet taken
  int last_id_ = 0;
};

using HubClients = std::vector<std::unique_ptr<HubClient>>;

/// So many clients of the gateway's /bench, one after the other.
HubClients connect_clients(const Gateway& gateway, std::size_t count);
/// Every client sends, then every client reads its echo; nothing else may have come.
void check_all_echo(HubClients& clients, const std::string& text);

}  // namespace hubgate::test
