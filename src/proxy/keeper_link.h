#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/descriptor.h"
#include "common/control/keeper_messages.h"
#include "common/control/packet_link.h"
#include "common/event/loop.h"
#include "proxy/pool/slot_process.h"
#include "proxy/pool/worker_slot.h"

namespace hubgate::proxy {

/// What the supervisor holds for us when we start.
struct Inventory {
  std::map<std::string, Descriptor, std::less<>> kept;
  std::vector<SlotProcess> slots;

  /// Takes a kept descriptor out; empty when there is none of that name.
  Descriptor take(std::string_view name);
};

/// The proxy's side of the keeper link: says Hello, gathers the inventory, puts a process and its descriptors together
/// again. Owned by the Proxy; one thread.
class KeeperLink final : public Keeper, private control::PacketLink::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// First and once.
    virtual void on_inventory(Inventory inventory) = 0;
    virtual void on_spawned(SlotProcess process) = 0;
    virtual void on_spawn_failed(const control::SpawnFailed& failed) = 0;
    virtual void on_exited(const control::Exited& exited) = 0;
    /// The supervisor has let go of what it kept under that name.
    virtual void on_forgotten(const std::string& name) = 0;
    virtual void on_reload() = 0;
    virtual void on_reopen_logs() = 0;
    virtual void on_stop(std::uint32_t seconds) = 0;
    /// The supervisor has died, or is not to be understood. Last call, once.
    virtual void on_keeper_lost(std::string_view why) = 0;
  };

  KeeperLink(event::Loop& loop, Descriptor socket, std::uint64_t epoch, Handler& handler);

  Result<void> spawn(const control::Spawn& spawn) override;
  void signal(const control::SlotId& id, int signal) override;
  /// Gives a copy to the supervisor; ours stays ours.
  void keep(const std::string& name, int descriptor);
  void forget(const std::string& name);
  void drop_to(const control::DropTo& drop);
  /// Our end is answered by another start from now on.
  void ready();

 private:
  struct Gathering {
    SlotProcess process;
    std::uint32_t missing = 0;  // descriptors
    bool spawned = false;
  };
  void on_packet(Bytes bytes, Descriptor descriptor, bool descriptor_lost) override;
  void on_link_closed(std::string_view why) override;
  void gather(const control::SlotId& id, std::int64_t pid, const std::string& spec_hash, std::uint32_t descriptors,
              bool spawned);
  void on_slot_fd(const control::SlotFd& slot_fd, Descriptor descriptor);
  void finish_gathering();
  void lost(std::string_view why);

  Handler& handler_;
  std::optional<Inventory> inventory_ = Inventory{};  // until it was given away
  std::optional<Gathering> gathering_;
  control::PacketLink link_;
};

}  // namespace hubgate::proxy
