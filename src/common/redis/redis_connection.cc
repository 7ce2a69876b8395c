#include "common/redis/redis_connection.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hubgate::redis {
namespace {

constexpr Duration kShortestTick = std::chrono::milliseconds(1);
constexpr int kTicksPerPing = 2;

/// The answer to PING: a status on a link without subscriptions, an array on one that has some.
bool is_pong(const Reply& reply) {
  if (reply.is(Reply::Kind::kStatus)) return reply.text == "PONG";
  return reply.is(Reply::Kind::kArray) && !reply.elements.empty() && reply.elements.front().text == "pong";
}

/// ROLE of a replica; a user that may not ask, and what is no Redis but looks like one, are taken for a primary.
bool is_replica(const Reply& reply) {
  return reply.is(Reply::Kind::kArray) && !reply.elements.empty() && reply.elements.front().text == "slave";
}

Error replica_error() {
  return make_error(ErrorCode::kRefused, "Redis is a read-only replica: its publishes do not reach the primary",
                    Side::kUpstream);
}

/// The address that needs no resolver.
Result<net::Address> numeric_address(const RedisUrl& url) {
  if (url.kind == RedisUrl::Kind::kUnix) return net::Address::parse("unix:" + url.path);
  const std::string port = ":" + std::to_string(url.port);
  return net::Address::parse(url.host.find(':') == std::string::npos ? url.host + port : "[" + url.host + "]" + port);
}

/// Redis takes no name with spaces or anything beyond ASCII's printable characters.
std::string as_client_name(std::string name) {
  for (char& c : name) {
    if (c <= ' ' || c > '~') c = '_';
  }
  return name;
}

}  // namespace

RedisConnection::RedisConnection(event::Loop& loop, const RedisUrl& url, std::string name, LinkTimes times,
                                 std::shared_ptr<const net::TlsContext> tls, Handler& handler)
    : loop_(loop),
      url_(url),
      name_(as_client_name(std::move(name))),
      times_(times),
      tls_(std::move(tls)),
      handler_(&handler),
      timer_(loop, [this] { on_tick(); }) {}

RedisConnection::~RedisConnection() = default;

void RedisConnection::start() {
  assert(state_ == State::kIdle);
  state_ = State::kConnecting;
  deadline_ = loop_.now() + times_.connect_timeout;
  timer_.start(times_.connect_timeout);
  const auto address = numeric_address(url_);
  if (address) return connect_to({*address});
  if (url_.kind == RedisUrl::Kind::kUnix) {
    failed_early_ = address.error();
    timer_.start(Duration::zero());  // told from the loop, never out of start()
    return;
  }
  auto on_found = [this](Result<std::vector<net::Address>> found) {
    if (state_ != State::kConnecting) return;
    if (!found) return fail(found.error());
    connect_to(*std::move(found));
  };
  if (resolve_ != nullptr) return resolve_(url_.host, url_.port, std::move(on_found));
  resolver_ = std::make_unique<net::Resolver>(loop_);
  resolver_->resolve(url_.host, url_.port, std::move(on_found));
}

void RedisConnection::connect_to(std::vector<net::Address> addresses) {
  addresses_ = std::move(addresses);
  connect_to_next();
}

// One connector after the other: a name may have addresses on which nobody listens, or that nobody answers for.
void RedisConnection::connect_to_next() {
  loop_.dispose_value(std::move(connector_));
  connector_ =
      std::make_unique<net::Connector>(loop_, [this](Result<Descriptor> socket) { on_connected(std::move(socket)); });
  const Duration left = std::max(deadline_ - loop_.now(), kShortestTick);
  const Duration share = left / static_cast<Duration::rep>(addresses_.size());
  const net::Address address = addresses_.front();
  addresses_.erase(addresses_.begin());
  connector_->start(address, share);
}

void RedisConnection::on_connected(Result<Descriptor> socket) {
  if (state_ != State::kConnecting) return;  // retired meanwhile
  if (!socket && !addresses_.empty()) return connect_to_next();
  if (!socket) return fail(socket.error());
  const int fd = socket->get();
  if (url_.kind == RedisUrl::Kind::kTls) {
    assert(tls_ != nullptr);
    connection_ = std::make_unique<net::Connection>(loop_, *std::move(socket), tls_->connect(fd, url_.host),
                                                    static_cast<net::Connection::Handler&>(*this));
  } else {
    connection_ =
        std::make_unique<net::Connection>(loop_, *std::move(socket), static_cast<net::Connection::Handler&>(*this));
  }
  state_ = State::kEntering;
  if (auto entered = enter(); !entered) fail(entered.error());
}

