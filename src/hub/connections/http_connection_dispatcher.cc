#include "hub/connections/http_connection_dispatcher.h"

#include <utility>

#include "common/base/ascii.h"
#include "common/http/uri.h"
#include "hub/connections/http_session.h"

namespace hubgate::hub {
namespace {

constexpr std::string_view kNegotiate = "/negotiate";

void drop_one_slash(std::string_view& path) {
  if (path.ends_with('/')) path.remove_suffix(1);
}

}  // namespace

HttpConnectionDispatcher::HttpConnectionDispatcher(event::Loop& loop, event::Timers& timers,
                                                   HttpConnectionManager& connections,
                                                   std::shared_ptr<const http_server::ServerLimits> limits)
    : loop_(loop),
      timers_(timers),
      connections_(connections),
      limits_(limits ? std::move(limits) : std::make_shared<http_server::ServerLimits>()) {}

HttpConnectionDispatcher::~HttpConnectionDispatcher() {
  for (auto& session : sessions_) loop_.dispose(std::move(session));
}

HttpConnectionDispatcher::Found HttpConnectionDispatcher::find(std::string_view path) const {
  drop_one_slash(path);
  for (const auto& mapped : connections_.paths()) {
    if (equals_ignoring_case(path, mapped->path)) return {mapped.get(), false};
    const std::size_t base = mapped->path.size();
    if (path.size() == base + kNegotiate.size() && equals_ignoring_case(path.substr(0, base), mapped->path) &&
        equals_ignoring_case(path.substr(base), kNegotiate)) {
      return {mapped.get(), true};
    }
  }
  return {};
}

void HttpConnectionDispatcher::serve(Descriptor socket, ConnectionOrigin origin, Bytes input) {
  auto session = std::make_unique<HttpSession>(*this, std::move(socket), std::move(origin), input);
  session->place_ = sessions_.size();
  sessions_.push_back(std::move(session));
}

void HttpConnectionDispatcher::remove(HttpSession& session) {
  std::unique_ptr<HttpSession> removed = std::move(sessions_[session.place_]);
  if (sessions_.back()) {
    sessions_.back()->place_ = removed->place_;
    sessions_[removed->place_] = std::move(sessions_.back());
  }
  sessions_.pop_back();
  loop_.dispose(std::move(removed));
}

void HttpConnectionDispatcher::drain_http() {
  // From the end: one that closes at once is removed, and the last one, which has been told, takes its place.
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    if (i < sessions_.size()) sessions_[i]->drain();
  }
}

}  // namespace hubgate::hub
