#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hubgate/dotnet_types.h>

#include "hub/protocol/hub_protocol.h"

namespace hubgate::test {

/// The types of the methods that the parser of the "decode" vectors knows.
enum class Color { kRed = 0, kGreen = 5 };
void describe(EnumNames<Color>& names);

struct Obj {
  std::optional<std::string> Name;
  int Value = 0;
  std::optional<std::vector<std::byte>> Data;
  std::unique_ptr<Obj> Child;
  Color Kind = Color::kRed;
};
void describe(Fields<Obj>& fields);

/// What binding a call of the probe's hub comes to: its arguments as values again, or the failure's text.
struct Bound {
  std::string failure;
  std::vector<Value> arguments;
};
Bound bind_call(const hub::HubProtocol& protocol, const hub::HubMessage& message);
/// Items of streams are int32.
bool bind_item(const hub::HubProtocol& protocol, const hub::HubMessage& message, Value& item);

}  // namespace hubgate::test
