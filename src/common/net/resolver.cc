#include "common/net/resolver.h"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <limits>

namespace hubgate::net {
namespace {

constexpr int kTimeoutMs = 2000;  // of one try of one server
constexpr int kTries = 2;

// The shortest of all that led to the addresses.
Duration ttl_of(const ares_addrinfo& found) {
  int least = std::numeric_limits<int>::max();
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next) {
    least = std::min(least, node->ai_ttl);
  }
  for (const ares_addrinfo_cname* alias = found.cnames; alias != nullptr; alias = alias->next) {
    least = std::min(least, alias->ttl);
  }
  return std::chrono::seconds(std::max(least, 0));
}

// c-ares wants one initialisation a process, before any thread uses it.
bool initialise_library() {
  static const bool done = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
  return done;
}

ErrorCode code_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME: return ErrorCode::kNotFound;
    case ARES_ETIMEOUT: return ErrorCode::kTimeout;
    default: return ErrorCode::kSystem;
  }
}

}  // namespace

struct Resolver::Query {
  Resolver* resolver;
  std::string host;
  OnFound on_found;
};

Resolver::Resolver(event::Loop& loop, const std::string& servers)
    : loop_(loop), timer_(loop, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }) {
  if (!initialise_library()) return;
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.sock_state_cb_data = this;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Resolver*>(self)->on_socket(fd, readable != 0, writable != 0);
  };
  if (ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
      ARES_SUCCESS) {
    channel_ = nullptr;
  } else if (!servers.empty()) {
    ares_set_servers_ports_csv(channel_, servers.c_str());
  }
}

Resolver::~Resolver() {
  dying_ = true;  // what is under way is told of its end by c-ares: not passed on
  if (channel_ != nullptr) ares_destroy(channel_);
}

void Resolver::resolve(const std::string& host, std::uint16_t port, OnDone on_done) {
  look_up(host, port, [done = std::move(on_done)](Result<Found> found) {
    if (!found) return done(std::move(found).error());
    done(std::move(found->addresses));
  });
}

void Resolver::look_up(const std::string& host, std::uint16_t port, OnFound on_found) {
  if (channel_ == nullptr) {
    loop_.run_later([done = std::move(on_found), alive = std::weak_ptr<void>(alive_)] {
      if (!alive.expired()) done(make_error(ErrorCode::kSystem, "the resolver could not be started", Side::kUpstream));
    });
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const std::string service = std::to_string(port);
  ares_getaddrinfo(
      channel_, host.c_str(), service.c_str(), &hints,
      [](void* argument, int status, int, ares_addrinfo* found) {
        const std::unique_ptr<Query> query(static_cast<Query*>(argument));
        Found answer;
        if (found != nullptr) {
          for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
            answer.addresses.push_back(Address::from(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen)));
          }
          answer.ttl = ttl_of(*found);
          ares_freeaddrinfo(found);
        }
        if (query->resolver->dying_) return;
        // From the loop: c-ares answers numeric names and /etc/hosts out of the call, and inside its own processing
        // its channel may not be used again.
        const bool good = status == ARES_SUCCESS && !answer.addresses.empty();
        Result<Found> result =
            good ? Result<Found>(std::move(answer))
                 : Result<Found>(make_error(code_of(status),
                                            "cannot resolve " + query->host + ": " + ares_strerror(status),
                                            Side::kUpstream));
        query->resolver->loop_.run_later([done = std::move(query->on_found), result = std::move(result),
                                          alive = std::weak_ptr<void>(query->resolver->alive_)]() mutable {
          if (!alive.expired()) done(std::move(result));
        });
      },
      new Query{this, host, std::move(on_found)});
  arm();
}

void Resolver::on_socket(int fd, bool readable, bool writable) {
  Watch& watch = watches_[fd];
  const auto set = [&](std::unique_ptr<event::FdWatcher>& watcher, bool wanted, event::FdWatcher::Direction direction) {
    if (wanted && !watcher) {
      const bool reads = direction == event::FdWatcher::Direction::kRead;
      watcher = std::make_unique<event::FdWatcher>(loop_, fd, direction, [this, fd, reads] {
        process(reads ? fd : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : fd);
      });
      watcher->start();
    } else if (!wanted && watcher) {
      watcher->stop();
      loop_.dispose_value(std::move(watcher));  // it may be calling us just now
    }
  };
  set(watch.read, readable, event::FdWatcher::Direction::kRead);
  set(watch.write, writable, event::FdWatcher::Direction::kWrite);
  if (!readable && !writable) watches_.erase(fd);
}

void Resolver::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  arm();
}

void Resolver::arm() {
  timeval longest{kTimeoutMs / 1000, 0};
  timeval wait{};
  if (watches_.empty()) return timer_.cancel();
  const timeval* next = ares_timeout(channel_, &longest, &wait);
  timer_.start(std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec));
}

}  // namespace hubgate::net
