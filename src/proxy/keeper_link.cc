#include "proxy/keeper_link.h"

#include <utility>
#include <variant>

namespace hubgate::proxy {

Descriptor Inventory::take(std::string_view name) {
  const auto place = kept.find(name);
  if (place == kept.end()) return Descriptor();
  Descriptor descriptor = std::move(place->second);
  kept.erase(place);
  return descriptor;
}

KeeperLink::KeeperLink(event::Loop& loop, Descriptor socket, std::uint64_t epoch, Handler& handler)
    : handler_(handler), link_(loop, std::move(socket), static_cast<control::PacketLink::Handler&>(*this)) {
  link_.send(encode(control::Hello{.epoch = epoch}));
}

void KeeperLink::on_packet(Bytes bytes, Descriptor descriptor, bool descriptor_lost) {
  const auto decoded = control::decode_keeper_to_proxy(bytes);
  if (!decoded) return lost(decoded.error().what);
  if (descriptor_lost) return lost("no descriptor to spare for what the supervisor holds");
  const control::KeeperToProxy& message = *decoded;
  if (const auto* kept = std::get_if<control::Kept>(&message)) {
    if (inventory_) inventory_->kept.insert_or_assign(kept->name, std::move(descriptor));
  } else if (const auto* slot = std::get_if<control::Slot>(&message)) {
    gather(slot->id, slot->pid, slot->spec_hash, slot->descriptors, false);
  } else if (const auto* spawned = std::get_if<control::Spawned>(&message)) {
    gather(spawned->id, spawned->pid, spawned->spec_hash, spawned->descriptors, true);
  } else if (const auto* slot_fd = std::get_if<control::SlotFd>(&message)) {
    on_slot_fd(*slot_fd, std::move(descriptor));
  } else if (std::holds_alternative<control::InventoryEnd>(message)) {
    if (inventory_) handler_.on_inventory(*std::exchange(inventory_, std::nullopt));
  } else if (const auto* failed = std::get_if<control::SpawnFailed>(&message)) {
    handler_.on_spawn_failed(*failed);
  } else if (const auto* exited = std::get_if<control::Exited>(&message)) {
    handler_.on_exited(*exited);
  } else if (const auto* forgotten = std::get_if<control::Forgotten>(&message)) {
    handler_.on_forgotten(forgotten->name);
  } else if (std::holds_alternative<control::Reload>(message)) {
    handler_.on_reload();
  } else if (std::holds_alternative<control::ReopenLogs>(message)) {
    handler_.on_reopen_logs();
  } else if (const auto* stop = std::get_if<control::Stop>(&message)) {
    handler_.on_stop(stop->seconds);
  } else if (std::holds_alternative<control::KeeperPing>(message)) {
    link_.send(encode(control::KeeperPong{}));
  }
}

void KeeperLink::gather(const control::SlotId& id, std::int64_t pid, const std::string& spec_hash,
                        std::uint32_t descriptors, bool spawned) {
  if (gathering_) return lost("a process without all its descriptors");
  gathering_.emplace();
  gathering_->process.id = id;
  gathering_->process.pid = pid;
  gathering_->process.spec_hash = spec_hash;
  gathering_->missing = descriptors;
  gathering_->spawned = spawned;
  if (descriptors == 0) finish_gathering();
}

void KeeperLink::on_slot_fd(const control::SlotFd& slot_fd, Descriptor descriptor) {
  if (!gathering_ || gathering_->process.id != slot_fd.id) return lost("a descriptor of no process");
  SlotProcess& process = gathering_->process;
  switch (slot_fd.role) {
    case control::SlotRole::kControl: process.control = std::move(descriptor); break;
    case control::SlotRole::kHandover: process.handover = std::move(descriptor); break;
    case control::SlotRole::kStdout: process.output = std::move(descriptor); break;
    case control::SlotRole::kStderr: process.errors = std::move(descriptor); break;
    case control::SlotRole::kPidfd: process.pidfd = std::move(descriptor); break;
  }
  if (--gathering_->missing == 0) finish_gathering();
}

void KeeperLink::finish_gathering() {
  Gathering done = std::move(*gathering_);
  gathering_.reset();
  if (done.spawned) {
    handler_.on_spawned(std::move(done.process));
  } else if (inventory_) {
    inventory_->slots.push_back(std::move(done.process));
  }
}

Result<void> KeeperLink::spawn(const control::Spawn& spawn) {
  switch (link_.send(encode(spawn))) {
    case control::PacketLink::Sent::kSent:
    case control::PacketLink::Sent::kQueued: return {};
    case control::PacketLink::Sent::kTooLarge:
      return make_error(ErrorCode::kTooLarge, "command and environment are longer than 64 KiB");
    default: return make_error(ErrorCode::kUnavailable, "no supervisor");
  }
}

void KeeperLink::signal(const control::SlotId& id, int signal) { link_.send(encode(control::Signal{id, signal})); }
void KeeperLink::keep(const std::string& name, int descriptor) { link_.send(encode(control::Keep{name}), descriptor); }
void KeeperLink::forget(const std::string& name) { link_.send(encode(control::Forget{name})); }
void KeeperLink::drop_to(const control::DropTo& drop) { link_.send(encode(drop)); }
void KeeperLink::ready() { link_.send(encode(control::ProxyReady{})); }

void KeeperLink::on_link_closed(std::string_view why) { handler_.on_keeper_lost(why); }

void KeeperLink::lost(std::string_view why) {
  const std::string reason(why);
  link_.close();
  handler_.on_keeper_lost(reason);
}

}  // namespace hubgate::proxy
