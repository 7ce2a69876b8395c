#include "tests/integration/crowd_client.h"

#include <nlohmann/json.hpp>

#include "common/websocket/frame_writer.h"
#include "tests/support/planted.h"

namespace hubgate::test {
namespace {

constexpr char kRecordEnd = '\x1e';
constexpr websocket::Mask kNoMask{};  // of zeros: valid, and readable in a trace

std::string head_of(std::string_view line, const CrowdOptions& options) {
  const std::string host = options.server.is_unix() ? "localhost" : options.server.to_string();
  return std::string(line) + " HTTP/1.1\r\nHost: " + host + "\r\n" + std::string(kPlantedFields);
}

std::string query_of(const CrowdOptions& options) {
  return "&" + std::string(kPlantedQuery) + (options.query.empty() ? "" : "&" + options.query);
}

}  // namespace

std::string_view to_string(CrowdEnd end) noexcept {
  switch (end) {
    case CrowdEnd::kCloseReconnect: return "Close with allowReconnect";
    case CrowdEnd::kClose: return "Close";
    case CrowdEnd::kCut: return "cut";
    case CrowdEnd::kAnswer: return "answered";
    case CrowdEnd::kRefused: return "refused";
    case CrowdEnd::kTimedOut: return "timed out";
  }
  return "";
}

struct CrowdClient::Answer {
  http::ReaderLimits limits;
  http::ResponseReader reader{limits};
  int status = 0;
  std::string body;
};

CrowdClient::CrowdClient(event::Loop& loop, const CrowdOptions& options, std::size_t index, Handler& handler)
    : loop_(loop), options_(options), handler_(handler), index_(index), retry_(loop, [this] { attempt(); }) {}

CrowdClient::~CrowdClient() = default;

void CrowdClient::start() {
  failed_attempts_ = options_.reconnect_after.size();
  attempt();
}

void CrowdClient::stop() {
  retry_.cancel();
  drop_connection();
  state_ = State::kGone;
}

void CrowdClient::attempt() {
  negotiated_ = false;
  token_.clear();
  connect();
}

void CrowdClient::connect() {
  state_ = State::kConnecting;
  begun_ = loop_.now();
  connector_ = std::make_unique<net::Connector>(loop_, [this](Result<Descriptor> socket) {
    loop_.dispose_value(std::move(connector_));
    if (!socket) return end(CrowdEnd::kRefused, socket.error().what);
    on_connected(std::move(socket).value());
  });
  connector_->start(options_.server, options_.attempt_time);
}

void CrowdClient::on_connected(Descriptor socket) {
  net::Connection::Handler& self = *this;
  if (options_.tls) {
    auto tls = options_.tls->connect(socket.get(), "localhost");
    connection_ = std::make_unique<net::Connection>(loop_, std::move(socket), std::move(tls), self);
  } else {
    connection_ = std::make_unique<net::Connection>(loop_, std::move(socket), self);
  }
  last_in_ = loop_.now();
  answer_ = std::make_unique<Answer>();
  answer_->reader.expect(false, answer_->limits);
  if (!negotiated_) {
    state_ = State::kNegotiating;
    connection_->write(
        head_of("POST " + options_.path + "/negotiate?negotiateVersion=1" + query_of(options_), options_) +
        "Content-Length: 0\r\n\r\n");
    return;
  }
  state_ = State::kUpgrading;
  connection_->write(head_of("GET " + options_.path + "?id=" + token_ + query_of(options_), options_) +
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n");
}

std::size_t CrowdClient::on_data(MutableBytes input) {
  last_in_ = loop_.now();
  const std::size_t taken = answer_ ? read_answer(input) : 0;
  // What comes behind the answer to the upgrade is frames.
  if (answer_ || !frames_ || !connection_) return taken;
  return taken + read_frames(input.subspan(taken));
}

std::size_t CrowdClient::read_answer(MutableBytes input) {
  std::size_t taken = 0;
  for (;;) {
    const http::ReadStep step = answer_->reader.read(input.subspan(taken));
    taken += step.taken;
    switch (step.event) {
      case http::ReadEvent::kNeedMore: return taken;
      case http::ReadEvent::kHead: answer_->status = answer_->reader.head().status; break;
      case http::ReadEvent::kBody:
        answer_->body += as_text(step.body);
        answer_->reader.body_taken(step.body.size());
        taken += step.body.size();
        break;
      case http::ReadEvent::kEnd: use_answer(); return taken;
      case http::ReadEvent::kRejected:
        end(CrowdEnd::kCut, "a bad answer: " + std::string(http::to_string(answer_->reader.rejection())));
        return taken;
    }
  }
}

void CrowdClient::use_answer() {
  const std::unique_ptr<Answer> answer = std::move(answer_);
  const bool upgrading = state_ == State::kUpgrading;
  if (answer->status != (upgrading ? 101 : 200)) {
    return end(CrowdEnd::kAnswer, (upgrading ? "upgrade: " : "negotiate: ") + answer->body, answer->status);
  }
  if (upgrading) {
    state_ = State::kHandshaking;
    frames_.emplace(websocket::Role::kClient);
    partial_.clear();
    return write_record(R"({"protocol":"json","version":1})");
  }
  const auto body = nlohmann::json::parse(answer->body, nullptr, false);
  if (!body.is_object() || !body.contains("connectionToken")) return end(CrowdEnd::kCut, "negotiate: " + answer->body);
  token_ = body["connectionToken"];
  negotiated_ = true;
  drop_connection();
  connect();
}

std::size_t CrowdClient::read_frames(MutableBytes input) {
  std::size_t taken = 0;
  while (connection_) {
    const websocket::FrameStep step = frames_->read(input.subspan(taken));
    taken += step.taken;
    switch (step.event) {
      case websocket::FrameEvent::kNeedMore: return taken;
      case websocket::FrameEvent::kError: end(CrowdEnd::kCut, "a bad frame"); return taken;
      case websocket::FrameEvent::kControl:
        if (step.opcode == websocket::Opcode::kPing) {
          connection_->write(websocket::make_masked_frame(websocket::Opcode::kPong, step.payload, kNoMask));
        } else if (step.opcode == websocket::Opcode::kClose) {
          end(CrowdEnd::kCut, "a Close frame without a Close message");
          return taken;
        }
        break;
      case websocket::FrameEvent::kData:
        if (!use_text(as_text(step.payload))) return taken;
        break;
    }
  }
  return taken;
}

bool CrowdClient::use_text(std::string_view text) {
  for (;;) {
    const std::size_t record_end = text.find(kRecordEnd);
    if (record_end == text.npos) {
      partial_ += text;
      return true;
    }
    std::string whole;  // only when it came in pieces
    std::string_view record = text.substr(0, record_end);
    if (!partial_.empty()) {
      whole = std::move(partial_);
      partial_.clear();
      whole += record;
      record = whole;
    }
    text.remove_prefix(record_end + 1);
    if (!use_record(record)) return false;
  }
}

bool CrowdClient::use_record(std::string_view record) {
  if (state_ == State::kHandshaking) {
    if (record != "{}") return end(CrowdEnd::kCut, "handshake: " + std::string(record)), false;
    state_ = State::kUp;
    failed_attempts_ = 0;
    ++connections_;
    handler_.on_up(*this);
  } else if (record.starts_with(R"({"type":7)")) {
    const auto close = nlohmann::json::parse(record, nullptr, false);
    if (!close.is_object()) return end(CrowdEnd::kCut, std::string(record)), false;
    const bool again = close.value("allowReconnect", false);
    // As a browser does: a Close frame of ours, and the end.
    connection_->write(websocket::make_masked_close_frame(1000, kNoMask));
    end(again ? CrowdEnd::kCloseReconnect : CrowdEnd::kClose, close.value("error", ""));
    return false;
  } else if (record != R"({"type":6})") {
    handler_.on_record(*this, record);
  }
  return connection_ != nullptr && frames_.has_value();
}

void CrowdClient::send(std::string_view record) {
  if (is_up()) write_record(record);
}

void CrowdClient::write_record(std::string_view record) {
  std::string payload(record);
  payload += kRecordEnd;
  connection_->write(websocket::make_masked_frame(websocket::Opcode::kText, as_bytes(payload), kNoMask));
  last_out_ = loop_.now();
}

void CrowdClient::stall() {
  if (!is_up()) return;
  stalled_ = true;
  connection_->pause(net::Pause::kHeld);
}

void CrowdClient::go_on() {
  if (!stalled_) return;
  stalled_ = false;
  last_in_ = loop_.now();
  connection_->resume(net::Pause::kHeld);
}

void CrowdClient::look(TimePoint now) {
  if (state_ == State::kIdle || state_ == State::kWaiting || state_ == State::kGone) return;
  if (!is_up()) {
    if (now - begun_ > options_.attempt_time) end(CrowdEnd::kTimedOut, "an attempt");
    return;
  }
  if (!stalled_ && now - last_in_ > options_.server_time) return end(CrowdEnd::kTimedOut, "a silent server");
  if (now - last_out_ >= options_.ping_after) write_record(R"({"type":6})");
}

void CrowdClient::on_closed(net::CloseReason reason) { end(CrowdEnd::kCut, std::string(net::to_string(reason))); }

void CrowdClient::end(CrowdEnd how, std::string what, int status) {
  CrowdClosing closing{index_, loop_.now(), how, is_up(), status, token_, std::move(what)};
  drop_connection();
  const bool again = how != CrowdEnd::kClose && failed_attempts_ < options_.reconnect_after.size();
  state_ = again ? State::kWaiting : State::kGone;
  if (again) retry_.start(options_.reconnect_after[failed_attempts_++]);
  handler_.on_closing(*this, closing);
}

void CrowdClient::drop_connection() {
  stalled_ = false;
  answer_.reset();
  frames_.reset();
  partial_.clear();
  loop_.dispose_value(std::move(connector_));
  if (!connection_) return;
  // What was written still leaves; nothing comes back to us.
  connection_->close_when_flushed();
  loop_.dispose_value(std::move(connection_));
}

}  // namespace hubgate::test
