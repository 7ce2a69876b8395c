#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/net/tls_context.h"
#include "proxy/proxy.h"
#include "proxy/proxy_door.h"

// Listeners and who comes in: opened at the start, changed by reloads, closed so that nobody in a queue is lost.

namespace hubgate::proxy {
namespace {

constexpr Duration kCloseSpread = std::chrono::seconds(10);  // of idle connections whose listener goes
constexpr int kCloseTicks = 100;
constexpr Duration kRoomCheck = std::chrono::milliseconds(200);
constexpr std::int64_t kDay = 24 * 3600;  // seconds

std::string day_of(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

}  // namespace

void Proxy::open_doors(std::vector<BoundListener> listeners) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t kReserve = 64;  // links, listeners, logs, the configuration's files
  most_descriptors_ = static_cast<std::size_t>((std::max(limit.rlim_cur, 2 * kReserve) - kReserve) / 10 * 9);
  for (BoundListener& bound : listeners) {
    warn_of_expiry(bound.config, bound.tls.get());
    open_door(std::move(bound.config), std::move(bound.socket), std::move(bound.tls));
  }
}

void Proxy::open_door(ListenerConfig config, Descriptor socket, std::shared_ptr<const net::TlsContext> tls) {
  auto door = std::make_unique<Door>();
  door->number = ++last_door_;
  door->facts = make_listener_facts(config, std::move(tls), door->number);
  door->config = std::move(config);
  door->listener = std::make_unique<net::Listener>(
      loop_, std::move(socket), [this, &door = *door](Descriptor accepted, const net::Address& peer) {
        on_accepted(door, std::move(accepted), peer);
      });
  door->listener->slow_down_while([this] { return pools_->is_crowded(metrics_.sessions_silent); });
  door->listener->pause();  // update_accepting() says when
  doors_.push_back(std::move(door));
}

// What is open and what should be: all once the workers have answered, none for want of descriptors, those with TLS
// not while too many handshakes are under way.
void Proxy::update_accepting() {
  const bool any = accepting_ && !stopping_ && !leaving_ && !orphaned_ && !full_;
  const auto update = [&](Door& door) {
    const bool open = any && !(door.facts->tls && handshakes_->is_full());
    if (std::exchange(door.open, open) == open) return;
    if (open) {
      door.listener->resume();
    } else {
      door.listener->pause();
    }
  };
  for (auto& door : doors_) update(*door);
  for (auto& leaving : leaving_doors_) {
    if (leaving->door) update(*leaving->door);
  }
}

void Proxy::on_accepted(Door& door, Descriptor socket, const net::Address& peer) {
  std::shared_ptr<void> place;
  if (!DownstreamSession::admits(*services_, *door.facts, peer, place)) return;  // closes the socket
  auto session = std::make_unique<DownstreamSession>(*services_, door.facts, std::move(socket), peer, std::move(place),
                                                     [this](DownstreamSession& ended) { on_session_ended(ended); });
  const DownstreamSession* key = session.get();
  sessions_.emplace(key, std::move(session));
  look_for_room();
}

void Proxy::on_session_ended(DownstreamSession& session) {
  const auto place = sessions_.find(&session);
  if (place == sessions_.end()) return;
  loop_.dispose(std::move(place->second));
  sessions_.erase(place);
  if (stopping_ && sessions_.empty()) on_change();
  look_for_room();
}

// What we hold counts: a client's socket, a connection to an endpoint, one for its probes, a file that is sent; nothing
// of what was handed over. Connections that only wait for a further request are the first to go.
void Proxy::look_for_room() {
  const auto held = [this] {
    return sessions_.size() + pools_->connections() + remotes_->size() + metrics_.files_open;
  };
  bool full = held() >= most_descriptors_;
  if (full) {
    pools_->close_idle();
    full = held() >= most_descriptors_;
  }
  if (full && !full_) {
    ++times_full_;
    log_.warn("no descriptors to spare, accepting rests", {{"sessions", sessions_.size()}, {"held", held()}});
  }
  // Room comes with the end of exchanges, too, of which nobody tells.
  if (full && !room_timer_.is_running()) room_timer_.start(kRoomCheck);
  if (std::exchange(full_, full) != full || handshakes_->is_full()) update_accepting();
}

// ---- a new configuration

Proxy::PreparedDoors Proxy::prepare_doors(const ProxyConfig& wanted) {
  PreparedDoors prepared;
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  for (const ListenerConfig& listener : wanted.listeners) {
    PreparedDoors::One one;
    one.config = listener;
    if (Door* kept = find_door(listener, wanted)) {
      one.kept = kept;
    } else if (auto opened = listen_anew(listener); opened) {
      one.socket = *std::move(opened);
    } else if (opened.error().code == ErrorCode::kRefused) {
      // As another user we cannot, but the next start can. What runs under that name stays.
      prepared.cannot_listen.push_back(listener.name);
      const auto has_name = [&](const auto& door) { return door->config.name == listener.name; };
      const auto old = std::find_if(doors_.begin(), doors_.end(), has_name);
      if (old == doors_.end()) continue;
      one.config = (*old)->config;
      one.kept = old->get();
    } else {
      prepared.errors.push_back("listener." + listener.name + ": " + opened.error().what);
      continue;
    }
    if (one.config.tls) {
      auto context = net::TlsContext::make_server(one.config.tls->certificate, one.config.tls->key);
      if (!context) {
        prepared.errors.push_back("listener." + listener.name + ".tls: " + context.error().what);
        continue;
      }
      one.tls = *std::move(context);
      const net::TlsContext* old = one.kept == nullptr ? nullptr : one.kept->facts->tls.get();
      if (old != nullptr && old->fingerprint() == one.tls->fingerprint()) {
        one.tls = one.kept->facts->tls;  // sessions can be resumed
      } else if (one.tls->not_after() <= now) {
        prepared.errors.push_back("listener." + listener.name + ".tls: " + one.config.tls->certificate +
                                  " has expired on " + day_of(one.tls->not_after()) + " (renew it)");
        continue;
      } else if (old != nullptr) {
        const std::string key = "listener." + listener.name + ".tls";
        prepared.changes.push_back({key, key + ": another certificate, valid until " + day_of(one.tls->not_after())});
      }
    }
    prepared.doors.push_back(std::move(one));
  }
  return prepared;
}

// The door that listens there already. It may have another name: a listener that is renamed keeps its socket, unless
// another one of the configuration is that door (two may have port 0).
Proxy::Door* Proxy::find_door(const ListenerConfig& listener, const ProxyConfig& wanted) {
  Door* renamed = nullptr;
  for (const auto& door : doors_) {
    if (door->config.listen != listener.listen) continue;
    if (door->config.name == listener.name) return door.get();
    const ListenerConfig* owner = wanted.find_listener(door->config.name);
    if (owner == nullptr || owner->listen != listener.listen) renamed = door.get();
  }
  const bool port_zero = listener.listen.ends_with(":0");  // which of several would take it over is not to be guessed
  return port_zero ? nullptr : renamed;
}

// Somebody may have gone out of that door just now.
Result<Descriptor> Proxy::listen_anew(const ListenerConfig& listener) {
  for (auto& leaving : leaving_doors_) {
    if (!leaving->door || leaving->door->config.listen != listener.listen) continue;
    return make_error(ErrorCode::kSystem, "the listener of this address is still closing (reload once more)");
  }
  const auto address = net::Address::parse(listener.listen);
  if (!address) return address.error();
  return net::open_listening_socket(*address, Duration::zero());
}

void Proxy::apply_doors(PreparedDoors prepared) {
  std::vector<std::unique_ptr<Door>> old;
  old.swap(doors_);
  for (PreparedDoors::One& one : prepared.doors) {
    if (one.kept == nullptr) {
      keeper_.keep(kept_name(one.config), one.socket.get());
      open_door(std::move(one.config), std::move(one.socket), std::move(one.tls));
      continue;
    }
    const auto place = std::find_if(old.begin(), old.end(), [&](const auto& door) { return door.get() == one.kept; });
    std::unique_ptr<Door> door = std::move(*place);
    old.erase(place);
    if (kept_name(one.config) != kept_name(door->config)) {
      keeper_.keep(kept_name(one.config), door->listener->fd());
      keeper_.forget(kept_name(door->config));
    }
    if (door->config != one.config || door->facts->tls != one.tls) {
      warn_of_expiry(one.config, one.tls.get());
      door->facts = make_listener_facts(one.config, std::move(one.tls), door->number);
      door->config = std::move(one.config);
    }
    doors_.push_back(std::move(door));
  }
  for (std::unique_ptr<Door>& door : old) close_door(std::move(door));
  handshakes_->set_most(snapshot_->config.limits.tls_handshakes);
  update_accepting();
}

// First the supervisor lets go of its copy, which would go on filling a queue that nobody accepts; until then we go on
// accepting.
void Proxy::close_door(std::unique_ptr<Door> door) {
  keeper_.forget(kept_name(door->config));
  auto leaving = std::make_unique<LeavingDoor>();
  leaving->number = door->number;
  leaving->ticks = kCloseTicks;
  leaving->door = std::move(door);
  leaving_doors_.push_back(std::move(leaving));
  if (!close_timer_.is_running()) close_timer_.start(kCloseSpread / kCloseTicks);
}

void Proxy::on_forgotten(const std::string& name) {
  for (auto& leaving : leaving_doors_) {
    if (!leaving->door || kept_name(leaving->door->config) != name) continue;
    leaving->door->listener->close_when_empty([this, &leaving = *leaving] {
      const std::string listen = leaving.door->config.listen;
      log_.info("listener closed", {{"listener", leaving.door->config.name}, {"listen", listen}});
      loop_.dispose_value(std::move(leaving.door));  // it is calling us
      if (listen.starts_with("unix:")) ::unlink(listen.c_str() + 5);
    });
    return;
  }
}

// Idle connections of doors that go are closed one by one over the spread, each after its answer; tunnels stay.
void Proxy::on_close_tick() {
  for (auto& leaving : leaving_doors_) {
    if (leaving->ticks <= 0) continue;
    std::vector<DownstreamSession*> due;  // a session may end inside the call
    for (auto& [key, session] : sessions_) {
      const bool now = random_.below(static_cast<std::uint64_t>(leaving->ticks)) == 0;
      if (now && session->listener().door == leaving->number) due.push_back(session.get());
    }
    for (DownstreamSession* session : due) session->end_after_answer();
    --leaving->ticks;
  }
  std::erase_if(leaving_doors_, [](const auto& leaving) { return leaving->ticks <= 0 && !leaving->door; });
  if (!leaving_doors_.empty()) close_timer_.start(kCloseSpread / kCloseTicks);
}

void Proxy::warn_of_expiry(const ListenerConfig& listener, const net::TlsContext* tls) {
  constexpr std::int64_t kSoon = 14 * kDay;
  if (tls == nullptr) return;
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  if (tls->not_after() - now > kSoon) return;
  const bool is_over = tls->not_after() <= now;
  log_.warn(is_over ? "certificate has expired" : "certificate expires soon",
            {{"listener", listener.name}, {"file", listener.tls->certificate}, {"until", day_of(tls->not_after())}});
}

std::vector<std::string> Proxy::certificate_files() const {
  std::vector<std::string> files;
  for (const ListenerConfig& listener : snapshot_->config.listeners) {
    if (listener.tls) files.insert(files.end(), {listener.tls->certificate, listener.tls->key});
  }
  return files;
}

}  // namespace hubgate::proxy
