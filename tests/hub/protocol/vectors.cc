#include "tests/hub/protocol/vectors.h"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "tests/hub/protocol/probe.h"

namespace hubgate::test {

nlohmann::json load_vectors(const std::string& name) {
  std::ifstream file("tests/data/vectors/" + name);
  if (!file) throw std::runtime_error("tests run in the source folder: no tests/data/vectors/" + name);
  return nlohmann::json::parse(file).at("vectors");
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return hex;
}

namespace {

class NotationParser {
 public:
  explicit NotationParser(std::string_view text) : rest_(text) {}

  Value whole() {
    Value result = value();
    if (!rest_.empty()) throw std::runtime_error("left over: " + std::string(rest_));
    return result;
  }

 private:
  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }

  // What stands before the next separator of containers.
  std::string word() {
    const std::size_t end = rest_.find_first_of(",]}:)");
    std::string result(rest_.substr(0, end));
    rest_.remove_prefix(result.size());
    return result;
  }
  // To the end: for texts that hold separators themselves and stand alone.
  std::string all() { return std::string(std::exchange(rest_, {})); }

  std::string quoted() {
    std::size_t end = 1;
    while (rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    const auto text = nlohmann::json::parse(rest_.substr(0, end + 1)).get<std::string>();
    rest_.remove_prefix(end + 1);
    return text;
  }

  Value integer() {
    const std::string text = word();
    if (text.starts_with('-')) return Value(static_cast<std::int64_t>(std::stoll(text)));
    return Value(static_cast<std::uint64_t>(std::stoull(text)));
  }

  Value value() {
    if (take("null")) return Value();
    if (take("true")) return Value(true);
    if (take("false")) return Value(false);
    for (const std::string_view type :
         {"Int32 ", "Int64 ", "UInt64 ", "UInt32 ", "Int16 ", "Byte ", "SByte ", "UInt16 "}) {
      if (take(type)) return integer();
    }
    if (take("float64 ")) return Value(std::strtod(word().c_str(), nullptr));
    if (take("Single ")) return Value(std::strtof(word().c_str(), nullptr));
    if (take("bytes ")) {
      const std::string bytes = from_hex(word());
      Value::Bytes result;
      for (const char c : bytes) result.push_back(static_cast<std::byte>(c));
      return Value(std::move(result));
    }
    if (take("Color ")) return color(word());
    if (take("Guid ") || take("Uri ") || take("Version ")) return Value(all());
    if (take("datetime ")) return date(all());
    if (take("DateTimeOffset ")) return date_time_offset(all());
    if (take("TimeSpan ")) return to_value(parse_time_span(all()).value());
    if (take("Decimal ")) return to_value(Decimal{all()});
    if (take("Char ")) return to_value(static_cast<char16_t>(all().at(0)));
    if (rest_.starts_with('"')) return Value(quoted());
    if (take("[")) return array();
    if (take("{")) return map();
    if (take("Obj(")) return object();
    throw std::runtime_error("no such notation: " + std::string(rest_));
  }

  static Value color(const std::string& name) {
    if (name == "Red") return to_value(Color::kRed);
    if (name == "Green") return to_value(Color::kGreen);
    return to_value(static_cast<Color>(std::stoi(name)));
  }

  static Value date(const std::string& text) {
    const Timestamp time = parse_timestamp(text).value();
    if (text.ends_with('Z')) return Value(time);
    std::string local = to_text(time);  // of unspecified kind: no Z in JSON
    local.pop_back();
    return Value(TwoForms{{Value(local), Value(time)}});
  }

  // "01/02/2024 03:04:05 -05:30": month first, no fraction (the vectors' only other one is given by the caller).
  static Value date_time_offset(const std::string& text) {
    const std::string iso = text.substr(6, 4) + "-" + text.substr(0, 2) + "-" + text.substr(3, 2) + "T" +
                            text.substr(11, 8) + text.substr(20);
    return to_value(parse_date_time_offset(iso).value());
  }

  Value array() {
    Value::Array result;
    while (!take("]")) {
      result.push_back(value());
      take(",");
    }
    return Value(std::move(result));
  }

  Value map() {
    ValueMap result;
    while (!take("}")) {
      Value key = value();
      take(":");
      result.entries.push_back({std::move(key), value()});
      take(",");
    }
    return Value(std::move(result));
  }

  // Written in the order of the class, whatever the notation's.
  Value object() {
    Value name, number, data, kind, child;
    while (!take(")")) {
      const std::size_t equals = rest_.find('=');
      const std::string field(rest_.substr(0, equals));
      rest_.remove_prefix(equals + 1);
      Value content = field == "Value" ? integer() : field == "Kind" ? color(word()) : value();
      (field == "Name"    ? name
       : field == "Value" ? number
       : field == "Data"  ? data
       : field == "Kind"  ? kind
                          : child) = std::move(content);
      take(",");
    }
    return Value::object({{"Name", name}, {"Value", number}, {"Data", data}, {"Child", child}, {"Kind", kind}});
  }

  std::string_view rest_;
};

}  // namespace

Value value_of(std::string_view notation) { return NotationParser(notation).whole(); }

}  // namespace hubgate::test
