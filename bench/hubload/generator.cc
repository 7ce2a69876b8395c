#include "hubload/generator.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace hubload {
namespace {
constexpr std::size_t kBuffer = 256 * 1024;
}  // namespace

Generator::Generator(const Options& options)
    : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(std::make_unique<char[]>(kBuffer)) {}

Generator::~Generator() {
  clients_.clear();
  ::close(epoll_);
}

bool Generator::connect(unsigned count) {
  while (ready_ < count && failed_ == 0) {
    while (clients_.size() < count && clients_.size() - ready_ < options_.concurrency) {
      clients_.push_back(std::make_unique<LoadClient>(*this, static_cast<unsigned>(clients_.size())));
      clients_.back()->connect(options_);
    }
    turn(1000);
  }
  return failed_ == 0;
}

void Generator::run(Scenario& scenario) {
  scenario_ = &scenario;
  while (failed_ == 0 && scenario.tick(Clock::now())) turn(1);
}

void Generator::turn(int wait_ms) {
  epoll_event events[512];
  const int count = ::epoll_wait(epoll_, events, 512, wait_ms);
  for (int i = 0; i < count; ++i) static_cast<LoadClient*>(events[i].data.ptr)->on_ready(events[i].events);
}

void Generator::add(LoadClient& client) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = &client;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd(), &event);
}

void Generator::want_write(LoadClient& client, bool wanted) {
  epoll_event event{};
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &client;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd(), &event);
}

// Null when nothing is there, empty when the server has ended.
std::string_view Generator::receive(int fd) {
  const ssize_t count = ::recv(fd, buffer_.get(), kBuffer, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  return {buffer_.get(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

void Generator::on_connected(LoadClient&) { ++ready_; }

void Generator::on_failed(LoadClient& client, LoadClient::State last, const char* why) {
  ++failed_;
  if (first_failure_.empty()) {
    static constexpr const char* kStates[] = {"connecting",  "negotiating", "upgrading",
                                              "handshaking", "ready",       "closed"};
    first_failure_ = std::string("connection ") + std::to_string(client.index()) + " " +
                     kStates[static_cast<int>(last)] + ": " + why;
  }
}

}  // namespace hubload
