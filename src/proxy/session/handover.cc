#include "proxy/session/handover.h"

#include <utility>

namespace hubgate::proxy {
namespace {

HandoverResult result_of(WorkerSlot::Settled settled) {
  switch (settled) {
    case WorkerSlot::Settled::kAcked: return HandoverResult::kAcked;
    case WorkerSlot::Settled::kRefused: return HandoverResult::kRefused;
    case WorkerSlot::Settled::kNoAck: return HandoverResult::kNoAck;
    case WorkerSlot::Settled::kWorkerDead: break;
  }
  return HandoverResult::kWorkerDead;
}

}  // namespace

WorkerSlot::HandOver Handover::start(WorkerSlot& slot, std::string head, const ClientFacts& facts,
                                     const net::Address& client, const std::string& request_id,
                                     std::unique_ptr<net::Connection> connection, Returned& returned) {
  // Out of the loop before another process can get it: a copy that lives elsewhere keeps a forgotten registration.
  net::Connection::Released released = connection->release();
  event::Loop& loop = connection->loop();
  loop.dispose_value(std::move(connection));
  early_ = as_text(released.unread);

  control::Accept accept;
  accept.kind = control::Accept::Kind::kClient;
  accept.head = std::move(head);
  accept.early = early_;
  accept.client_address = client.to_string();
  accept.local_address = facts.local.to_string();
  accept.listener = facts.listener;
  accept.request_id = request_id;
  const auto sent = slot.hand_over(
      std::move(accept), released.socket,
      [weak = std::weak_ptr(self_)](WorkerSlot::Settled how, Descriptor socket) {
        if (const auto self = weak.lock()) (*self)->settled(how, std::move(socket));
      },
      facts.place);
  if (sent == WorkerSlot::HandOver::kSent) return sent;
  if (sent == WorkerSlot::HandOver::kTooLarge) {
    ++metrics_.handovers[static_cast<std::size_t>(HandoverResult::kTooLarge)];
  } else if (sent == WorkerSlot::HandOver::kFull) {
    ++metrics_.handovers[static_cast<std::size_t>(HandoverResult::kFull)];
  }
  returned.socket = std::move(released.socket);
  returned.early = std::move(early_);
  return sent;
}

void Handover::settled(WorkerSlot::Settled settled, Descriptor socket) {
  ++metrics_.handovers[static_cast<std::size_t>(result_of(settled))];
  on_settled_(Returned{.settled = settled, .socket = std::move(socket), .early = std::move(early_)});
}

}  // namespace hubgate::proxy
