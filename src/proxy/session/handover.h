#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/descriptor.h"
#include "common/http/message.h"
#include "common/net/connection.h"
#include "proxy/pool/worker_slot.h"
#include "proxy/session/client_facts.h"
#include "proxy/session/session_metrics.h"

namespace hubgate::proxy {

/// Gives a client's socket, with the head of its WebSocket upgrade and what came behind it, to a local worker
/// (architecture, "Handover rules"). Owned by the exchange; what settles after its destruction is dropped, and with it
/// the socket.
class Handover {
 public:
  /// A socket that came back: no worker has it, and no answer has been sent on it.
  struct Returned {
    WorkerSlot::Settled settled = WorkerSlot::Settled::kAcked;
    Descriptor socket;  // open for kRefused and kWorkerDead
    std::string early;  // bytes that the client had sent behind its head
  };
  /// Called once, from the loop.
  using OnSettled = std::function<void(Returned)>;

  /// A head larger than this does not go over the link, whatever came behind it.
  static constexpr std::size_t kMaxHeadAndEarly = control::kMaxHeadAndEarly;  // bytes

  Handover(SessionMetrics& metrics, OnSettled on_settled) : metrics_(metrics), on_settled_(std::move(on_settled)) {}
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  /// Takes the connection out of the loop and sends it with `head`, the request as written anew. `client` is
  /// who the worker is told: behind a balancer another than the peer. kSent: on_settled
  /// will be called; `returned` is untouched. Anything else: nothing was sent and `returned` has socket and early
  /// bytes.
  WorkerSlot::HandOver start(WorkerSlot& slot, std::string head, const ClientFacts& facts, const net::Address& client,
                             const std::string& request_id, std::unique_ptr<net::Connection> connection,
                             Returned& returned);

 private:
  void settled(WorkerSlot::Settled settled, Descriptor socket);

  SessionMetrics& metrics_;
  OnSettled on_settled_;
  std::string early_;
  std::shared_ptr<Handover*> self_ = std::make_shared<Handover*>(this);  // the slot holds a weak one
};

}  // namespace hubgate::proxy
