#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "common/control/hello.h"

// Messages of the keeper link, between the supervisor and its proxy. Values with their encoding; no I/O.

namespace hubgate::control {

/// One start of one slot. Slots that are not workers have names that no pool can have: "@redis".
struct SlotId {
  std::string pool = {};
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  friend auto operator<=>(const SlotId&, const SlotId&) = default;
};

/// What a SlotFd's descriptor is, seen from the proxy.
enum class SlotRole : std::uint8_t { kControl = 0, kHandover = 1, kStdout = 2, kStderr = 3, kPidfd = 4 };

// ---- supervisor → proxy. First Hello, then the inventory: Kept, Slot and its SlotFds, …, InventoryEnd.

/// A kept descriptor, which comes with it. Locks are never given back.
struct Kept {
  std::string name = {};

  friend bool operator==(const Kept&, const Kept&) = default;
};

/// A living process that an earlier proxy has asked for. `descriptors` SlotFds follow.
struct Slot {
  SlotId id = {};
  std::int64_t pid = 0;
  std::string spec_hash = {};
  std::uint32_t descriptors = 0;

  friend bool operator==(const Slot&, const Slot&) = default;
};

/// One descriptor of a slot, which comes with it.
struct SlotFd {
  SlotId id = {};
  SlotRole role = SlotRole::kControl;

  friend bool operator==(const SlotFd&, const SlotFd&) = default;
};

struct InventoryEnd {
  friend bool operator==(const InventoryEnd&, const InventoryEnd&) = default;
};

/// The answer to a Spawn: the process runs. `descriptors` SlotFds follow.
struct Spawned {
  SlotId id = {};
  std::int64_t pid = 0;
  std::string spec_hash = {};
  std::uint32_t descriptors = 0;

  friend bool operator==(const Spawned&, const Spawned&) = default;
};

/// The answer to a Spawn: `step` ("socketpair", "fork", "exec", …) failed.
struct SpawnFailed {
  SlotId id = {};
  std::string step = {};
  std::int32_t error = 0;  // errno

  friend bool operator==(const SpawnFailed&, const SpawnFailed&) = default;
};

struct Exited {
  SlotId id = {};
  std::int64_t pid = 0;
  std::int32_t status = 0;  // as wait() gives it

  friend bool operator==(const Exited&, const Exited&) = default;
};

struct Forgotten {
  std::string name = {};

  friend bool operator==(const Forgotten&, const Forgotten&) = default;
};

struct Reload {
  friend bool operator==(const Reload&, const Reload&) = default;
};
struct ReopenLogs {
  friend bool operator==(const ReopenLogs&, const ReopenLogs&) = default;
};

/// Ends the gateway: drain all, then exit 0. 0 seconds: the configuration's stop_time.
struct Stop {
  std::uint32_t seconds = 0;

  friend bool operator==(const Stop&, const Stop&) = default;
};

struct KeeperPing {
  friend bool operator==(const KeeperPing&, const KeeperPing&) = default;
};

// ---- proxy → supervisor

/// Limits of a child and what it is given.
struct SpawnLimits {
  std::uint64_t open_files = 0;  // RLIMIT_NOFILE; 0: as the supervisor's
  bool links = false;            // gets a control and a handover link, named in HUBGATE_LINKS

  friend bool operator==(const SpawnLimits&, const SpawnLimits&) = default;
};

struct Spawn {
  SlotId id = {};
  std::vector<std::string> argv = {};  // [0] is a path, or looked up in PATH
  std::vector<std::string> env = {};   // "NAME=value", added to the supervisor's own
  std::string cwd = {};                // empty: the supervisor's
  SpawnLimits limits;
  std::string spec_hash = {};  // what would have to be equal for a running process to stay

  friend bool operator==(const Spawn&, const Spawn&) = default;
};

struct Signal {
  SlotId id = {};
  std::int32_t signal = 0;

  friend bool operator==(const Signal&, const Signal&) = default;
};

/// Keep a copy of the descriptor that comes with it; replaces one of the same name.
struct Keep {
  std::string name = {};

  friend bool operator==(const Keep&, const Keep&) = default;
};

/// Kept by the first proxy of a gateway once all workers were ready, so that later ones do not say so again.
inline constexpr char kAnnouncedName[] = "announced";

/// Answered by Forgotten.
struct Forget {
  std::string name = {};

  friend bool operator==(const Forget&, const Forget&) = default;
};

/// Drop privileges for good. Before any Spawn.
struct DropTo {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;

  friend bool operator==(const DropTo&, const DropTo&) = default;
};

/// The proxy works: from now on its end is answered by another start.
struct ProxyReady {
  friend bool operator==(const ProxyReady&, const ProxyReady&) = default;
};
struct KeeperPong {
  friend bool operator==(const KeeperPong&, const KeeperPong&) = default;
};

using KeeperToProxy = std::variant<Hello, Kept, Slot, SlotFd, InventoryEnd, Spawned, SpawnFailed, Exited, Forgotten,
                                   Reload, ReopenLogs, Stop, KeeperPing>;
using KeeperToSupervisor = std::variant<Hello, Spawn, Signal, Keep, Forget, DropTo, ProxyReady, KeeperPong>;

// One message each. Never empty; may be longer than kMaxMessage, which PacketLink::send refuses.
std::string encode(const Hello& message);
std::string encode(const Kept& message);
std::string encode(const Slot& message);
std::string encode(const SlotFd& message);
std::string encode(const InventoryEnd& message);
std::string encode(const Spawned& message);
std::string encode(const SpawnFailed& message);
std::string encode(const Exited& message);
std::string encode(const Forgotten& message);
std::string encode(const Reload& message);
std::string encode(const ReopenLogs& message);
std::string encode(const Stop& message);
std::string encode(const KeeperPing& message);
std::string encode(const Spawn& message);
std::string encode(const Signal& message);
std::string encode(const Keep& message);
std::string encode(const Forget& message);
std::string encode(const DropTo& message);
std::string encode(const ProxyReady& message);
std::string encode(const KeeperPong& message);

// Error kInvalid: a broken peer, whose link is to be closed.
Result<KeeperToProxy> decode_keeper_to_proxy(Bytes message);
Result<KeeperToSupervisor> decode_keeper_to_supervisor(Bytes message);

}  // namespace hubgate::control
