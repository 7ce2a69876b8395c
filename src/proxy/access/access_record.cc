#include "proxy/access/access_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "common/base/ascii.h"

namespace hubgate::proxy {
namespace {

constexpr std::size_t kMostText = 1024;       // bytes of one field
constexpr std::size_t kMostQueryNames = 256;  // bytes
constexpr std::size_t kMostQueryName = 32;

std::string_view cut(std::string_view text) { return text.substr(0, kMostText); }

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end.ptr);
}

// Whatever the bytes are, the line stays one line of ASCII.
void append_escaped(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : cut(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7e) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
}

void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const int more =
      std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(milliseconds % 1000));
  out.append(text.data(), length + static_cast<std::size_t>(more));
}

// Milliseconds with three digits behind the point.
void append_milliseconds(std::string& out, std::chrono::microseconds time) {
  const auto value = static_cast<std::uint64_t>(time.count());
  append_number(out, value / 1000);
  const std::uint64_t rest = value % 1000;
  out += '.';
  out += static_cast<char>('0' + rest / 100);
  out += static_cast<char>('0' + rest / 10 % 10);
  out += static_cast<char>('0' + rest % 10);
}

std::string_view name_of(AccessRecord::Kind kind) {
  switch (kind) {
    case AccessRecord::Kind::kHttp: return "http";
    case AccessRecord::Kind::kWebSocketOpened: return "websocket_open";
    case AccessRecord::Kind::kWebSocketClosed: return "websocket_close";
  }
  return "?";
}

std::string_view name_of(AccessRecord::Way way) {
  switch (way) {
    case AccessRecord::Way::kNone: return "";
    case AccessRecord::Way::kTunnel: return "tunnel";
    case AccessRecord::Way::kHandover: return "handover";
  }
  return "?";
}

/// One object of JSON, field by field.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~ObjectWriter() { out_ += '}'; }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    out_ += '"';
    append_escaped(out_, value);
    out_ += '"';
  }
  void number(std::string_view name, std::uint64_t value) {
    begin(name);
    append_number(out_, value);
  }
  void time(std::string_view name, std::chrono::system_clock::time_point value) {
    begin(name);
    out_ += '"';
    append_time(out_, value);
    out_ += '"';
  }
  void milliseconds(std::string_view name, std::chrono::microseconds value) {
    if (value.count() < 0) return;
    begin(name);
    append_milliseconds(out_, value);
  }
  void yes(std::string_view name, bool value) {
    if (!value) return;
    begin(name);
    out_ += "true";
  }

 private:
  void begin(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  std::string& out_;
};

// A word of a text line: no blank, no quote, never empty.
void append_word(std::string& out, std::string_view word) {
  out += ' ';
  if (word.empty()) {
    out += '-';
    return;
  }
  for (const char c : cut(word)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte <= 0x20 || byte > 0x7e || c == '"' ? '?' : c;
  }
}

void append_time_word(std::string& out, std::chrono::microseconds time) {
  if (time.count() < 0) {
    out += '-';
  } else {
    append_milliseconds(out, time);
  }
}

}  // namespace

std::string_view to_string(AffinityAction action) noexcept {
  switch (action) {
    case AffinityAction::kNone: return "none";
    case AffinityAction::kChosen: return "chosen";
    case AffinityAction::kBound: return "bound";
    case AffinityAction::kRerouted: return "rerouted";
    case AffinityAction::kRefused: return "refused";
  }
  return "?";
}

std::string query_names(std::string_view query) {
  std::string names;
  while (!query.empty() && names.size() < kMostQueryNames) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::string_view name = pair.substr(0, pair.find('='));
    if (name.empty()) continue;
    // A value without a name looks like a name: what is not a short plain word might be a secret.
    const bool is_plain =
        name.size() <= kMostQueryName && pair.size() > name.size() && std::all_of(name.begin(), name.end(), [](char c) {
          return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c == '-' || c == '.';
        });
    if (!names.empty()) names += ',';
    names += is_plain ? name : "?";
  }
  return names;
}

void append_json(std::string& out, const AccessRecord& record) {
  const bool is_http = record.kind == AccessRecord::Kind::kHttp;
  const bool is_end = record.kind != AccessRecord::Kind::kWebSocketOpened;
  ObjectWriter object(out);
  object.time("time", record.time);
  object.text("record", name_of(record.kind));
  object.text("way", name_of(record.way));
  object.text("id", record.request_id);
  object.text("client", record.client);
  object.text("listener", record.listener);
  object.yes("tls", record.tls);
  object.text("method", record.method);
  object.text("path", record.path);
  if (!record.query.empty()) object.text("query", query_names(record.query));
  if (record.status != 0) object.number("status", static_cast<std::uint64_t>(record.status));
  if (is_end) {
    object.text("reason", to_string(record.reason));
    object.text("by", to_string(record.by));
  }
  object.text("detail", record.detail);
  object.text("route", record.route);
  object.text("pool", record.pool);
  object.text("endpoint", record.endpoint);
  if (record.generation != 0) object.number("generation", record.generation);
  if (record.revision != 0) object.number("revision", record.revision);
  object.text("affinity", to_string(record.affinity));
  object.text("action", to_string(record.action));
  if (record.retries != 0) object.number("retries", record.retries);
  if (is_end) {
    object.number("bytes_in", record.bytes_in);
    object.number("bytes_out", record.bytes_out);
  }
  if (is_end && !is_http) {
    object.number("frames_in", record.frames_in);
    object.number("frames_out", record.frames_out);
    object.number("close_code", record.close_code);
  }
  object.milliseconds("wait_ms", record.waited);
  object.milliseconds("connect_ms", record.connected);
  object.milliseconds("answer_ms", record.answered);
  object.milliseconds("total_ms", record.total);
}

void append_text(std::string& out, const AccessRecord& record) {
  append_time(out, record.time);
  append_word(out, name_of(record.kind));
  append_word(out, record.client);
  append_word(out, record.listener);
  append_word(out, record.pool);
  append_word(out, record.endpoint);
  out += ' ';
  append_time_word(out, record.waited);
  out += '/';
  append_time_word(out, record.connected);
  out += '/';
  append_time_word(out, record.answered);
  out += '/';
  append_time_word(out, record.total);
  out += ' ';
  append_number(out, static_cast<std::uint64_t>(record.status));
  append_word(out, record.kind == AccessRecord::Kind::kWebSocketOpened ? "" : to_string(record.reason));
  append_word(out, record.kind == AccessRecord::Kind::kWebSocketOpened ? "" : to_string(record.by));
  append_word(out, record.detail);
  append_word(out, to_string(record.affinity));
  append_word(out, to_string(record.action));
  append_word(out, name_of(record.way));
  for (const std::uint64_t value :
       {record.bytes_in, record.bytes_out, record.frames_in, record.frames_out, std::uint64_t{record.close_code},
        std::uint64_t{record.generation}, record.revision, std::uint64_t{record.retries}}) {
    out += ' ';
    append_number(out, value);
  }
  append_word(out, record.request_id);
  append_word(out, record.route);
  out += " \"";
  out += record.method.empty() ? "-" : std::string(cut(record.method));
  append_word(out, record.path);
  if (!record.query.empty()) append_word(out, query_names(record.query));
  out += '"';
}

}  // namespace hubgate::proxy
