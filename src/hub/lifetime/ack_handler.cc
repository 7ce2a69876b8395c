#include "hub/lifetime/ack_handler.h"

#include <limits>

namespace hubgate::hub {

AckHandler::AckHandler(event::Timers& timers, Duration timeout)
    : timeout_(timeout), timers_(timers), timer_(timers, [this] { on_timer(); }) {}

std::int32_t AckHandler::create(Done done) {
  do {
    last_id_ = last_id_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_id_ + 1;
  } while (waiting_.contains(last_id_));
  waiting_.emplace(last_id_, std::move(done));
  deadlines_.emplace_back(timers_.now() + timeout_, last_id_);
  if (!timer_.is_running()) timer_.start_at(deadlines_.front().first);
  return last_id_;
}

void AckHandler::acknowledge(std::int32_t id) { finish(id, {}); }

void AckHandler::fail(std::int32_t id, const Error& error) { finish(id, error); }

void AckHandler::fail_all(const Error& error) {
  timer_.cancel();
  deadlines_.clear();
  for (const auto& [id, done] : std::exchange(waiting_, {})) {
    if (done) done(error);
  }
}

void AckHandler::finish(std::int32_t id, const Result<void>& result) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const Done done = std::move(found->second);
  waiting_.erase(found);
  while (!deadlines_.empty() && !waiting_.contains(deadlines_.front().second)) deadlines_.pop_front();
  if (done) done(result);
}

void AckHandler::on_timer() {
  const TimePoint now = timers_.now();
  std::vector<std::int32_t> late;
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    late.push_back(deadlines_.front().second);
    deadlines_.pop_front();
  }
  if (!deadlines_.empty()) timer_.start_at(deadlines_.front().first);
  // Calls out last: whoever is told may end us in the turn, not in the call.
  for (const std::int32_t id : late) finish(id, make_error(ErrorCode::kTimeout, "no server has the connection"));
}

}  // namespace hubgate::hub
