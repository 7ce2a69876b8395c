#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubgate::http {

/// The fields of one head, in order. Names compare without case and keep the case they came with. A value: it copies
/// and holds all its text in one string, so a head of any size is two allocations. Views into it live until the next
/// change. Nothing is validated here: the reader has, and the writer does.
class Headers {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
    friend bool operator==(const Field&, const Field&) = default;
  };

  Headers() = default;
  Headers(std::initializer_list<Field> fields) {
    for (const Field& field : fields) add(field.name, field.value);
  }

  /// Appends one field. `name` and `value` may be views into this object.
  void add(std::string_view name, std::string_view value);
  /// Leaves exactly one field of that name: in the place of the first, or at the end.
  void set(std::string_view name, std::string_view value);
  /// Removes every field of that name; returns how many there were.
  std::size_t remove(std::string_view name);
  /// Removes every field for which `matches(const Field&)`; the order of the rest stays.
  template <class Predicate>
  void remove_if(Predicate matches) {
    std::erase_if(slots_, [&](const Slot& slot) { return matches(field_of(slot)); });
  }
  void clear() {
    text_.clear();
    slots_.clear();
  }

  /// The first field of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  /// The first field of that name, or "" when there is none.
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view()); }
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;
  /// Whether any field of that name is a list that holds `token`, compared without case ("Connection", "close").
  bool has_token(std::string_view name, std::string_view token) const;

  bool empty() const { return slots_.empty(); }
  std::size_t size() const { return slots_.size(); }
  Field operator[](std::size_t index) const { return field_of(slots_[index]); }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    using pointer = const Field*;
    using reference = Field;
    Iterator(const Headers& headers, std::size_t index) : headers_(&headers), index_(index) {}
    Field operator*() const { return (*headers_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Headers* headers_;
    std::size_t index_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, slots_.size()}; }

  /// Same fields in the same order, byte for byte.
  friend bool operator==(const Headers& a, const Headers& b);

 private:
  struct Slot {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_at;
    std::uint32_t value_size;
  };
  Slot store(std::string_view name, std::string_view value);
  Field field_of(const Slot& slot) const {
    return {{text_.data() + slot.name_at, slot.name_size}, {text_.data() + slot.value_at, slot.value_size}};
  }

  std::string text_;  // what was removed stays until clear()
  std::vector<Slot> slots_;
};

/// Removes what is meant for one hop only: Connection, Keep-Alive, Proxy-Connection, Proxy-Authenticate,
/// Proxy-Authorization, TE, Trailer, Transfer-Encoding, Upgrade, HTTP2-Settings and every name that Connection lists.
/// Call it before adding fields of one's own, so that a peer cannot have them removed.
void remove_hop_by_hop(Headers& headers);

}  // namespace hubgate::http
