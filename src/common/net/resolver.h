#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/event/fd_watcher.h"
#include "common/event/timer.h"
#include "common/net/address.h"

struct ares_channeldata;

namespace hubgate::net {

/// Turns a host name into addresses without blocking the loop: /etc/hosts and DNS, through c-ares. Numeric hosts are
/// answered too, from the loop like all others. Destroying it drops what is under way, in silence.
class Resolver {
 public:
  /// The addresses, v4 and v6 in the resolver's order, at least one. Errors: kNotFound (no such name), kTimeout,
  /// kSystem; side upstream. Never called out of resolve().
  using OnDone = std::function<void(Result<std::vector<Address>>)>;

  struct Found {
    std::vector<Address> addresses;
    Duration ttl{};  // how long the answer may be kept; zero where that is not said, as in /etc/hosts
  };
  /// As OnDone.
  using OnFound = std::function<void(Result<Found>)>;

  /// `servers`: whom to ask instead of the system's name servers, such as "127.0.0.1:5353"; for tests.
  explicit Resolver(event::Loop& loop, const std::string& servers = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void resolve(const std::string& host, std::uint16_t port, OnDone on_done);
  /// The same, for who will ask again.
  void look_up(const std::string& host, std::uint16_t port, OnFound on_found);

 private:
  struct Query;
  struct Watch {
    std::unique_ptr<event::FdWatcher> read;
    std::unique_ptr<event::FdWatcher> write;
  };
  void on_socket(int fd, bool readable, bool writable);
  void process(int readable, int writable);
  void arm();

  event::Loop& loop_;
  ares_channeldata* channel_ = nullptr;
  std::map<int, Watch> watches_;
  event::Timer timer_;
  std::shared_ptr<void> alive_ = std::make_shared<char>();  // what waits for the next turn looks here first
  bool dying_ = false;
};

}  // namespace hubgate::net
