#include "common/config/toml_table.h"

#define TOML_HEADER_ONLY 0  // the compiled library: a header-only parse costs seconds in every build
#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/ascii.h"
#include "common/config/nearest_word.h"
#include "common/config/units.h"

namespace hubgate::config {
namespace {

constexpr std::string_view kSet = "--set";

// A place sorts by line; what has none (--set) comes last.
struct Place {
  std::uint32_t line = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t column = 0;
};

Place place_of(const toml::source_region& source) {
  if (source.begin.line == 0 || (source.path && *source.path == kSet)) return {};
  return {source.begin.line, source.begin.column};
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a number";
    case toml::node_type::floating_point: return "a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::array: return "a list";
    case toml::node_type::table: return "a table";
    default: return "a date";
  }
}

// The element of a table or list that one part of a dotted key names.
const toml::node* child_of(const toml::node& node, std::string_view part) {
  if (const toml::table* table = node.as_table()) return table->get(part);
  if (const toml::array* list = node.as_array()) {
    const auto index = parse_decimal(part);
    if (index && *index < list->size()) return list->get(static_cast<std::size_t>(*index));
  }
  return nullptr;
}

std::vector<std::string_view> split(std::string_view key) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dot = key.find('.');
    parts.push_back(key.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    key.remove_prefix(dot + 1);
  }
}

// Keys and words of the user, shortened and without control characters: an error is one line.
std::string shown(std::string_view text) {
  std::size_t length = std::min<std::size_t>(text.size(), 60);
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
  std::string out = "'";
  for (const char c : text.substr(0, length)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (length < text.size() ? "…'" : "'");
}

std::string joined(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += '"';
    out += word;
    out += '"';
  }
  return out;
}

}  // namespace

struct TomlDocument::State {
  struct Found {
    Place place;
    std::string what;
  };
  toml::table root;
  std::string file;
  std::vector<Found> errors;
  std::set<std::string, std::less<>> with_error;
  std::vector<std::string> known;
  std::set<std::string, std::less<>> known_set;

  void know(std::string key) {
    if (known_set.insert(key).second) known.push_back(std::move(key));
  }
  Place find(std::string_view key) const {
    const toml::node* node = &root;
    Place place{1, 1};
    for (const std::string_view part : split(key)) {
      node = child_of(*node, part);
      if (node == nullptr) break;
      place = place_of(node->source());
    }
    return place;
  }
  void add(Place place, std::string_view key, std::string_view what) {
    if (with_error.insert(std::string(key)).second) errors.push_back({place, std::string(what)});
  }
};

struct TomlTable::View {
  TomlDocument::State& document;
  const toml::table& table;
  std::string path;  // dotted key of the table; empty for the root
  std::vector<std::string> asked;

  // The value of a key; remembers that it is known.
  const toml::node* get(std::string_view key) {
    if (std::find(asked.begin(), asked.end(), key) == asked.end()) asked.emplace_back(key);
    document.know(full(key));
    return table.get(key);
  }
  std::string full(std::string_view key) const {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }
  void wrong(std::string_view key, const toml::node& node, std::string_view what) {
    document.add(place_of(node.source()), full(key), what);
  }
  void wrong_type(std::string_view key, const toml::node& node, std::string_view expected, std::string_view example) {
    wrong(key, node,
          shown(key) + " is " + std::string(type_name(node)) + ", not " + std::string(expected) + " (write " +
              std::string(key) + " = " + std::string(example) + ")");
  }
  const std::string* text(std::string_view key, std::string_view expected, std::string_view example) {
    const toml::node* node = get(key);
    if (node == nullptr) return nullptr;
    if (const auto* value = node->as_string()) return &value->get();
    wrong_type(key, *node, expected, example);
    return nullptr;
  }
};

TomlDocument::TomlDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
TomlDocument::TomlDocument(TomlDocument&&) noexcept = default;
TomlDocument& TomlDocument::operator=(TomlDocument&&) noexcept = default;
TomlDocument::~TomlDocument() = default;

Result<TomlDocument> TomlDocument::parse(std::string_view text, std::string_view file) {
  auto state = std::make_unique<State>();
  state->file = std::string(file);
  // The library's one way to report is an exception; it ends here, for a reload must survive it.
  try {
    state->root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const toml::source_position where = error.source().begin;
    return make_error(ErrorCode::kInvalid, state->file + ":" + std::to_string(where.line) + ":" +
                                               std::to_string(where.column) +
                                               ": error: " + std::string(error.description()));
  }
  return TomlDocument(std::move(state));
}

