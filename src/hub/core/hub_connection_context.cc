#include "hub/core/hub_connection_context.h"

namespace hubgate::hub {

HubConnectionContext::HubConnectionContext(ConnectionContext& connection, const HubProtocol* protocol,
                                           std::string user_identifier)
    : transport_(&connection),
      protocol_(protocol),
      connection_id_(connection.connection_id()),
      user_identifier_(std::move(user_identifier)),
      id_is_token_(connection.id_is_token()) {}

void HubConnectionContext::write(const SerializedHubMessage& message) {
  if (aborted_) return;
  const EncodedMessage* encoded = message.for_protocol(*protocol_);
  if (encoded == nullptr) {
    on_write_failed(
        make_error(ErrorCode::kInvalid, "InvalidDataException: a message cannot be written in the client's protocol"));
    return;
  }
  if (written_ != nullptr) ++*written_;
  transport_->write(*encoded);
}

void HubConnectionContext::on_write_failed(const Error&) {
  if (transport_ != nullptr) transport_->abort();
}

}  // namespace hubgate::hub
