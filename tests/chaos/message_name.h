#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace hubgate::chaos {

/// What a message of the run carries: "m|<index in Facts::messages>|<session>|<channel>|<number>|<padding>". All that
/// is needed to know whose it is lies in the text itself, so that a foreign or changed one shows.
struct MessageName {
  std::size_t message = 0;
  std::size_t session = 0;
  int channel = 0;
  int number = 0;
  std::size_t padding = 0;  // bytes, of one letter that the message's index chooses

  std::string to_text() const {
    return "m|" + std::to_string(message) + "|" + std::to_string(session) + "|" + std::to_string(channel) + "|" +
           std::to_string(number) + "|" + std::string(padding, letter());
  }

  /// Nothing for a text that is not whole, or not of ours.
  static std::optional<MessageName> parse(std::string_view text) {
    MessageName name;
    if (!text.starts_with("m|")) return std::nullopt;
    text.remove_prefix(2);
    if (!take(text, name.message) || !take(text, name.session) || !take(text, name.channel) ||
        !take(text, name.number)) {
      return std::nullopt;
    }
    name.padding = text.size();
    if (text.find_first_not_of(name.letter()) != text.npos) return std::nullopt;
    return name;
  }
  friend bool operator==(const MessageName&, const MessageName&) = default;

 private:
  char letter() const { return static_cast<char>('a' + message % 26); }
  template <class T>
  static bool take(std::string_view& text, T& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data() + text.size() || *end != '|') return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    return true;
  }
};

}  // namespace hubgate::chaos
