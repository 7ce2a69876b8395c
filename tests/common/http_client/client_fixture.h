#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/event/loop.h"
#include "common/http_client/client_connection.h"
#include "tests/support/manual_timers.h"
#include "tests/support/socket_pair.h"

namespace hubgate::test {

/// Writes down what it hears of responses.
struct ResponseRecorder final : http_client::ClientConnection::Handler {
  void on_interim(http::ResponseHead& head) override { story += "interim " + std::to_string(head.status) + "\n"; }
  void on_response_head(http::ResponseHead& head) override {
    story += std::to_string(head.status) + "\n";
    if (head_came) head_came(head);
  }
  std::size_t on_response_body(MutableBytes piece) override {
    const std::size_t used = std::min(piece.size(), appetite);
    body += as_text(piece.first(used));
    if (appetite != SIZE_MAX) appetite -= used;
    if (body_came) body_came();
    return used;
  }
  void on_response_end(bool reusable) override {
    story += (body.empty() ? "" : "body " + body + "\n") + (reusable ? "end, reusable\n" : "end\n");
    body.clear();
    if (ended) ended();
  }
  void on_request_drained() override { ++drained; }
  void on_upgraded(http::ResponseHead& head) override {
    story += "upgraded " + std::string(head.headers.get("Sec-WebSocket-Accept")) + "\n";
    if (upgraded) upgraded();
  }
  void on_failed(const http_client::Failure& why) override {
    failure = why;
    ++endings;
  }
  void on_closed() override {
    closed = true;
    ++endings;
  }

  std::function<void(http::ResponseHead&)> head_came;
  std::function<void()> body_came, ended, upgraded;
  std::size_t appetite = SIZE_MAX;
  std::string story, body;
  int drained = 0;
  int endings = 0;
  bool closed = false;
  std::optional<http_client::Failure> failure;
};

/// One client connection over a socketpair whose other end is the upstream's, played by hand.
struct ClientFixture {
  ClientFixture()
      : connection(std::make_unique<http_client::ClientConnection>(loop, timers, std::move(pair.a), handler)) {}
  void turn(int times = 6) {
    for (int i = 0; i < times; ++i) loop.turn(false);
  }
  static http::RequestHead get(std::string_view target = "/a") {
    http::RequestHead head;
    head.method = "GET";
    head.target = target;
    head.headers.add("Host", "h");
    return head;
  }
  static http::RequestHead post(http::BodyFraming body) {
    http::RequestHead head = get("/p");
    head.method = "POST";
    head.body = body;
    return head;
  }
  /// Sends a head and returns what upstream got.
  std::string send(const http::RequestHead& head) {
    connection->send(head);
    turn();
    return received();
  }
  void answer(std::string_view text) {
    write_all(pair.b.get(), text);
    turn();
  }
  std::string received() { return read_available(pair.b.get()); }
  void end_upstream() {
    ::shutdown(pair.b.get(), SHUT_WR);
    turn();
  }
  void advance(Duration by) {
    timers.advance(by);
    turn();
  }

  event::Loop loop;
  ManualTimers timers;
  SocketPair pair;
  ResponseRecorder handler;
  std::unique_ptr<http_client::ClientConnection> connection;
};

}  // namespace hubgate::test
