#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>

#include "hub/connections/connection_context.h"
#include "hub/protocol/hub_protocol.h"
#include "hub/protocol/serialized_hub_message.h"

namespace hubgate::hub {

class HubGroup;

/// One client of one hub, as those see it who send to it: id, user, protocol, groups, and where bytes go. The loop's
/// thread. Writing never calls back and never closes: a connection that cannot be written to is marked, and its owner
/// ends it later.
class HubConnectionContext {
 public:
  /// `connection` is the transport's side; it outlives this object, or detach() is called. For tests of lifetime
  /// managers a protocol and a user may be given here, since they do without a handshake.
  explicit HubConnectionContext(ConnectionContext& connection, const HubProtocol* protocol = nullptr,
                                std::string user_identifier = {});
  virtual ~HubConnectionContext() = default;
  HubConnectionContext(const HubConnectionContext&) = delete;
  HubConnectionContext& operator=(const HubConnectionContext&) = delete;

  /// Public identifier, never the token. Valid as long as this object.
  const std::string& connection_id() const { return connection_id_; }
  /// What a log calls it.
  std::string_view log_id() const { return id_for_log(connection_id_, id_is_token_); }
  /// Empty when the connection belongs to no user. Set once, before the lifetime manager hears of the connection.
  const std::string& user_identifier() const { return user_identifier_; }
  /// Chosen by the handshake; there is one before the lifetime manager hears of the connection.
  const HubProtocol& protocol() const { return *protocol_; }

  /// Sends one message in the connection's protocol, sharing its bytes with all other receivers. Silent when the
  /// connection is aborted. A message that the protocol cannot write ends the connection, as in SignalR.
  void write(const SerializedHubMessage& message);

  /// Nothing that is written reaches the client any more: the transport is gone or the close was said.
  bool is_aborted() const { return aborted_; }

  /// The groups that the connection is in; the lifetime manager's own notes, kept here so that leaving all of them
  /// needs no look-up. Sorted or not is the manager's choice; usually empty or short.
  std::vector<HubGroup*>& groups() { return groups_; }

 protected:
  /// A message for this connection could not be encoded.
  virtual void on_write_failed(const Error& error);

  /// nullptr once the transport is gone.
  ConnectionContext* transport() const { return transport_; }
  /// The transport's object ends; nothing is written any more.
  void detach() {
    transport_ = nullptr;
    aborted_ = true;
  }
  void mark_aborted() { aborted_ = true; }
  /// Where messages that are written are counted; null: nowhere.
  void count_writes(std::uint64_t& counter) { written_ = &counter; }
  void set_protocol(const HubProtocol& protocol) { protocol_ = &protocol; }
  void set_user_identifier(std::string user_identifier) { user_identifier_ = std::move(user_identifier); }

 private:
  friend class HubConnectionStore;
  ConnectionContext* transport_;
  const HubProtocol* protocol_;
  const std::string connection_id_;  // a copy: calls that still run outlive the transport
  std::string user_identifier_;
  std::vector<HubGroup*> groups_;
  std::uint64_t* written_ = nullptr;
  std::size_t place_in_store_ = 0;
  bool aborted_ = false;
  const bool id_is_token_;
};

}  // namespace hubgate::hub
