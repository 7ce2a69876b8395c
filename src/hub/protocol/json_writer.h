#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hubgate/value.h>

#include "hub/protocol/hub_protocol.h"

/// JSON as System.Text.Json writes it: compact, with the relaxed escaping, numbers laid out as .NET does.
namespace hubgate::hub::json {

/// How names of fields are written.
enum class Names : std::uint8_t { kCamelCase, kAsIs };

struct WriteOptions {
  Names names = Names::kCamelCase;
  Unwritable unwritable = Unwritable::kFail;
};

/// Appends. False, with Unwritable::kFail only: NaN, an infinity, an extension, a time without a text, more than 64
/// levels; `out` holds a part of the value then.
bool write_value(const Value& value, const WriteOptions& options, std::string& out);

/// Appends the text in quotes; invalid UTF-8 becomes U+FFFD.
void write_string(std::string_view text, std::string& out);
void write_integer(std::int64_t value, std::string& out);
void write_unsigned(std::uint64_t value, std::string& out);
/// The shortest digits that read back; must be finite.
void write_number(double value, std::string& out);
void write_number(float value, std::string& out);

/// "FirstName" → "firstName", "URLValue" → "urlValue": JsonNamingPolicy.CamelCase.
std::string camel_case(std::string_view name);

}  // namespace hubgate::hub::json
