#pragma once

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hubgate/hub.h>

#include "common/event/timer.h"

namespace hubgate::test {

enum class Color { kRed, kGreen = 5 };
inline void describe(EnumNames<Color>& names) { names.add("Red", Color::kRed).add("Green", Color::kGreen); }

/// The hub that conversations.json speaks with, as far as its methods exist.
class ConversationHub : public Hub {
 public:
  explicit ConversationHub(event::Timers& timers) : timers_(timers) {}

  static void map(HubMethods<ConversationHub>& methods) {
    methods.on("Echo", &ConversationHub::echo)
        .on("Add", &ConversationHub::add)
        .on("Void", &ConversationHub::nothing)
        .on("Default", &ConversationHub::same)
        .on("Delay", &ConversationHub::delay)
        .on("Throw", &ConversationHub::throw_hub_exception)
        .on("Fail", &ConversationHub::fail)
        .on("Abort", &ConversationHub::abort)
        .on("ReturnArg", &ConversationHub::return_argument)
        .on("Try", &ConversationHub::try_operation)
        .on("EchoDouble", &ConversationHub::echo_double)
        .on("EchoULong", &ConversationHub::echo_unsigned)
        .on("EchoEnum", &ConversationHub::echo_enum);
  }

  Value echo(Value value) { return value; }
  std::int32_t add(std::int32_t a, std::int32_t b) { return a + b; }
  void nothing() {}
  std::int32_t same(std::int32_t number) { return number; }
  Task<std::int32_t> delay(std::int32_t milliseconds) {
    const TaskSource<> source;
    event::Timer timer(timers_, [source] { source.complete(); });
    timer.start(std::chrono::milliseconds(milliseconds));
    co_await source.task();
    co_return milliseconds;
  }
  void throw_hub_exception(const std::string& text) { throw HubException(text); }
  void fail(const std::string& text) { throw NamedError("InvalidOperationException", text); }
  void abort() { context().abort(); }
  Value return_argument(const std::string& kind) {
    if (kind == "nan") return Value(std::numeric_limits<double>::quiet_NaN());
    throw HubException("no such kind");
  }
  Task<std::string> try_operation(std::string operation, std::string argument) {
    if (operation != "groups") throw HubException("no such operation");
    try {
      co_await clients().groups(split(argument)).send("msg");
      co_return "ok";
    } catch (const NamedError& error) {
      co_return error.label() + ": " + error.what();
    }
  }
  double echo_double(double value) { return value; }
  std::uint64_t echo_unsigned(std::uint64_t value) { return value; }
  Color echo_enum(Color value) { return value; }

 private:
  static std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
      if (c == ',') {
        parts.emplace_back();
      } else {
        parts.back() += c;
      }
    }
    return parts;
  }
  event::Timers& timers_;
};

}  // namespace hubgate::test
