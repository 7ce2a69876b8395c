#include "tests/integration/request_stream.h"

#include <algorithm>
#include <utility>

#include "common/event/timer.h"
#include "common/http/http1_reader.h"
#include "common/net/connection.h"
#include "common/net/connector.h"
#include "tests/integration/gateway.h"

namespace hubgate::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFaults = 20;  // that are kept in words

/// One kept connection: one request at a time.
class Line final : private net::Connection::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_answer(Line& line, int status, const std::string& body) = 0;
    /// Without the answer when one was due.
    virtual void on_cut(Line& line, const std::string& why) = 0;
  };

  Line(event::Loop& loop, const net::Address& server, const net::TlsContext* tls, Handler& handler)
      : loop_(loop),
        tls_(tls),
        handler_(handler),
        connector_(loop, [this](Result<Descriptor> socket) { connected(std::move(socket)); }) {
    connector_.start(server, 10s);
  }

  void ask(const StreamedRequest& request) {
    request_ = &request;
    answer_.clear();
    reader_.expect(request.method == "HEAD", limits_);
    if (connection_) write();
  }
  const StreamedRequest* request() const { return request_; }  // null: idle
  void answered() { request_ = nullptr; }
  bool is_over() const { return over_; }

 private:
  void connected(Result<Descriptor> socket) {
    if (!socket) return cut(socket.error().what);
    net::Connection::Handler& self = *this;
    if (tls_ != nullptr) {
      auto tls = tls_->connect(socket->get(), "localhost");
      connection_ = std::make_unique<net::Connection>(loop_, std::move(socket).value(), std::move(tls), self);
    } else {
      connection_ = std::make_unique<net::Connection>(loop_, std::move(socket).value(), self);
    }
    if (request_ != nullptr) write();
  }
  void write() {
    connection_->write(request_->method + " " + request_->target + " HTTP/1.1\r\nHost: localhost\r\n" +
                       (request_->method == "POST" ? "Content-Length: 0\r\n\r\n" : "\r\n"));
  }
  std::size_t on_data(MutableBytes input) override {
    std::size_t taken = 0;
    for (;;) {
      const http::ReadStep step = reader_.read(input.subspan(taken));
      taken += step.taken;
      switch (step.event) {
        case http::ReadEvent::kNeedMore: return taken;
        case http::ReadEvent::kHead: break;
        case http::ReadEvent::kBody:
          answer_ += as_text(step.body);
          reader_.body_taken(step.body.size());
          taken += step.body.size();
          break;
        case http::ReadEvent::kEnd: {
          if (request_ == nullptr) return cut("bytes that nobody asked for"), taken;
          if (!reader_.head().keep_alive) close();
          handler_.on_answer(*this, reader_.head().status, answer_);
          return taken;
        }
        case http::ReadEvent::kRejected: return cut("a bad answer"), taken;
      }
    }
  }
  void on_closed(net::CloseReason reason) override { cut(std::string(net::to_string(reason))); }
  void cut(const std::string& why) {
    close();
    handler_.on_cut(*this, why);
  }
  void close() {
    over_ = true;
    if (connection_) connection_->close();
  }

  event::Loop& loop_;
  const net::TlsContext* tls_;
  Handler& handler_;
  net::Connector connector_;
  std::unique_ptr<net::Connection> connection_;
  http::ReaderLimits limits_;
  http::ResponseReader reader_{limits_};
  const StreamedRequest* request_ = nullptr;
  std::string answer_;
  bool over_ = false;
};

}  // namespace

/// The stream itself; all of it belongs to the loop's thread.
class RequestStream::Core final : private Line::Handler {
 public:
  Core(event::Loop& loop, net::Address server, std::shared_ptr<const net::TlsContext> tls,
       std::vector<StreamedRequest> requests, std::size_t connections)
      : loop_(loop),
        server_(std::move(server)),
        tls_(std::move(tls)),
        requests_(std::move(requests)),
        most_(connections),
        timer_(loop, [this] { send_due(); }) {}

