#pragma once
// Catch2 2.13 (Debian 12) and 3 (Debian 13) behind one name.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>

namespace hubgate::test {

/// Matcher for CHECK_THAT: the text holds `part`.
#if __has_include(<catch2/catch_all.hpp>)
inline auto contains(const std::string& part) { return Catch::Matchers::ContainsSubstring(part); }
#else
inline auto contains(const std::string& part) { return Catch::Matchers::Contains(part); }
#endif

}  // namespace hubgate::test
