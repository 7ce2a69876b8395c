#include "common/control/worker_messages.h"

#include <tuple>
#include <utility>

#include "common/control/wire.h"

namespace hubgate::control {

constexpr Type type_of(const Welcome&) { return Type::kWelcome; }
constexpr Type type_of(const Ping&) { return Type::kPing; }
constexpr Type type_of(const Drain&) { return Type::kDrain; }
constexpr Type type_of(const Undrain&) { return Type::kUndrain; }
constexpr Type type_of(const Close&) { return Type::kClose; }
constexpr Type type_of(const Path&) { return Type::kPath; }
constexpr Type type_of(const Ready&) { return Type::kReady; }
constexpr Type type_of(const Pong&) { return Type::kPong; }
constexpr Type type_of(const Load&) { return Type::kLoad; }
constexpr Type type_of(const Closed&) { return Type::kClosed; }
constexpr Type type_of(const Stats&) { return Type::kStats; }
constexpr Type type_of(const State&) { return Type::kState; }
constexpr Type type_of(const Drained&) { return Type::kDrained; }
constexpr Type type_of(const Accept&) { return Type::kAccept; }
constexpr Type type_of(const Mine&) { return Type::kMine; }
constexpr Type type_of(const Refused&) { return Type::kRefused; }

constexpr ClosedBy last_of(ClosedBy) { return ClosedBy::kNetwork; }
constexpr Accept::Kind last_of(Accept::Kind) { return Accept::Kind::kRelay; }

template <wire::Is<WorkerLimits> T>
auto fields(T& m) {
  return std::tie(m.drain_time, m.max_connections, m.max_message_size, m.application_max_buffer_size,
                  m.max_pending_bytes, m.send_time, m.redis_queue_size);
}
template <wire::Is<Welcome> T>
auto fields(T& m) {
  return std::tie(m.epoch, m.pool, m.application, m.slot, m.generation, m.endpoint, m.tag, m.redis, m.channel_prefix,
                  m.rest_keys, m.scoped_sends, m.log_level, m.limits);
}
template <wire::Is<Ping> T>
auto fields(T&) {
  return std::tuple<>();
}
template <wire::Is<Drain> T>
auto fields(T& m) {
  return std::tie(m.spread, m.hard, m.exit, m.stop);
}
template <wire::Is<Undrain> T>
auto fields(T&) {
  return std::tuple<>();
}
template <wire::Is<Close> T>
auto fields(T& m) {
  return std::tie(m.count, m.seconds);
}
template <wire::Is<Path> T>
auto fields(T& m) {
  return std::tie(m.epoch, m.path, m.backplane_name, m.rest_name, m.origins, m.json_names, m.methods);
}
template <wire::Is<Ready> T>
auto fields(T& m) {
  return std::tie(m.epoch, m.channel_prefix, m.maps_rest, m.max_connections, m.draining, m.leaving);
}
template <wire::Is<Pong> T>
auto fields(T& m) {
  return std::tie(m.loop_lag);
}
template <wire::Is<Load> T>
auto fields(T& m) {
  return std::tie(m.epoch, m.as_of, m.active, m.pending);
}
template <wire::Is<ClosedRecord> T>
auto fields(T& m) {
  return std::tie(m.epoch, m.n, m.reason, m.by, m.code, m.bytes_in, m.bytes_out, m.frames_in, m.frames_out,
                  m.request_id, m.address, m.path, m.opened);
}
template <wire::Is<Closed> T>
auto fields(T& m) {
  return std::tie(m.records);
}
template <wire::Is<Stats> T>
auto fields(T& m) {
  return std::tie(m.redis_state, m.series);
}
template <wire::Is<State> T>
auto fields(T& m) {
  return std::tie(m.draining, m.leaving);
}
template <wire::Is<Drained> T>
auto fields(T&) {
  return std::tuple<>();
}
template <wire::Is<Accept> T>
auto fields(T& m) {
  return std::tuple_cat(std::tie(m.epoch, m.n, m.kind), std::tuple(wire::Octets{m.head}, wire::Octets{m.early}),
                        std::tie(m.client_address, m.local_address, m.listener, m.request_id));
}
template <wire::Is<Mine> T>
auto fields(T& m) {
  return std::tie(m.epoch, m.n);
}
template <wire::Is<Refused> T>
auto fields(T& m) {
  return std::tie(m.epoch, m.n);
}

std::string encode(const Hello& message) { return wire::encode(message); }
std::string encode(const Welcome& message) { return wire::encode(message); }
std::string encode(const Ping& message) { return wire::encode(message); }
std::string encode(const Drain& message) { return wire::encode(message); }
std::string encode(const Undrain& message) { return wire::encode(message); }
std::string encode(const Close& message) { return wire::encode(message); }
std::string encode(const Path& message) { return wire::encode(message); }
std::string encode(const Ready& message) { return wire::encode(message); }
std::string encode(const Pong& message) { return wire::encode(message); }
std::string encode(const Load& message) { return wire::encode(message); }
std::string encode(const Closed& message) { return wire::encode(message); }
std::string encode(const Stats& message) { return wire::encode(message); }
std::string encode(const State& message) { return wire::encode(message); }
std::string encode(const Drained& message) { return wire::encode(message); }
std::string encode(const Accept& message) { return wire::encode(message); }
std::string encode(const Mine& message) { return wire::encode(message); }
std::string encode(const Refused& message) { return wire::encode(message); }

std::vector<std::string> encode_split(const std::vector<ClosedRecord>& records) {
  constexpr std::size_t kFixed = 128;  // bytes; more than numbers and string heads of one record take
  std::vector<std::string> messages;
  Closed batch;
  std::size_t size = 0;
  const auto send = [&] {
    if (batch.records.empty()) return;
    messages.push_back(encode(batch));
    batch.records.clear();
    size = 0;
  };
  for (const ClosedRecord& record : records) {
    const std::size_t bytes =
        kFixed + record.reason.size() + record.request_id.size() + record.address.size() + record.path.size();
    if (batch.records.size() == kMaxClosedRecords || size + bytes > kMaxMessage - kFixed) send();
    batch.records.push_back(record);
    size += bytes;
  }
  send();
  return messages;
}

Result<ControlToWorker> decode_control_to_worker(Bytes message) { return wire::decode<ControlToWorker>(message); }
Result<ControlToProxy> decode_control_to_proxy(Bytes message) { return wire::decode<ControlToProxy>(message); }
Result<HandoverToWorker> decode_handover_to_worker(Bytes message) { return wire::decode<HandoverToWorker>(message); }
Result<HandoverToProxy> decode_handover_to_proxy(Bytes message) { return wire::decode<HandoverToProxy>(message); }

}  // namespace hubgate::control
