#include "common/net/output_queue.h"

#include <array>
#include <string>

#include "tests/support/catch.h"

using namespace hubgate;

TEST_CASE("the queue gives the same bytes however they are consumed", "[net]") {
  const std::size_t step = GENERATE(1u, 2u, 3u, 7u, 100u);
  net::OutputQueue queue;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string text = std::to_string(i) + ",";
    queue.push(Payload(text));
    expected += text;
  }
  std::string sent;
  while (!queue.empty()) {
    std::array<iovec, 5> parts;
    const std::size_t count = queue.describe(parts);
    std::string now;
    for (std::size_t i = 0; i < count; ++i) now.append(static_cast<char*>(parts[i].iov_base), parts[i].iov_len);
    const std::size_t take = std::min(step, now.size());
    sent += now.substr(0, take);
    queue.consume(take);
  }
  CHECK(sent == expected);
}

TEST_CASE("queued payloads are shared, not copied", "[net]") {
  const Payload payload("shared");
  net::OutputQueue queue;
  queue.push(payload);
  std::array<iovec, 1> parts;
  REQUIRE(queue.describe(parts) == 1);
  CHECK(parts[0].iov_base == payload.bytes().data());
}
