#include "tests/chaos/chaos_client.h"

#include <utility>

#include "common/base/base64.h"
#include "common/http/message.h"
#include "common/websocket/frame_writer.h"
#include "common/websocket/handshake.h"

namespace hubgate::chaos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kRecordEnd = '\x1e';
constexpr Duration kConnectTime = seconds(20);  // a proxy that hangs is replaced after twelve
constexpr Duration kServerTimeout = seconds(30);
constexpr Duration kPing = seconds(15);
constexpr std::string_view kPath = "/bench";

/// The endpoint and the generation in a token's tag: bytes 2 to 9 (docs/architecture.md, "Affinity").
std::optional<WorkerKey> worker_of(std::string_view token) {
  const auto bytes = base64url_decode(token.substr(0, 24));
  if (!bytes || bytes->size() < 10) return std::nullopt;
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8U | std::to_integer<std::uint32_t>((*bytes)[at + i]);
    return value;
  };
  return WorkerKey{number(2), number(6)};
}

http::RequestHead head_of(std::string method, std::string target) {
  http::RequestHead head;
  head.method = std::move(method);
  head.target = std::move(target);
  head.headers.add("Host", "localhost");
  return head;
}

}  // namespace

ChaosClient::ChaosClient(event::Loop& loop, Random& random, int index, std::uint16_t port, Handler& handler)
    : loop_(loop),
      random_(random),
      index_(index),
      address_(net::Address::parse("127.0.0.1:" + std::to_string(port)).value()),
      handler_(handler),
      again_(loop, [this] { connect(); }),
      tick_(loop, [this] { on_tick(); }) {}

ChaosClient::~ChaosClient() = default;

void ChaosClient::start() { again_.start(milliseconds(static_cast<std::int64_t>(random_.below(300)))); }

void ChaosClient::connect() {
  state_ = State::kConnecting;
  begun_ = loop_.now();
  loop_.dispose_value(std::move(connector_));
  connector_ =
      std::make_unique<net::Connector>(loop_, [this](Result<Descriptor> socket) { on_connected(std::move(socket)); });
  connector_->start(address_, kConnectTime);
}

void ChaosClient::on_connected(Result<Descriptor> socket) {
  if (!socket) return refuse("connect", socket.error().what);
  state_ = State::kNegotiating;
  status_ = 0;
  body_.clear();
  http_ = std::make_unique<http_client::ClientConnection>(loop_, loop_, *std::move(socket),
                                                          static_cast<http_client::ClientConnection::Handler&>(*this));
  http::RequestHead head = head_of("POST", std::string(kPath) + "/negotiate?negotiateVersion=1");
  head.body = http::BodyFraming::of_length(0);
  http_->send(head, {.response_head = kConnectTime, .body_idle = kConnectTime});
  http_->end_request();
}

void ChaosClient::on_response_head(http::ResponseHead& head) { status_ = head.status; }

std::size_t ChaosClient::on_response_body(MutableBytes piece) {
  body_ += as_text(piece);
  return piece.size();
}

void ChaosClient::on_response_end(bool reusable) {
  if (status_ != 200 || state_ != State::kNegotiating) {
    return refuse(state_ == State::kNegotiating ? "negotiate" : "upgrade", std::to_string(status_));
  }
  if (!reusable) return refuse("negotiate", "not kept alive");
  use_negotiation();
}

void ChaosClient::use_negotiation() {
  const nlohmann::json answer = nlohmann::json::parse(body_, nullptr, false);
  if (!answer.is_object() || !answer.contains("connectionToken")) {
    handler_.on_odd(*this, "negotiate was answered with " + body_);
    return refuse("negotiate", "no token");
  }
  token_ = answer["connectionToken"];
  const auto worker = worker_of(token_);
  if (!worker) {
    handler_.on_odd(*this, "a token without a tag");
    return refuse("negotiate", "no tag");
  }
  worker_ = *worker;
  state_ = State::kUpgrading;
  http::RequestHead head = head_of("GET", std::string(kPath) + "?id=" + token_);
  head.upgrade = http::UpgradeOffer::kWebSocket;
  head.headers.add("Upgrade", "websocket");
  head.headers.add("Sec-WebSocket-Key", websocket::make_key(random_));
  head.headers.add("Sec-WebSocket-Version", "13");
  http_->send(head, {.response_head = kConnectTime, .body_idle = kConnectTime});
}

void ChaosClient::on_upgraded(http::ResponseHead&) {
  connection_ = http_->take_connection();
  connection_->set_handler(static_cast<net::Connection::Handler&>(*this));
  loop_.dispose(std::move(http_));
  frames_ = websocket::FrameReader(websocket::Role::kClient);
  records_.clear();
  state_ = State::kHandshaking;
  heard_ = pinged_ = loop_.now();
  tick_.start(seconds(1));
  send_record(R"({"protocol":"json","version":1})");
}

void ChaosClient::on_failed(const http_client::Failure& failure) {
  refuse(state_ == State::kNegotiating ? "negotiate" : "upgrade", failure.error.what);
}

void ChaosClient::refuse(const std::string& step, const std::string& what) {
  drop();
  if (state_ == State::kStopped) return;
  ++failures_;
  come_back();
  handler_.on_refused(*this, begun_, step + " " + what);
}

