#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hubgate::config {

/// The known word that a mistyped one most likely meant; empty when none is near enough. A view into `known`.
std::string_view nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace hubgate::config
