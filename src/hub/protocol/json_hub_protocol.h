#pragma once

#include "hub/protocol/hub_protocol.h"
#include "hub/protocol/json_writer.h"

namespace hubgate::hub {

/// "json": one object a message, ended by 0x1E. Accepts members in any order; the order of the official clients is the
/// fast one. Source: aspnetcore docs/specs/HubProtocol.md, "JSON Encoding".
class JsonHubProtocol final : public HubProtocol {
 public:
  explicit JsonHubProtocol(json::Names names = json::Names::kCamelCase) noexcept : names_(names) {}

  std::string_view name() const override { return "json"; }
  int version() const override { return 2; }
  TransferFormat transfer_format() const override { return TransferFormat::kText; }
  ValueFormat value_format() const override { return ValueFormat::kJson; }

  ParseResult parse(Bytes input, ParseState& state, HubMessage& message) const override;
  bool read_value(std::string_view raw, Value& value) const override;

  Result<Payload> write_invocation(const InvocationView& invocation, Unwritable unwritable) const override;
  Result<Payload> write_stream_item(std::string_view invocation_id, const Value& item,
                                    const MessageHeaders* headers) const override;
  Result<Payload> write_completion(const CompletionView& completion) const override;
  Payload write_cancel(std::string_view invocation_id, const MessageHeaders* headers) const override;
  Payload write_ping() const override;
  Payload write_close(const std::string_view* error, bool allow_reconnect) const override;
  Payload write_ack(std::int64_t sequence_id) const override;
  Payload write_sequence(std::int64_t sequence_id) const override;
  Result<std::string> write_value(const Value& value, Unwritable unwritable) const override;

 private:
  json::Names names_;
};

}  // namespace hubgate::hub
