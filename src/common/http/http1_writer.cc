#include "common/http/http1_writer.h"

#include <array>
#include <cassert>
#include <charconv>

#include "common/base/ascii.h"
#include "common/http/http1_grammar.h"
#include "common/http/status.h"

namespace hubgate::http {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

// Fields that say how this one connection goes on or where the body ends: written from the head's members only.
bool is_framing_field(std::string_view name) {
  switch (name.size()) {
    case 10: return equals_ignoring_case(name, "Connection") || equals_ignoring_case(name, "Keep-Alive");
    case 14: return equals_ignoring_case(name, "Content-Length");
    case 16: return equals_ignoring_case(name, "Proxy-Connection");
    case 17: return equals_ignoring_case(name, "Transfer-Encoding");
    default: return false;
  }
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

template <class Skip>
void append_fields(std::string& out, const Headers& headers, Skip skip) {
  for (const Headers::Field field : headers) {
    if (is_framing_field(field.name) || skip(field.name)) continue;
    if (!is_valid_field(field.name, field.value)) {
      assert(false && "a field that no peer may see");
      continue;
    }
    append_field(out, field.name, field.value);
  }
}

void append_length(std::string& out, std::uint64_t length) {
  out.append("Content-Length: ");
  append_number(out, length);
  out.append("\r\n");
}

bool is_valid_target(std::string_view target) {
  for (const char c : target) {
    if (!is_target_char(c)) return false;
  }
  return !target.empty();
}

}  // namespace

void append_request_head(std::string& out, const RequestHead& head) {
  const bool valid = is_token(head.method) && is_valid_target(head.target);
  assert(valid && "method and target must be what the reader would take");
  // Nothing that anyone could act upon, and the other side refuses it.
  if (!valid) {
    out.append("GET / HTTP/0.0\r\n\r\n");
    return;
  }
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  const bool switches = head.upgrade == UpgradeOffer::kWebSocket;
  append_fields(out, head.headers, [](std::string_view name) { return equals_ignoring_case(name, "Upgrade"); });
  switch (head.body.kind) {
    case BodyKind::kLength: append_length(out, head.body.length); break;
    case BodyKind::kChunked: append_field(out, "Transfer-Encoding", "chunked"); break;
    case BodyKind::kUntilClose: assert(false && "no request ends so"); [[fallthrough]];
    case BodyKind::kNone:
      // Methods that mean a body say so when it is empty: some servers ask for the length otherwise.
      if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH") append_length(out, 0);
      break;
  }
  if (switches) {
    out.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  } else if (!head.keep_alive) {
    out.append("Connection: close\r\n");
  }
  out.append("\r\n");
}

void append_response_head(std::string& out, const ResponseHead& head, bool for_http10) {
  assert(head.status >= 100 && head.status <= 599);
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(head.status));
  out.append(" ").append(!head.reason.empty() && is_field_value(head.reason) ? head.reason
                                                                             : reason_phrase(head.status));
  out.append("\r\n");
  const bool switches = head.status == 101;
  append_fields(out, head.headers, [&](std::string_view name) {
    return !switches && equals_ignoring_case(name, "Upgrade") && head.status != 426;
  });
  if (head.status >= 200 && head.status != 204) {
    switch (head.body.kind) {
      case BodyKind::kLength: append_length(out, head.body.length); break;
      case BodyKind::kChunked: append_field(out, "Transfer-Encoding", "chunked"); break;
      case BodyKind::kUntilClose: break;
      case BodyKind::kNone:
        if (head.status != 304) append_length(out, 0);
        break;
    }
  }
  if (switches) {
    out.append("Connection: Upgrade\r\n");
  } else if (head.status >= 200) {
    const bool closes = !head.keep_alive || head.body.kind == BodyKind::kUntilClose;
    if (closes) {
      out.append("Connection: close\r\n");
    } else if (for_http10) {
      out.append("Connection: keep-alive\r\n");
    }
  }
  out.append("\r\n");
}

Payload make_chunk(Bytes data) {
  assert(!data.empty());
  // Size line, data and CRLF in one allocation; the line's size is known before.
  std::array<char, 18> line{};
  char* const end = std::to_chars(line.data(), line.data() + 16, data.size(), 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  std::string chunk;
  const auto line_size = static_cast<std::size_t>(end + 2 - line.data());
  chunk.reserve(line_size + data.size() + 2);
  chunk.append(line.data(), line_size).append(as_text(data)).append("\r\n");
  return Payload(chunk);
}

}  // namespace hubgate::http
