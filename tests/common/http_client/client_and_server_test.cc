// The two engines against each other over one socketpair.
#include <deque>

#include "common/base/random.h"
#include "common/event/loop.h"
#include "common/http_client/client_connection.h"
#include "common/http_server/server_connection.h"
#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;

namespace {

std::string body_of(SeededRandom& random, std::size_t most) {
  std::string body(random.below(most + 1), '\0');
  random.fill({reinterpret_cast<std::byte*>(body.data()), body.size()});
  return body;
}

http::BodyFraming framing_of(SeededRandom& random, std::size_t size) {
  return random.below(2) == 0 ? http::BodyFraming::chunked() : http::BodyFraming::of_length(size);
}

// Sends a body in pieces of any size, resting when it is told to.
struct Sender {
  std::string body;
  std::size_t at = 0;
  bool may_write = true;

  template <class Write, class End>
  void go_on(SeededRandom& random, Write write, End end) {
    while (may_write && at < body.size()) {
      const std::size_t size = std::min<std::size_t>(body.size() - at, 1 + random.below(30'000));
      const auto piece = as_bytes(std::string_view(body).substr(at, size));
      at += size;
      may_write = random.below(2) == 0 ? write(piece) : write(Payload(piece));
    }
    if (may_write && at == body.size()) {
      ++at;  // once
      end();
    }
  }
};

// Takes a random part of each piece.
struct Taker {
  std::string body;
  bool paused = false;

  std::size_t take(SeededRandom& random, MutableBytes piece) {
    const std::size_t size = random.below(3) == 0 ? random.below(piece.size() + 1) : piece.size();
    body += as_text(piece.first(size));
    paused = size < piece.size();
    return size;
  }
};

struct Server final : http_server::ServerConnection::Handler {
  Server(SeededRandom& chance, std::shared_ptr<const http_server::ServerLimits> all)
      : random(chance), shared(std::move(all)) {}
  std::shared_ptr<const http_server::ServerLimits> limits() override { return shared; }
  void on_request(http::RequestHead& head) override {
    got = {};
    method = head.method;
    if (head.expects_continue) connection->send_continue();
  }
  std::size_t on_body(MutableBytes piece) override { return got.take(random, piece); }
  void on_request_end() override {
    bodies.push_back(got.body);
    answer = {answers.front(), 0, true};
    answers.pop_front();
    http::ResponseHead head;
    head.body = framing_of(random, answer.body.size());
    connection->start_response(head);
    go_on();
  }
  void on_response_drained() override {
    answer.may_write = true;
    go_on();
  }
  void go_on() {
    answer.go_on(
        random, [&](auto piece) { return connection->write_body(piece); }, [&] { connection->end_response(); });
  }
  void on_closed(http_server::EndReason) override { closed = true; }

  SeededRandom& random;
  std::shared_ptr<const http_server::ServerLimits> shared;
  std::unique_ptr<http_server::ServerConnection> connection;
  std::deque<std::string> answers;
  std::vector<std::string> bodies;
  std::string method;
  Taker got;
  Sender answer;
  bool closed = false;
};

struct Client final : http_client::ClientConnection::Handler {
  explicit Client(SeededRandom& chance) : random(chance) {}
  void on_response_head(http::ResponseHead&) override { got = {}; }
  std::size_t on_response_body(MutableBytes piece) override { return got.take(random, piece); }
  void on_response_end(bool can_be_used_again) override {
    bodies.push_back(got.body);
    reusable = can_be_used_again;
  }
  void on_request_drained() override {
    request.may_write = true;
    go_on();
  }
  void go_on() {
    request.go_on(
        random, [&](auto piece) { return connection->write_body(piece); }, [&] { connection->end_request(); });
  }
  void on_failed(const http_client::Failure& failure) override { error = failure.error.what; }

  SeededRandom& random;
  std::unique_ptr<http_client::ClientConnection> connection;
  std::vector<std::string> bodies;
  Taker got;
  Sender request;
  bool reusable = true;
  std::string error;
};

}  // namespace

TEST_CASE("bodies of any size and framing pass both engines unchanged, exchange after exchange", "[http_client]") {
  const auto seed = GENERATE(1u, 2u, 3u, 4u);
  CAPTURE(seed);
  SeededRandom random(seed);
  event::Loop loop;
  test::ManualTimers timers;
  test::SocketPair pair;
  auto limits = std::make_shared<http_server::ServerLimits>();
  limits->max_body = 10'000'000;
  Server server(random, limits);
  Client client(random);
  server.connection = std::make_unique<http_server::ServerConnection>(loop, timers, std::move(pair.a), server);
  client.connection = std::make_unique<http_client::ClientConnection>(loop, timers, std::move(pair.b), client);

  std::vector<std::string> requests, answers;
  for (int i = 0; i < 20; ++i) {
    const std::size_t most = i % 4 == 0 ? 0 : i % 4 == 1 ? 100 : 600'000;
    requests.push_back(body_of(random, most));
    answers.push_back(body_of(random, most));
    server.answers.push_back(answers.back());
    http::RequestHead head;
    head.method = "POST";
    head.target = "/" + std::to_string(i);
    head.headers.add("Host", "h");
    head.body = framing_of(random, requests.back().size());
    if (random.below(3) == 0) head.headers.add("Expect", "100-continue");
    client.connection->send(head);
    client.request = {requests.back(), 0, true};
    client.go_on();
    for (int turns = 0; turns < 20'000 && client.bodies.size() < requests.size(); ++turns) {
      loop.turn(false);
      if (server.got.paused && random.below(2) == 0) {
        server.got.paused = false;
        server.connection->resume_body();
      }
      if (client.got.paused && random.below(2) == 0) {
        client.got.paused = false;
        client.connection->resume_response();
      }
    }
    REQUIRE(client.error.empty());
    REQUIRE(client.bodies.size() == requests.size());
    REQUIRE(client.reusable);
  }
  CHECK(server.bodies == requests);
  CHECK(client.bodies == answers);
  CHECK_FALSE(server.closed);
}
