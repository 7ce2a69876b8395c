#include "proxy/pool/worker_spec.h"

#include "common/base/digest.h"

namespace hubgate::proxy {

std::string WorkerSpec::hash() const {
  std::string text;
  const auto add = [&](const std::string& part) { text += std::to_string(part.size()) + ':' + part; };
  for (const std::string& part : argv) add(part);
  add("|");
  for (const std::string& part : env) add(part);
  add(cwd);
  add(welcome.application);
  const auto digest = sha256({as_bytes(text)});
  std::string hex;
  for (std::size_t i = 0; i < 8; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned>(digest[i]);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

}  // namespace hubgate::proxy
