#include "common/net/proxy_header.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::same_story(data, size, [](std::string_view text, std::size_t step) {
    for (std::size_t end = 0;; end = std::min(end + step, text.size())) {
      const std::vector<std::byte> bytes = fuzz::exact(text.substr(0, end));
      const net::ProxyHeaderStep read = net::read_proxy_header(bytes);
      switch (read.outcome) {
        case net::ProxyHeaderStep::Outcome::kRejected: return "rejected: " + std::string(read.why);
        case net::ProxyHeaderStep::Outcome::kDone:
          if (read.taken > end || read.taken > net::kMaxProxyHeader) std::abort();
          return std::to_string(read.taken) + ' ' + read.header.client.to_string() + ' ' +
                 read.header.local.to_string();
        case net::ProxyHeaderStep::Outcome::kNeedMore: break;
      }
      if (end >= net::kMaxProxyHeader) std::abort();  // it never waits for more than that
      if (end == text.size()) return std::string("more");
    }
  });
}
