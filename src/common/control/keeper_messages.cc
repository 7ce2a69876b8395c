#include "common/control/keeper_messages.h"

#include <tuple>
#include <utility>

#include "common/control/wire.h"

namespace hubgate::control {

constexpr Type type_of(const Kept&) { return Type::kKept; }
constexpr Type type_of(const Slot&) { return Type::kSlot; }
constexpr Type type_of(const SlotFd&) { return Type::kSlotFd; }
constexpr Type type_of(const InventoryEnd&) { return Type::kInventoryEnd; }
constexpr Type type_of(const Spawned&) { return Type::kSpawned; }
constexpr Type type_of(const SpawnFailed&) { return Type::kSpawnFailed; }
constexpr Type type_of(const Exited&) { return Type::kExited; }
constexpr Type type_of(const Forgotten&) { return Type::kForgotten; }
constexpr Type type_of(const Reload&) { return Type::kReload; }
constexpr Type type_of(const ReopenLogs&) { return Type::kReopenLogs; }
constexpr Type type_of(const Stop&) { return Type::kStop; }
constexpr Type type_of(const KeeperPing&) { return Type::kKeeperPing; }
constexpr Type type_of(const Spawn&) { return Type::kSpawn; }
constexpr Type type_of(const Signal&) { return Type::kSignal; }
constexpr Type type_of(const Keep&) { return Type::kKeep; }
constexpr Type type_of(const Forget&) { return Type::kForget; }
constexpr Type type_of(const DropTo&) { return Type::kDropTo; }
constexpr Type type_of(const ProxyReady&) { return Type::kProxyReady; }
constexpr Type type_of(const KeeperPong&) { return Type::kKeeperPong; }

constexpr SlotRole last_of(SlotRole) { return SlotRole::kPidfd; }

template <wire::Is<SlotId> T>
auto fields(T& m) {
  return std::tie(m.pool, m.slot, m.generation);
}
template <wire::Is<Kept> T>
auto fields(T& m) {
  return std::tie(m.name);
}
template <wire::Is<Slot> T>
auto fields(T& m) {
  return std::tie(m.id, m.pid, m.spec_hash, m.descriptors);
}
template <wire::Is<SlotFd> T>
auto fields(T& m) {
  return std::tie(m.id, m.role);
}
template <wire::Is<Spawned> T>
auto fields(T& m) {
  return std::tie(m.id, m.pid, m.spec_hash, m.descriptors);
}
template <wire::Is<SpawnFailed> T>
auto fields(T& m) {
  return std::tie(m.id, m.step, m.error);
}
template <wire::Is<Exited> T>
auto fields(T& m) {
  return std::tie(m.id, m.pid, m.status);
}
template <wire::Is<Forgotten> T>
auto fields(T& m) {
  return std::tie(m.name);
}
template <wire::Is<Stop> T>
auto fields(T& m) {
  return std::tie(m.seconds);
}
template <wire::Is<SpawnLimits> T>
auto fields(T& m) {
  return std::tie(m.open_files, m.links);
}
template <wire::Is<Spawn> T>
auto fields(T& m) {
  return std::tie(m.id, m.argv, m.env, m.cwd, m.limits, m.spec_hash);
}
template <wire::Is<Signal> T>
auto fields(T& m) {
  return std::tie(m.id, m.signal);
}
template <wire::Is<Keep> T>
auto fields(T& m) {
  return std::tie(m.name);
}
template <wire::Is<Forget> T>
auto fields(T& m) {
  return std::tie(m.name);
}
template <wire::Is<DropTo> T>
auto fields(T& m) {
  return std::tie(m.uid, m.gid, m.groups);
}
template <class T>
  requires(wire::Is<T, InventoryEnd> || wire::Is<T, Reload> || wire::Is<T, ReopenLogs> || wire::Is<T, KeeperPing> ||
           wire::Is<T, ProxyReady> || wire::Is<T, KeeperPong>)
auto fields(T&) {
  return std::tuple<>();
}

std::string encode(const Kept& message) { return wire::encode(message); }
std::string encode(const Slot& message) { return wire::encode(message); }
std::string encode(const SlotFd& message) { return wire::encode(message); }
std::string encode(const InventoryEnd& message) { return wire::encode(message); }
std::string encode(const Spawned& message) { return wire::encode(message); }
std::string encode(const SpawnFailed& message) { return wire::encode(message); }
std::string encode(const Exited& message) { return wire::encode(message); }
std::string encode(const Forgotten& message) { return wire::encode(message); }
std::string encode(const Reload& message) { return wire::encode(message); }
std::string encode(const ReopenLogs& message) { return wire::encode(message); }
std::string encode(const Stop& message) { return wire::encode(message); }
std::string encode(const KeeperPing& message) { return wire::encode(message); }
std::string encode(const Spawn& message) { return wire::encode(message); }
std::string encode(const Signal& message) { return wire::encode(message); }
std::string encode(const Keep& message) { return wire::encode(message); }
std::string encode(const Forget& message) { return wire::encode(message); }
std::string encode(const DropTo& message) { return wire::encode(message); }
std::string encode(const ProxyReady& message) { return wire::encode(message); }
std::string encode(const KeeperPong& message) { return wire::encode(message); }

Result<KeeperToProxy> decode_keeper_to_proxy(Bytes message) { return wire::decode<KeeperToProxy>(message); }
Result<KeeperToSupervisor> decode_keeper_to_supervisor(Bytes message) {
  return wire::decode<KeeperToSupervisor>(message);
}

}  // namespace hubgate::control