// Sends all that lets us in at once; the answers come in order.
Result<void> RedisConnection::enter() {
  const auto password = url_.read_password();
  if (!password) return password.error();
  const auto send_entering = [this](std::string_view name, std::initializer_list<std::string_view> words) {
    entering_.push_back(name);
    write(make_command(words));
  };
  if (!password->empty() && url_.user.empty()) send_entering("AUTH", {"AUTH", *password});
  if (!password->empty() && !url_.user.empty()) send_entering("AUTH", {"AUTH", url_.user, *password});
  if (url_.database != 0) send_entering("SELECT", {"SELECT", std::to_string(url_.database)});
  send_entering("CLIENT SETNAME", {"CLIENT", "SETNAME", name_});
  // Nobody is refused a PING who may do anything at all: a password that we lack shows here.
  send_entering("PING", {"PING"});
  send_entering("ROLE", {"ROLE"});
  return {};
}

void RedisConnection::on_entering_reply(const Reply& reply) {
  const std::string_view command = entering_.front();
  entering_.pop_front();
  if (command == "ROLE" && is_replica(reply)) return fail(replica_error());
  // A user of few rights may be unable to name itself; that takes nothing from what we need.
  if (reply.is(Reply::Kind::kError) && command != "CLIENT SETNAME" && command != "ROLE") {
    return fail(
        make_error(ErrorCode::kRefused, "Redis refused " + std::string(command) + ": " + reply.text, Side::kUpstream));
  }
  if (!entering_.empty()) return;
  state_ = State::kReady;
  timer_.start(tick());
  handler_->on_link_ready(*this);
}

void RedisConnection::send(Payload command) {
  assert(state_ == State::kReady || state_ == State::kFailed);
  if (state_ == State::kReady) write(std::move(command));
}

void RedisConnection::write(Payload command) {
  written_ += command.size();
  connection_->write(std::move(command));
}

Duration RedisConnection::tick() const { return std::max(times_.ping_interval / kTicksPerPing, kShortestTick); }

// Time is counted in ticks that this loop has run, not by the clock: a process that was stopped for a minute must not
// call Redis dead before it has read what waits.
void RedisConnection::on_tick() {
  if (failed_early_) return fail(*std::exchange(failed_early_, std::nullopt));
  if (state_ != State::kReady) {
    return fail(make_error(ErrorCode::kTimeout, "Redis did not let us in in time", Side::kUpstream));
  }
  timer_.start(tick());
  since_ping_ += tick();
  if (std::exchange(heard_, false)) silent_ = Duration::zero();
  if (ping_waits_ || role_waits_) {
    silent_ += tick();
    if (silent_ >= times_.dead_after) {
      return fail(make_error(ErrorCode::kTimeout, "Redis does not answer PING", Side::kUpstream));
    }
    return;
  }
  if (since_ping_ < times_.ping_interval) return;
  since_ping_ = Duration::zero();
  silent_ = Duration::zero();
  ping_waits_ = true;
  send(make_command({"PING"}));
  if (!watches_role_) return;
  role_waits_ = true;
  send(make_command({"ROLE"}));
}

std::size_t RedisConnection::on_data(MutableBytes input) {
  heard_ = true;
  reader_.feed(input);
  while (state_ == State::kEntering || state_ == State::kReady) {
    const auto reply = reader_.next();
    if (!reply) {
      fail(reply.error());
      break;
    }
    if (*reply == nullptr) break;
    if (state_ == State::kEntering) {
      on_entering_reply(**reply);
    } else if (ping_waits_ && is_pong(**reply)) {
      ping_waits_ = false;
    } else if (role_waits_ && !ping_waits_) {
      role_waits_ = false;
      if (is_replica(**reply)) fail(replica_error());
    } else {
      handler_->on_link_reply(*this, **reply);
    }
  }
  return input.size();
}

void RedisConnection::on_closed(net::CloseReason reason) {
  const std::string why = state_ == State::kEntering ? " before we were let in" : "";
  fail(make_error(ErrorCode::kClosed, "Redis closed the link" + why + " (" + std::string(to_string(reason)) + ")",
                  Side::kUpstream));
}

void RedisConnection::fail(Error error) {
  if (state_ == State::kFailed) return;
  abandon();
  handler_->on_link_failed(*this, error);
}

void RedisConnection::abandon() {
  state_ = State::kFailed;
  timer_.cancel();
  if (connection_) connection_->reset();
}

void RedisConnection::retire() {
  state_ = State::kFailed;
  timer_.cancel();
  if (connection_) connection_->close();
}

}  // namespace hubgate::redis
