#include "common/websocket/handshake.h"

#include <array>

#include "common/base/base64.h"
#include "common/base/digest.h"

namespace hubgate::websocket {
namespace {

constexpr std::string_view kKeySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyBytes = 16;

}  // namespace

std::string accept_key(std::string_view key) { return base64_encode(sha1({as_bytes(key), as_bytes(kKeySuffix)})); }

bool is_valid_key(std::string_view key) {
  // Not decoded strictly: unused bits need not be zero for the key to be answered.
  if (key.size() != 24 || !key.ends_with("==")) return false;
  for (const char c : key.substr(0, 22)) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '/') return false;
  }
  return true;
}

std::string make_key(Random& random) {
  std::array<std::byte, kKeyBytes> bytes;
  random.fill(bytes);
  return base64_encode(bytes);
}

std::string switching_protocols_head(std::string_view key) {
  std::string head =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Connection: Upgrade\r\n"
      "Upgrade: websocket\r\n"
      "Sec-WebSocket-Accept: ";
  head += accept_key(key);
  head += "\r\n\r\n";
  return head;
}

}  // namespace hubgate::websocket
