#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace hubgate::proxy {

/// What `hubgate top` shows: `now` is GET /status?format=json, `before` an earlier one, `seconds` the time between
/// them; rates come from the difference. What began in between counts from zero. A field that is missing is shown as
/// '-': the gateway may be of another version.
std::string top_page(const nlohmann::json& before, const nlohmann::json& now, double seconds);

}  // namespace hubgate::proxy
