#include "tests/hub/protocol/probe.h"

#include <functional>
#include <map>
#include <string_view>

namespace hubgate::test {

void describe(EnumNames<Color>& names) { names.add("Red", Color::kRed).add("Green", Color::kGreen); }

void describe(Fields<Obj>& fields) {
  fields.add("Name", &Obj::Name)
      .add("Value", &Obj::Value)
      .add("Data", &Obj::Data)
      .add("Child", &Obj::Child)
      .add("Kind", &Obj::Kind);
}

namespace {

using Bind = std::function<bool(Value&&, ValueFormat, Value&)>;

template <class T>
bool bind_as(Value&& value, ValueFormat format, Value& bound) {
  Result<T> result = from_value<T>(std::move(value), format);
  if (result) bound = to_value(*result);
  return result.has_value();
}

const std::map<std::string, std::vector<Bind>, std::less<>>& methods() {
  static const std::map<std::string, std::vector<Bind>, std::less<>> known = {
      {"Echo", {bind_as<Value>}},
      {"Add", {bind_as<std::int32_t>, bind_as<std::int32_t>}},
      {"Counter", {bind_as<std::int32_t>, bind_as<std::int32_t>}},
      {"UploadSum", {}},
      {"Zero", {}},
      {"Void", {}},
      {"EchoInt", {bind_as<std::int32_t>}},
      {"EchoNInt", {bind_as<std::optional<std::int32_t>>}},
      {"EchoLong", {bind_as<std::int64_t>}},
      {"EchoULong", {bind_as<std::uint64_t>}},
      {"EchoDouble", {bind_as<double>}},
      {"EchoFloat", {bind_as<float>}},
      {"EchoDecimal", {bind_as<Decimal>}},
      {"EchoBool", {bind_as<bool>}},
      {"EchoChar", {bind_as<char16_t>}},
      {"EchoString", {bind_as<std::string>}},
      {"EchoBytes", {bind_as<std::vector<std::byte>>}},
      {"EchoDate", {bind_as<Timestamp>}},
      {"EchoDto", {bind_as<DateTimeOffset>}},
      {"EchoSpan", {bind_as<TimeSpan>}},
      {"EchoGuid", {bind_as<std::string>}},
      {"EchoEnum", {bind_as<Color>}},
      {"EchoObj", {bind_as<std::unique_ptr<Obj>>}},
      {"EchoInts", {bind_as<std::vector<int>>}},
      {"EchoDict", {bind_as<std::map<std::string, int>>}},
  };
  return known;
}

}  // namespace

Bound bind_call(const hub::HubProtocol& protocol, const hub::HubMessage& message) {
  const auto method = methods().find(message.target);
  if (method == methods().end()) return {"HubException: Method does not exist.", {}};
  if (!message.arguments_error.empty()) return {message.arguments_error, {}};
  const auto& parameters = method->second;
  if (message.arguments.size() != parameters.size()) {
    return {"InvalidDataException: Invocation provides " + std::to_string(message.arguments.size()) +
                " argument(s) but target expects " + std::to_string(parameters.size()) + ".",
            {}};
  }
  Bound bound;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Value value;
    if (!protocol.read_value(message.arguments[i], value) ||
        !parameters[i](std::move(value), protocol.value_format(), bound.arguments.emplace_back())) {
      return {std::string(hub::kBindingFailed), {}};
    }
  }
  return bound;
}

bool bind_item(const hub::HubProtocol& protocol, const hub::HubMessage& message, Value& item) {
  Value value;
  return message.has_value && protocol.read_value(message.value, value) &&
         bind_as<std::int32_t>(std::move(value), protocol.value_format(), item);
}

}  // namespace hubgate::test
