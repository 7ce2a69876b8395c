#include <csignal>
#include <utility>

#include "proxy/proxy.h"
#include "proxy/proxy_door.h"

// How the proxy ends: with its gateway, alone, or because its supervisor has died.

namespace hubgate::proxy {
namespace {

constexpr std::chrono::milliseconds kPoll{20};

}  // namespace

void Proxy::on_signal(int signal) {
  // Operators signal the supervisor, which sends messages; a HUP that reaches us came to the whole group.
  if (signal == SIGHUP || stopping_ || orphaned_) return;
  leave();
}

void Proxy::close_sessions_soon(DownstreamSession::Closing how) {
  // A session may end inside the call.
  std::vector<DownstreamSession*> sessions;
  sessions.reserve(sessions_.size());
  for (auto& [key, session] : sessions_) sessions.push_back(session.get());
  for (DownstreamSession* session : sessions) session->close_soon(how);
}

// ---- the gateway stops

void Proxy::on_stop(std::uint32_t seconds) {
  if (std::exchange(stopping_, true)) return;
  if (!snapshot_) return finish(0);
  const Duration time = seconds != 0 ? Duration(std::chrono::seconds(seconds)) : Duration(snapshot_->config.stop_time);
  log_.info("gateway stops", {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(time).count()}});
  accept_timer_.cancel();
  for (auto& door : doors_) {
    // The supervisor's copy would go on filling a queue that nobody accepts.
    keeper_.forget(kept_name(door->config));
    door->listener->close();
  }
  leaving_doors_.clear();
  close_sessions_soon(DownstreamSession::Closing::kLeaveToWorkers);
  workers_->stop(time / 2, time);
  end_timer_.start(time + kStopGrace);
  stop_when_idle();
}

// Workers first, then Redis, which they need to the last; then we, then the supervisor.
void Proxy::stop_when_idle() {
  if (!workers_->is_idle()) return;
  if (redis_) {
    redis_->stop();
    if (!redis_->is_idle()) return;
    redis_->clean_up();
  }
  // What workers said last on relayed connections leaves first.
  if (!sessions_.empty() && !last_words_.is_running() && !std::exchange(last_words_waited_, true)) {
    last_words_.start(kLastWordsTime);
  }
  if (!sessions_.empty() && last_words_.is_running()) return;
  log_.info("gateway has stopped");
  finish(0);
}

// ---- a TERM for the proxy alone: another one comes at once

void Proxy::leave() {
  if (std::exchange(leaving_, true)) return;
  log_.info("proxy ends", {{"sessions", sessions_.size()}});
  accept_timer_.cancel();
  for (auto& door : doors_) door->listener->close();  // the supervisor's copy keeps the queue for the next proxy
  leaving_doors_.clear();
  if (admin_) admin_->close();
  if (workers_) workers_->stop_handing_over();
  close_sessions_soon(DownstreamSession::Closing::kAll);
  end_timer_.start(kLeaveTime);
  leave_when_settled();
}

void Proxy::leave_when_settled() {
  if (sessions_.empty() && (!workers_ || workers_->unsettled() == 0)) return finish(0);
  poll_timer_.start(kPoll);
}

// ---- the supervisor has died: everything ends

void Proxy::on_keeper_lost(std::string_view why) {
  if (finished_ || std::exchange(orphaned_, true)) return;
  log_.error("the supervisor is gone, everything ends", {{"why", why}});
  for (auto& door : doors_) door->listener->close();  // in this turn: a new gateway may start at once
  leaving_doors_.clear();
  if (admin_) admin_->close();
  accept_timer_.cancel();
  if (workers_) {
    workers_->close_links();
    workers_->signal_directly(SIGTERM);
  }
  if (redis_) redis_->signal_directly(SIGTERM);
  end_timer_.start(kOrphanGrace);
  poll_timer_.start(kPoll);
}

void Proxy::end_orphans() {
  const bool alive = (redis_ && redis_->is_alive()) || (workers_ && workers_->is_alive());
  if (alive && end_timer_.is_running()) return poll_timer_.start(kPoll);
  if (alive) {
    if (workers_) workers_->signal_directly(SIGKILL);
    if (redis_) redis_->signal_directly(SIGKILL);
  }
  if (redis_) redis_->clean_up();
  finish(1);
}

}  // namespace hubgate::proxy
