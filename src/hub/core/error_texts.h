#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace hubgate::hub {

/// The texts that clients see; SignalR's own. X is the method's name.
namespace error_text {

inline constexpr std::string_view kClosedWithError = "Connection closed with an error.";
inline constexpr std::string_view kClientTimeout =
    "OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.";

std::string unknown_method(std::string_view name);                    // A
std::string failed_to_invoke(std::string_view name);                  // B, without detail
std::string wrong_count(std::size_t provided, std::size_t expected);  // detail of B
inline constexpr std::string_view kBindingFailed =                    // detail of B
    "InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types "
    "of the hub method being invoked.";
std::string not_streaming(std::string_view name);                             // E
std::string unexpected_streams(std::string_view name, std::size_t provided);  // F
std::string unexpected_error(std::string_view name);                          // G, without detail

}  // namespace error_text

/// What one knows of an exception of hub code.
struct Failure {
  std::string label;  // a HubException's or NamedError's label, else "Exception"
  std::string text;
  bool for_client = false;  // a HubException: its text always reaches the client
};
Failure describe(const std::exception_ptr& exception);

/// `base`, and behind it " label: text" when the client may know.
std::string with_detail(std::string base, const Failure& failure, bool detailed_errors);
/// `base`, and behind it " detail" when there are detailed errors and there is a detail.
std::string with_detail(std::string base, std::string_view detail, bool detailed_errors);

}  // namespace hubgate::hub
