#pragma once

#include <cstddef>
#include <cstdint>

// What all links have in common (architecture, "Processes and links"): SOCK_SEQPACKET, one MessagePack array
// `[type, …]` a message, at most one descriptor each. Elements behind the known ones are passed over, so that a newer
// side may add some; fewer, other types or bytes behind the array are a broken peer.

namespace hubgate::control {

inline constexpr std::size_t kMaxMessage = 64 * 1024;       // bytes, in all; the sender checks
inline constexpr std::size_t kMaxHeadAndEarly = 48 * 1024;  // bytes of head and early bytes of an Accept
inline constexpr std::uint32_t kVersion = 1;

/// The first element of each message. Numbers are for ever; one range a link, so that a message on the wrong link is
/// unknown there.
enum class Type : std::uint8_t {
  kHello = 1,
  // keeper, supervisor → proxy
  kKept = 10,
  kSlot,
  kSlotFd,
  kInventoryEnd,
  kSpawned,
  kSpawnFailed,
  kExited,
  kForgotten,
  kReload,
  kReopenLogs,
  kStop,
  kKeeperPing,
  // keeper, proxy → supervisor
  kSpawn = 30,
  kSignal,
  kKeep,
  kForget,
  kDropTo,
  kProxyReady,
  kKeeperPong,
  // control, proxy → worker
  kWelcome = 50,
  kPing,
  kDrain,
  kUndrain,
  kClose,
  // control, worker → proxy
  kPath = 70,
  kReady,
  kPong,
  kLoad,
  kClosed,
  kStats,
  kState,
  kDrained,
  // handover, proxy → worker
  kAccept = 90,
  // handover, worker → proxy
  kMine = 100,
  kRefused,
};

/// A proxy's first message on each link, and the other side's answer on the same link.
struct Hello {
  std::uint32_t version = kVersion;
  std::uint64_t features = 0;  // a bit each; none yet
  std::uint64_t epoch = 0;     // of one run of the proxy; never 0

  friend bool operator==(const Hello&, const Hello&) = default;
};

}  // namespace hubgate::control
