#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>

namespace hubgate::config {

class TomlTable;

/// A TOML text that knows the place of every value and gathers all that is wrong with it. One thread.
///
/// Keys are dotted: "limits.queue_wait", "route.2.prefix" (elements of lists count from 0).
class TomlDocument {
 public:
  /// `file` is only named in errors. Error kInvalid: `what` is "FILE:LINE:COL: error: …", the one syntax error.
  static Result<TomlDocument> parse(std::string_view text, std::string_view file);
  TomlDocument(TomlDocument&&) noexcept;
  TomlDocument& operator=(TomlDocument&&) noexcept;
  ~TomlDocument();

  /// Puts KEY=VALUE over what is written; for --set. VALUE is read as TOML, and as a text when it is none (`1s`).
  /// What is wrong with KEY is gathered as an error; what is wrong with VALUE shows when it is read.
  void set(std::string_view assignment);

  TomlTable root();

  /// Gathers an error at the place of `key`, or of the table that would hold it. One error a key: the first.
  void error(std::string_view key, std::string_view what);
  bool has_error(std::string_view key) const;
  /// "FILE:LINE:COL: error: …" in the order of the file; what was set on the command line comes last.
  std::vector<std::string> errors() const;

  /// Every key that was asked for, in that order: what the program knows.
  const std::vector<std::string>& known_keys() const;

 private:
  friend class TomlTable;
  struct State;
  explicit TomlDocument(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct TomlElement;

/// One table of a document. Each read leaves `into` alone when the key is not there; when its value is wrong, too,
/// and the error is gathered. Valid as long as the document.
class TomlTable {
 public:
  /// The last part of the table's own key: "main" of [pool.main].
  std::string_view name() const;
  /// The full dotted key of `key` in this table.
  std::string key(std::string_view key) const;

  bool has(std::string_view key) const;
  void read(std::string_view key, std::string& into);
  void read(std::string_view key, bool& into);
  void read(std::string_view key, std::uint32_t& into, std::uint32_t least = 0,
            std::uint32_t most = std::numeric_limits<std::uint32_t>::max());
  void read(std::string_view key, std::vector<std::string>& into);
  /// Of a list whose elements are texts or tables, in order; empty when it is not there, or wrong.
  std::vector<TomlElement> elements(std::string_view key);
  void read_duration(std::string_view key, std::chrono::milliseconds& into, std::chrono::milliseconds least,
                     std::chrono::milliseconds most);
  /// Bytes.
  void read_size(std::string_view key, std::size_t& into, std::size_t least, std::size_t most);
  /// One of a few words; its index.
  std::optional<std::size_t> read_choice(std::string_view key, std::span<const std::string_view> choices);
  /// Whether the value is a table, for keys that may be a text or a table.
  bool is_table(std::string_view key) const;

  /// [key], or nothing when it is not there or no table.
  std::optional<TomlTable> table(std::string_view key);
  /// [key.NAME], in the order of the names.
  std::vector<TomlTable> tables(std::string_view key);
  /// [[key]], in order.
  std::vector<TomlTable> list(std::string_view key);

  void error(std::string_view key, std::string_view what);
  /// Gathers an error for every key that was not asked for, with the known one that looks like it.
  void finish();

 private:
  friend class TomlDocument;
  struct View;
  explicit TomlTable(std::shared_ptr<View> view) : view_(std::move(view)) {}
  std::shared_ptr<View> view_;
};

/// One element of a list: a text, or a table.
struct TomlElement {
  std::string text{};
  std::optional<TomlTable> table{};  // there: it is one, and `text` is empty
};

}  // namespace hubgate::config
