#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace hubgate::test {

/// What ASP.NET Core servers sent to Redis and took from it (tests/data/vectors/README.md).
inline const nlohmann::json& backplane_vectors() {
  static const nlohmann::json file = [] {
    std::ifstream in("tests/data/vectors/redis_backplane.json");
    if (!in) throw std::runtime_error("run from the source folder");
    return nlohmann::json::parse(in);
  }();
  return file.at("vectors");
}

inline const nlohmann::json& backplane_vector(std::string_view name) {
  for (const auto& vector : backplane_vectors()) {
    if (vector.at("name") == name) return vector;
  }
  throw std::runtime_error("no vector " + std::string(name));
}

inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

}  // namespace hubgate::test