  void send(double per_second) {
    timer_.cancel();
    if (per_second <= 0) return;
    every_ = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / per_second));
    due_ = loop_.now();
    timer_.start_at(due_);
  }
  void close_all() { lines_.clear(); }
  RequestCounts counts() const {
    RequestCounts counts = counts_;
    for (const auto& line : lines_) counts.waiting += line->request() != nullptr ? 1 : 0;
    return counts;
  }
  const std::string& faults() const { return faults_; }

 private:
  void send_due() {
    for (const TimePoint now = loop_.now(); due_ <= now; due_ += every_) {
      Line* line = free_line();
      if (line == nullptr) {  // all are busy: the requests that are due wait
        due_ += 1ms;
        break;
      }
      ++counts_.sent;
      line->ask(requests_[next_++ % requests_.size()]);
    }
    timer_.start_at(due_);
  }
  Line* free_line() {
    // The one that has rested longest, so that all are used.
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = *lines_[(turn_ + i) % lines_.size()];
      if (line.request() != nullptr || line.is_over()) continue;
      turn_ = (turn_ + i + 1) % lines_.size();
      return &line;
    }
    if (lines_.size() >= most_) return nullptr;
    ++counts_.connections;
    Line::Handler& self = *this;
    lines_.push_back(std::make_unique<Line>(loop_, server_, tls_.get(), self));
    return lines_.back().get();
  }
  void on_answer(Line& line, int status, const std::string& body) override {
    const StreamedRequest& request = *line.request();
    line.answered();
    if (status == 200 && (request.body.empty() || request.body == body)) {
      ++counts_.answered;
    } else {
      ++counts_.wrong;
      note(request.method + " " + request.target + ": " + std::to_string(status) + " " + body.substr(0, 200));
    }
    if (line.is_over()) drop(line);
  }
  void on_cut(Line& line, const std::string& why) override {
    if (line.request() != nullptr) {
      ++counts_.cut;
      note(line.request()->method + " " + line.request()->target + ": cut, " + why);
      line.answered();
    }
    drop(line);
  }
  void drop(Line& line) {
    const auto place = std::find_if(lines_.begin(), lines_.end(), [&](const auto& one) { return one.get() == &line; });
    if (place == lines_.end()) return;
    loop_.dispose_value(std::move(*place));
    lines_.erase(place);
  }
  void note(const std::string& fault) {
    if (noted_++ < kFaults) faults_ += fault + "\n";
  }

  event::Loop& loop_;
  net::Address server_;
  std::shared_ptr<const net::TlsContext> tls_;
  std::vector<StreamedRequest> requests_;
  std::size_t most_;
  std::vector<std::unique_ptr<Line>> lines_;
  RequestCounts counts_;
  std::string faults_;
  std::size_t noted_ = 0;
  std::size_t next_ = 0;  // request
  std::size_t turn_ = 0;  // line
  event::Timer timer_;
  Duration every_{};
  TimePoint due_{};
};

RequestStream::RequestStream(net::Address server, std::shared_ptr<const net::TlsContext> tls,
                             std::vector<StreamedRequest> requests, std::size_t connections)
    : thread_(std::make_unique<LoopThread>()) {
  thread_->ask([&](event::Loop& loop) {
    core_ = std::make_unique<Core>(loop, std::move(server), std::move(tls), std::move(requests), connections);
  });
}
RequestStream::~RequestStream() {
  thread_->ask([&](event::Loop&) { core_.reset(); });
}

void RequestStream::send(double per_second) {
  thread_->ask([&](event::Loop&) { core_->send(per_second); });
}
void RequestStream::pause() {
  send(0);
  wait_for("the answers", [&] { return counts().waiting == 0; }, 20s);
  thread_->ask([&](event::Loop&) { core_->close_all(); });
}
RequestCounts RequestStream::counts() const {
  return thread_->ask([&](event::Loop&) { return core_->counts(); });
}
std::string RequestStream::faults() const {
  return thread_->ask([&](event::Loop&) { return core_->faults(); });
}

}  // namespace hubgate::test
