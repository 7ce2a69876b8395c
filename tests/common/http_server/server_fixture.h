#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/event/loop.h"
#include "common/http_server/server_connection.h"
#include "tests/support/manual_timers.h"
#include "tests/support/socket_pair.h"

namespace hubgate::test {

/// A handler that answers as its functions say and writes down what it hears.
struct ScriptedHandler final : http_server::ServerConnection::Handler {
  std::shared_ptr<const http_server::ServerLimits> limits() override { return shared_limits; }
  std::uint64_t body_limit(const http::RequestHead&, const http_server::ServerLimits& now) override {
    return own_body_limit.value_or(now.max_body);
  }
  void on_request(http::RequestHead& head) override {
    heads.push_back(head);
    story += head.method + " " + head.target + "\n";
    if (request) request(head);
  }
  std::size_t on_body(MutableBytes piece) override {
    const std::size_t used = std::min(piece.size(), appetite);
    body += as_text(piece.first(used));
    if (appetite != SIZE_MAX) appetite -= used;
    if (body_came) body_came();
    return used;
  }
  void on_request_end() override {
    story += "body " + body + "\nend\n";
    body.clear();
    if (request_end) request_end();
  }
  void on_response_drained() override {
    ++drained;
    if (response_drained) response_drained();
  }
  bool on_half_closed() override {
    story += "half closed\n";
    return finishes_half_closed;
  }
  void on_rejected(http::Rejection rejection, int status) override {
    story += "rejected " + std::string(to_string(rejection)) + " " + std::to_string(status) + "\n";
    if (rejected) rejected();
  }
  void on_closed(http_server::EndReason reason) override {
    closed = reason;
    ++closings;
  }

  std::shared_ptr<http_server::ServerLimits> shared_limits = std::make_shared<http_server::ServerLimits>();
  std::optional<std::uint64_t> own_body_limit;
  std::function<void(http::RequestHead&)> request;
  std::function<void()> body_came, request_end, response_drained, rejected;
  std::size_t appetite = SIZE_MAX;  // bytes of body it will still take
  bool finishes_half_closed = false;
  std::vector<http::RequestHead> heads;
  std::string story, body;
  int drained = 0;
  int closings = 0;
  std::optional<http_server::EndReason> closed;
};

/// One server connection over a socketpair whose other end is the client's.
struct ServerFixture {
  ServerFixture()
      : connection(std::make_unique<http_server::ServerConnection>(loop, timers, std::move(pair.a), handler)) {}
  void turn(int times = 6) {
    for (int i = 0; i < times; ++i) loop.turn(false);
  }
  void send(std::string_view text) {
    write_all(client(), text);
    turn();
  }
  /// What the client has been sent, without Date fields.
  std::string received() {
    std::string text = read_available(client());
    for (std::size_t at; (at = text.find("Date: ")) != std::string::npos;)
      text.erase(at, text.find("\r\n", at) + 2 - at);
    return text;
  }
  /// Answers every request with its body, or with `text`, when it is complete.
  void answer_with(std::string text) {
    handler.request_end = [this, text] { connection->respond({}, text); };
  }
  void advance(Duration by) {
    timers.advance(by);
    turn();
  }
  int client() const { return pair.b.get(); }
  bool is_client_at_end() const { return is_at_end(client()); }
  void end_client() { ::shutdown(client(), SHUT_WR); }

  event::Loop loop;
  ManualTimers timers;
  SocketPair pair;
  ScriptedHandler handler;
  std::unique_ptr<http_server::ServerConnection> connection;
};

inline std::string ok(std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) + "\r\n" +
         std::string(body);
}

}  // namespace hubgate::test
