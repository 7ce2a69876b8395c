#include "hub/core/error_texts.h"

#include <hubgate/hub.h>

namespace hubgate::hub {
namespace error_text {

namespace {
std::string quoted(std::string_view before, std::string_view name, std::string_view after) {
  std::string text(before);
  text += '\'';
  text += name;
  text += '\'';
  text += after;
  return text;
}
}  // namespace

std::string unknown_method(std::string_view name) {
  return quoted("Failed to invoke ", name, " due to an error on the server. HubException: Method does not exist.");
}
std::string failed_to_invoke(std::string_view name) {
  return quoted("Failed to invoke ", name, " due to an error on the server.");
}
std::string wrong_count(std::size_t provided, std::size_t expected) {
  return "InvalidDataException: Invocation provides " + std::to_string(provided) + " argument(s) but target expects " +
         std::to_string(expected) + ".";
}
std::string not_streaming(std::string_view name) {
  return quoted("The client attempted to invoke the non-streaming ", name, " method with a streaming invocation.");
}
std::string unexpected_streams(std::string_view name, std::size_t provided) {
  return unexpected_error(name) + " HubException: Client sent " + std::to_string(provided) +
         " stream(s), Hub method expects 0.";
}
std::string unexpected_error(std::string_view name) {
  return quoted("An unexpected error occurred invoking ", name, " on the server.");
}

}  // namespace error_text

Failure describe(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const HubException& error) {
    return {error.label(), error.what(), true};
  } catch (const NamedError& error) {
    return {error.label(), error.what(), false};
  } catch (const std::exception& error) {
    return {"Exception", error.what(), false};
  } catch (...) {
    return {"Exception", "an object that is no std::exception was thrown", false};
  }
}

std::string with_detail(std::string base, const Failure& failure, bool detailed_errors) {
  if (detailed_errors || failure.for_client) base += " " + failure.label + ": " + failure.text;
  return base;
}

std::string with_detail(std::string base, std::string_view detail, bool detailed_errors) {
  if (detailed_errors && !detail.empty()) {
    base += ' ';
    base += detail;
  }
  return base;
}

}  // namespace hubgate::hub