void TomlDocument::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string_view key = trim(assignment.substr(0, equals));
  const auto refuse = [&](std::string_view what) { state_->add(Place{}, key, what); };
  if (equals == std::string_view::npos) return refuse(shown(key) + " has no value (write --set KEY=VALUE)");
  const std::vector<std::string_view> parts = split(key);
  if (std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); })) {
    return refuse(shown(key) + " is no key (write --set TABLE.KEY=VALUE)");
  }

  toml::node* node = &state_->root;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    if (toml::table* table = node->as_table(); table != nullptr && !table->contains(parts[i])) {
      table->insert(parts[i], toml::table{});
    }
    node = const_cast<toml::node*>(child_of(*node, parts[i]));
    if (node == nullptr) return refuse(shown(key) + " names nothing in the file: there is no " + shown(parts[i]));
  }
  toml::table* table = node->as_table();
  if (table == nullptr) return refuse(shown(key) + " lies in no table");

  const std::string_view value = trim(assignment.substr(equals + 1));
  if (value.find('\n') == std::string_view::npos) {
    try {
      toml::table parsed = toml::parse("value = " + std::string(value), kSet);
      parsed.get("value")->visit([&](auto& concrete) { table->insert_or_assign(parts.back(), std::move(concrete)); });
      return;
    } catch (const toml::parse_error&) {
      table->insert_or_assign(parts.back(), std::string(value));  // no TOML: a text
      return;
    }
  }
  table->insert_or_assign(parts.back(), std::string(value));
}

TomlTable TomlDocument::root() {
  return TomlTable(std::make_shared<TomlTable::View>(TomlTable::View{*state_, state_->root, "", {}}));
}

void TomlDocument::error(std::string_view key, std::string_view what) { state_->add(state_->find(key), key, what); }

bool TomlDocument::has_error(std::string_view key) const { return state_->with_error.contains(key); }

std::vector<std::string> TomlDocument::errors() const {
  std::vector<State::Found> sorted = state_->errors;
  std::stable_sort(sorted.begin(), sorted.end(), [](const State::Found& a, const State::Found& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  std::vector<std::string> lines;
  for (const State::Found& found : sorted) {
    std::string line(kSet);
    if (found.place.line != Place{}.line) {
      line = state_->file + ":" + std::to_string(found.place.line) + ":" + std::to_string(found.place.column);
    }
    lines.push_back(line + ": error: " + found.what);
  }
  return lines;
}

const std::vector<std::string>& TomlDocument::known_keys() const { return state_->known; }

std::string_view TomlTable::name() const {
  const std::string_view path = view_->path;
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::string TomlTable::key(std::string_view key) const { return view_->full(key); }

bool TomlTable::has(std::string_view key) const { return view_->table.contains(key); }

bool TomlTable::is_table(std::string_view key) const {
  const toml::node* node = view_->table.get(key);
  return node != nullptr && node->is_table();
}

void TomlTable::read(std::string_view key, std::string& into) {
  if (const std::string* text = view_->text(key, "a text", "\"…\"")) into = *text;
}

void TomlTable::read(std::string_view key, bool& into) {
  const toml::node* node = view_->get(key);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean()) {
    into = value->get();
  } else {
    view_->wrong_type(key, *node, "true or false", "true");
  }
}

void TomlTable::read(std::string_view key, std::uint32_t& into, std::uint32_t least, std::uint32_t most) {
  const toml::node* node = view_->get(key);
  if (node == nullptr) return;
  const auto* value = node->as_integer();
  if (value == nullptr) return view_->wrong_type(key, *node, "a number", std::to_string(std::max(least, 1U)));
  if (value->get() < least || value->get() > most) {
    return view_->wrong(key, *node,
                        shown(key) + " is " + std::to_string(value->get()) + " (allowed: " + std::to_string(least) +
                            " to " + std::to_string(most) + ")");
  }
  into = static_cast<std::uint32_t>(value->get());
}

void TomlTable::read(std::string_view key, std::vector<std::string>& into) {
  const toml::node* node = view_->get(key);
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  if (list == nullptr) return view_->wrong_type(key, *node, "a list of texts", "[\"…\"]");
  std::vector<std::string> texts;
  for (const toml::node& element : *list) {
    const auto* text = element.as_string();
    if (text == nullptr) {
      return view_->wrong(
          key, element,
          shown(key) + " holds " + std::string(type_name(element)) + " (write a list of texts: [\"…\", \"…\"])");
    }
    texts.push_back(text->get());
  }
  into = std::move(texts);
}

std::vector<TomlElement> TomlTable::elements(std::string_view key) {
  std::vector<TomlElement> found;
  const toml::node* node = view_->get(key);
  if (node == nullptr) return found;
  const toml::array* list = node->as_array();
  if (list == nullptr) {
    view_->wrong_type(key, *node, "a list", "[\"…\"]");
    return found;
  }
  for (const toml::node& element : *list) {
    if (const auto* text = element.as_string()) {
      found.push_back({.text = text->get()});
    } else if (const toml::table* table = element.as_table()) {
      const std::string path = view_->full(key) + "." + std::to_string(found.size());
      found.push_back({.table = TomlTable(std::make_shared<View>(View{view_->document, *table, path, {}}))});
    } else {
      view_->wrong(
          key, element,
          shown(key) + " holds " + std::string(type_name(element)) + " (write a list of texts: [\"…\", \"…\"])");
      return {};
    }
  }
  return found;
}

void TomlTable::read_duration(std::string_view key, std::chrono::milliseconds& into, std::chrono::milliseconds least,
                              std::chrono::milliseconds most) {
  const std::string* text = view_->text(key, "a time with a unit", "\"10s\"");
  if (text == nullptr) return;
  const toml::node& node = *view_->table.get(key);
  const auto value = parse_duration(*text);
  if (!value) {
    return view_->wrong(key, node,
                        shown(key) + " is " + shown(*text) +
                            ", which is no time (write digits and a unit: \"250ms\", \"10s\", \"5m\", \"1h\")");
  }
  if (*value < least || *value > most) {
    return view_->wrong(key, node,
                        shown(key) + " is " + shown(*text) + " (allowed: " + format_duration(least) + " to " +
                            format_duration(most) + ")");
  }
  into = *value;
}

void TomlTable::read_size(std::string_view key, std::size_t& into, std::size_t least, std::size_t most) {
  const std::string* text = view_->text(key, "a size with a unit", "\"64KiB\"");
  if (text == nullptr) return;
  const toml::node& node = *view_->table.get(key);
  const auto value = parse_size(*text);
  if (!value) {
    return view_->wrong(key, node,
                        shown(key) + " is " + shown(*text) +
                            ", which is no size (write digits and a unit: \"512B\", \"64KiB\", \"1MiB\")");
  }
  if (*value < least || *value > most) {
    return view_->wrong(
        key, node,
        shown(key) + " is " + shown(*text) + " (allowed: " + format_size(least) + " to " + format_size(most) + ")");
  }
  into = static_cast<std::size_t>(*value);
}

std::optional<std::size_t> TomlTable::read_choice(std::string_view key, std::span<const std::string_view> choices) {
  const std::string* text = view_->text(key, "a text", '"' + std::string(choices.front()) + '"');
  if (text == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] == *text) return i;
  }
  view_->wrong(key, *view_->table.get(key), shown(key) + " is " + shown(*text) + " (allowed: " + joined(choices) + ")");
  return std::nullopt;
}

