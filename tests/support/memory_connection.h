#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/connections/connection_context.h"
#include "hub/protocol/serialized_hub_message.h"

namespace hubgate::test {

/// A ConnectionContext without a transport: keeps what is written to it.
class MemoryConnection final : public hub::ConnectionContext {
 public:
  explicit MemoryConnection(std::string id = "connection_00000000001") : id_(std::move(id)) {}

  std::string_view connection_id() const override { return id_; }
  bool id_is_token() const override { return has_token_id; }
  hub::TransportType transport_type() const override { return hub::TransportType::kWebSockets; }
  const hub::RequestFacts& facts() const override { return facts_; }
  void drop_facts() override {
    facts_ = {};
    facts_dropped = true;
  }
  bool set_transfer_format(hub::TransferFormat format) override {
    if (format == hub::TransferFormat::kBinary && is_text_only) return false;
    format_ = format;
    return true;
  }
  void write(const hub::EncodedMessage& message) override { write(message.bytes); }
  void write(const Payload& bytes) override {
    if (is_closed()) return;
    written_.emplace_back(bytes.text());
    payloads_.push_back(bytes);
    formats_.push_back(format_);
  }
  std::size_t unsent() const override { return 0; }
  void pause_reading() override { is_paused = true; }
  void resume_reading() override { is_paused = false; }
  void close_when_flushed(std::uint16_t websocket_code) override {
    if (!is_closed()) close_code_ = websocket_code;
  }
  void abort() override {
    if (!is_closed()) is_aborted_ = true;
  }
  void set_handler(hub::ConnectionHandler& handler) override { handler_ = &handler; }

  hub::ConnectionHandler& handler() { return *handler_; }
  hub::RequestFacts& facts() { return facts_; }
  bool is_closed() const { return close_code_.has_value() || is_aborted_; }
  bool is_aborted() const { return is_aborted_; }
  std::optional<std::uint16_t> close_code() const { return close_code_; }
  /// One a write; taken once.
  std::vector<std::string> take_messages() { return std::exchange(written_, {}); }
  /// The same, joined.
  std::string take() {
    std::string all;
    for (const std::string& message : take_messages()) all += message;
    return all;
  }
  /// Every write from the start, to see which connections share bytes.
  const std::vector<Payload>& payloads() const { return payloads_; }
  const std::vector<hub::TransferFormat>& formats() const { return formats_; }

  bool is_paused = false;
  bool is_text_only = false;
  bool has_token_id = false;
  bool facts_dropped = false;

 private:
  const std::string id_;
  hub::RequestFacts facts_;
  hub::ConnectionHandler* handler_ = nullptr;
  std::vector<std::string> written_;
  std::vector<Payload> payloads_;
  std::vector<hub::TransferFormat> formats_;
  hub::TransferFormat format_ = hub::TransferFormat::kText;
  std::optional<std::uint16_t> close_code_;
  bool is_aborted_ = false;
};

}  // namespace hubgate::test