void ChaosClient::come_back() {
  state_ = State::kWaiting;
  const auto longest = failures_ == 0 ? 200 : 1000;
  again_.start(milliseconds(static_cast<std::int64_t>(random_.below(longest))) +
               (failures_ == 0 ? milliseconds(0) : milliseconds(300)));
}

void ChaosClient::drop() {
  tick_.cancel();
  held_ = false;
  loop_.dispose(std::move(http_));
  if (connection_) connection_->close();
  loop_.dispose_value(std::move(connection_));
}

void ChaosClient::finish(End end, const std::string& text) {
  const bool was_open = state_ == State::kOpen;
  if (end == End::kGoAway && connection_) {
    // As the official client: it answers with a Close frame and goes.
    connection_->write(websocket::make_masked_close_frame(1000, websocket::Mask{}));
    connection_->close_when_flushed();
    tick_.cancel();
    held_ = false;
    loop_.dispose_value(std::move(connection_));
  } else {
    drop();
  }
  if (state_ == State::kStopped) return;
  if (!was_open) return refuse("handshake", text.empty() ? "ended" : text);
  failures_ = 0;
  come_back();
  handler_.on_end(*this, end, text);
}

void ChaosClient::kill(bool reset) {
  if (!is_open()) return;
  if (reset) connection_->reset();
  finish(End::kByUs, "");
}

void ChaosClient::stop() {
  state_ = State::kStopped;
  again_.cancel();
  drop();
}

void ChaosClient::hold() {
  if (!is_open() || held_) return;
  held_ = true;
  connection_->pause(net::Pause::kHeld);
}

void ChaosClient::let_go() {
  if (!std::exchange(held_, false)) return;
  heard_ = loop_.now();
  connection_->resume(net::Pause::kHeld);
}

void ChaosClient::send_record(const std::string& record) {
  connection_->write(
      websocket::make_masked_frame(websocket::Opcode::kText, as_bytes(record + kRecordEnd), websocket::Mask{}));
}

void ChaosClient::call(std::string_view method, std::initializer_list<std::string_view> arguments,
                       const std::string& id) {
  std::string record = "{\"type\":1,\"target\":\"" + std::string(method) + "\",\"arguments\":[";
  for (const std::string_view argument : arguments) {
    if (record.back() != '[') record += ',';
    record += '"';
    record += argument;
    record += '"';
  }
  send_record(record + "],\"invocationId\":\"" + id + "\"}");
}

std::size_t ChaosClient::on_data(MutableBytes input) {
  heard_ = loop_.now();
  std::size_t taken = 0;
  for (;;) {
    const websocket::FrameStep step = frames_.read(input.subspan(taken));
    taken += step.taken;
    if (step.event == websocket::FrameEvent::kNeedMore) return taken;
    if (step.event == websocket::FrameEvent::kError) {
      handler_.on_odd(*this, "not a WebSocket any more");
      finish(End::kCut, "bad frame");
      return taken;
    }
    if (step.event == websocket::FrameEvent::kControl) {
      if (step.opcode != websocket::Opcode::kClose) continue;
      finish(End::kCut, "close frame");
      return taken;
    }
    records_ += as_text(step.payload);
    for (std::size_t end = 0; (end = records_.find(kRecordEnd)) != std::string::npos;) {
      const std::string record = records_.substr(0, end);
      records_.erase(0, end + 1);
      on_record(record);
      if (!connection_) return taken;
    }
    if (step.message_ended && !records_.empty()) {
      handler_.on_odd(*this, "a message without its end: " + records_.substr(0, 100));
      records_.clear();
    }
  }
}

void ChaosClient::on_record(std::string_view record) {
  const nlohmann::json message = nlohmann::json::parse(record, nullptr, false);
  if (!message.is_object()) return handler_.on_odd(*this, "no JSON: " + std::string(record.substr(0, 100)));
  if (state_ == State::kHandshaking) {
    if (!message.empty()) return finish(End::kCut, std::string(record.substr(0, 200)));
    state_ = State::kOpen;
    failures_ = 0;
    return handler_.on_open(*this);
  }
  switch (message.value("type", 0)) {
    case 1:
      if (message["target"] != "msg" || message["arguments"].size() != 1 || !message["arguments"][0].is_string()) {
        return handler_.on_odd(*this, "a foreign message: " + std::string(record.substr(0, 100)));
      }
      return handler_.on_message(*this, message["arguments"][0].get_ref<const std::string&>());
    case 3:
      return handler_.on_answer(*this, message.value("invocationId", ""), message.value("result", nlohmann::json()),
                                message.value("error", ""));
    case 6: return;
    case 7: {
      const std::string error = message.value("error", "");
      const bool go_away = message.value("allowReconnect", false) && error.empty();
      return finish(go_away ? End::kGoAway : End::kError, error);
    }
    default: return handler_.on_odd(*this, "a foreign record: " + std::string(record.substr(0, 100)));
  }
}

void ChaosClient::on_closed(net::CloseReason reason) { finish(End::kCut, std::string(net::to_string(reason))); }

void ChaosClient::on_tick() {
  tick_.start(seconds(1));
  const TimePoint now = loop_.now();
  if (!held_ && now - heard_ > kServerTimeout) return finish(End::kServerTimeout, "");
  if (state_ == State::kOpen && now - pinged_ >= kPing) {
    pinged_ = now;
    send_record(R"({"type":6})");
  }
}

}  // namespace hubgate::chaos
