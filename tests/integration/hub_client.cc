#include "tests/integration/hub_client.h"

#include "tests/support/catch.h"
#include "tests/support/planted.h"

namespace hubgate::test {
namespace {

constexpr char kRecordEnd = '\x1e';

// The whole length of the frame at the input's beginning, once it is there; 0 before.
std::size_t frame_length(const std::string& input, std::size_t& header) {
  if (input.size() < 2) return 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(input[at]); };
  std::size_t length = byte(1) & 0x7fU;
  header = 2;
  if (length == 126) {
    if (input.size() < 4) return 0;
    length = static_cast<std::size_t>(byte(2)) << 8U | byte(3);
    header = 4;
  }
  REQUIRE(length != 127);
  return input.size() < header + length ? 0 : header + length;
}

}  // namespace

HubClient::HubClient(const net::Address& address, const std::string& path, const std::string& query) {
  const std::string more = "&" + std::string(kPlantedQuery) + (query.empty() ? "" : "&" + query);
  TcpClient negotiating(address);
  REQUIRE(negotiating.is_connected());
  const HttpAnswer answer = negotiating.request("POST", path + "/negotiate?negotiateVersion=1" + more, false);
  REQUIRE(answer.status == 200);
  token_ = nlohmann::json::parse(answer.body)["connectionToken"];
  socket_ = TcpClient(address);
  REQUIRE(socket_.is_connected());
  socket_.send("GET " + path + "?id=" + token_ + more + " HTTP/1.1\r\nHost: localhost\r\n" +
               std::string(kPlantedFields) +
               "Upgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  const std::string head = socket_.read([](const std::string& input) {
    const std::size_t end = input.find("\r\n\r\n");
    return end == std::string::npos ? 0 : end + 4;
  });
  INFO(head);
  REQUIRE(head.starts_with("HTTP/1.1 101"));
  send_text(R"({"protocol":"json","version":1})");
  REQUIRE(next_record() == "{}");
}

// Masked with zeros: valid, and readable in a trace.
void HubClient::send_text(const std::string& record) {
  const std::string payload = record + kRecordEnd;
  std::string frame = "\x81";
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80U | payload.size());
  } else {
    frame += static_cast<char>(0xfe);
    frame += static_cast<char>(payload.size() >> 8U);
    frame += static_cast<char>(payload.size() & 0xffU);
  }
  socket_.send(frame + std::string(4, '\0') + payload);
}

std::optional<std::string> HubClient::next_record() {
  for (;;) {
    const std::size_t end = records_.find(kRecordEnd);
    if (end != std::string::npos) {
      std::string record = records_.substr(0, end);
      records_.erase(0, end + 1);
      return record;
    }
    std::size_t header = 0;
    const std::string frame = socket_.read([&](const std::string& input) { return frame_length(input, header); });
    if (frame.empty() || (static_cast<unsigned char>(frame[0]) & 0x0fU) == 8) return std::nullopt;
    records_ += frame.substr(header);
  }
}

std::optional<nlohmann::json> HubClient::next_message() {
  while (auto message = next_message_of_any_kind()) {
    if ((*message)["type"] != 6) return message;
  }
  return std::nullopt;
}

std::optional<nlohmann::json> HubClient::next_message_of_any_kind() {
  const auto record = next_record();
  return record ? std::optional(nlohmann::json::parse(*record)) : std::nullopt;
}

void HubClient::send(const std::string& method, nlohmann::json arguments, const std::string& id) {
  nlohmann::json message = {{"type", 1}, {"target", method}, {"arguments", std::move(arguments)}};
  if (!id.empty()) message["invocationId"] = id;
  send_text(message.dump());
}

nlohmann::json HubClient::call(const std::string& method, nlohmann::json arguments) {
  const std::string id = std::to_string(++last_id_);
  send(method, std::move(arguments), id);
  for (;;) {
    const auto message = next_message();
    INFO("waiting for the completion of " << method);
    REQUIRE(message.has_value());
    if ((*message)["type"] != 3 || (*message)["invocationId"] != id) continue;
    CHECK_FALSE(message->contains("error"));
    return message->value("result", nlohmann::json());
  }
}

HubClients connect_clients(const Gateway& gateway, std::size_t count) {
  HubClients clients;
  for (std::size_t i = 0; i < count; ++i) clients.push_back(std::make_unique<HubClient>(gateway.port(), "/bench"));
  return clients;
}

void check_all_echo(HubClients& clients, const std::string& text) {
  for (auto& client : clients) client->send("Echo", {text}, text);
  for (auto& client : clients) {
    const auto message = client->next_message();
    REQUIRE(message.has_value());
    REQUIRE((*message)["result"] == text);
  }
}

}  // namespace hubgate::test
