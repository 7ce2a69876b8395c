#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <hubgate/value.h>
#include <nlohmann/json.hpp>

namespace hubgate::test {

/// The "vectors" of tests/data/vectors/<name>; its README says what they hold.
nlohmann::json load_vectors(const std::string& name);

std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);

/// The value that a vector's notation means: `Int32 5`, `"text"`, `bytes 0102`, `Obj(Name="n",…)`, `[…]`, `{…}`, …
/// Throws std::runtime_error for what it does not know.
Value value_of(std::string_view notation);

}  // namespace hubgate::test
