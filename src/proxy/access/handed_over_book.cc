#include "proxy/access/handed_over_book.h"

#include <utility>

namespace hubgate::proxy {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

ClosedBy by_of(control::ClosedBy by) {
  switch (by) {
    case control::ClosedBy::kClient: return ClosedBy::kClient;
    case control::ClosedBy::kServer: return ClosedBy::kEndpoint;
    case control::ClosedBy::kNetwork: break;
  }
  return ClosedBy::kNetwork;
}

TerminationReason reason_of(const control::ClosedRecord& report) {
  return parse_reason(report.reason).value_or(TerminationReason::kOther);
}

void fill_in(AccessRecord& record, const control::ClosedRecord& report, std::chrono::system_clock::time_point now) {
  record.reason = reason_of(report);
  record.by = by_of(report.by);
  record.close_code = report.code;
  record.bytes_in = report.bytes_in;
  record.bytes_out = report.bytes_out;
  record.frames_in = report.frames_in;
  record.frames_out = report.frames_out;
  const std::chrono::system_clock::time_point opened{milliseconds(report.opened)};
  if (report.opened > 0 && opened <= now) record.total = duration_cast<microseconds>(now - opened);
}

}  // namespace

void HandedOverBook::given(WebSocketFacts facts) {
  if (!log_.is_on()) return;
  std::string id = facts.request_id;
  entries_[facts.key].insert_or_assign(std::move(id), Entry{std::move(facts)});
}

void HandedOverBook::taken(EndpointKey endpoint, const std::string& request_id, const AccessRecord& opening) {
  log_.write(opening);
  const auto group = entries_.find(endpoint);
  if (group == entries_.end()) return;
  const auto place = group->second.find(request_id);
  if (place == group->second.end()) return;
  Entry& entry = place->second;
  entry.taken = true;
  if (!entry.ended) return;
  write_end(entry, *entry.ended);
  group->second.erase(place);
}

void HandedOverBook::returned(EndpointKey endpoint, const std::string& request_id) {
  const auto group = entries_.find(endpoint);
  if (group != entries_.end()) group->second.erase(request_id);
}

void HandedOverBook::closed(EndpointKey endpoint, std::string_view pool, std::string_view name,
                            const control::ClosedRecord& report) {
  closings_.add(by_of(report.by), reason_of(report));
  const auto group = entries_.find(endpoint);
  if (group != entries_.end()) {
    const auto place = group->second.find(report.request_id);
    if (place != group->second.end()) {
      if (!place->second.taken) {
        place->second.ended = report;
        return;
      }
      write_end(place->second, report);
      group->second.erase(place);
      return;
    }
  }
  if (!log_.is_on()) return;
  AccessRecord record;
  record.kind = AccessRecord::Kind::kWebSocketClosed;
  record.way = AccessRecord::Way::kHandover;
  record.request_id = report.request_id;
  record.client = report.address;
  record.method = "GET";
  record.path = report.path;
  record.status = 101;
  record.pool = pool;
  record.endpoint = name;
  record.generation = endpoint.generation;
  fill_in(record, report, log_.now());
  log_.write(record);
}

void HandedOverBook::write_end(const Entry& entry, const control::ClosedRecord& report) {
  AccessRecord record = record_of(entry.facts, AccessRecord::Kind::kWebSocketClosed);
  fill_in(record, report, log_.now());
  log_.write(record);
}

void HandedOverBook::died(EndpointKey endpoint, std::uint64_t living) {
  closings_.add(ClosedBy::kEndpoint, TerminationReason::kWorkerDied, living);
  const auto group = entries_.find(endpoint);
  if (group == entries_.end()) return;
  for (const auto& [id, entry] : group->second) {
    if (!entry.taken) continue;  // settled elsewhere
    AccessRecord record = record_of(entry.facts, AccessRecord::Kind::kWebSocketClosed);
    record.reason = TerminationReason::kWorkerDied;
    record.by = ClosedBy::kEndpoint;
    record.total = duration_cast<microseconds>(log_.now() - entry.facts.opened);
    log_.write(record);
  }
  entries_.erase(group);
}

std::size_t HandedOverBook::size() const {
  std::size_t size = 0;
  for (const auto& [key, group] : entries_) size += group.size();
  return size;
}

}  // namespace hubgate::proxy