std::optional<TomlTable> TomlTable::table(std::string_view key) {
  const toml::node* node = view_->get(key);
  if (node == nullptr) return std::nullopt;
  const toml::table* table = node->as_table();
  if (table == nullptr) {
    view_->wrong(key, *node,
                 shown(key) + " is " + std::string(type_name(*node)) + ", not a table (write [" + view_->full(key) +
                     "] and its keys below)");
    return std::nullopt;
  }
  return TomlTable(std::make_shared<View>(View{view_->document, *table, view_->full(key), {}}));
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) {
  std::vector<TomlTable> found;
  auto outer = table(key);
  if (!outer) return found;
  for (const auto& [name, node] : outer->view_->table) {
    if (auto inner = outer->table(name.str())) found.push_back(std::move(*inner));
  }
  return found;
}

std::vector<TomlTable> TomlTable::list(std::string_view key) {
  std::vector<TomlTable> found;
  const toml::node* node = view_->get(key);
  if (node == nullptr) return found;
  const toml::array* list = node->as_array();
  std::size_t index = 0;
  if (list != nullptr) {
    for (const toml::node& element : *list) {
      const toml::table* table = element.as_table();
      if (table == nullptr) break;
      const std::string path = view_->full(key) + "." + std::to_string(index++);
      found.push_back(TomlTable(std::make_shared<View>(View{view_->document, *table, path, {}})));
    }
  }
  if (list == nullptr || index != list->size()) {
    view_->wrong(
        key, *node,
        shown(key) + " is no list of tables (write [[" + view_->full(key) + "]] and its keys below, once for each)");
    found.clear();
  }
  return found;
}

void TomlTable::error(std::string_view key, std::string_view what) {
  view_->document.add(view_->document.find(view_->full(key)), view_->full(key), what);
}

void TomlTable::finish() {
  for (const auto& [key, node] : view_->table) {
    if (std::find(view_->asked.begin(), view_->asked.end(), key.str()) != view_->asked.end()) continue;
    Place place = place_of(node.source());
    if (place.line != Place{}.line) place = place_of(key.source());
    const std::string_view meant = nearest_word(key.str(), view_->asked);
    std::string what = "unknown key " + shown(key.str());
    if (!view_->path.empty()) what += " in [" + view_->path + "]";
    what += meant.empty() ? " (take it out)" : " (did you mean '" + std::string(meant) + "'?)";
    view_->document.add(place, view_->full(key.str()), what);
  }
}

}  // namespace hubgate::config
