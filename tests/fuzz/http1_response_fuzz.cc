#include "common/http/http1_reader.h"
#include "tests/common/http/read_stream.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::same_story(data, size, [](std::string_view text, std::size_t step) {
    const http::ReaderLimits limits;
    http::ResponseReader reader(limits);
    test::StreamReading<http::ResponseReader> reading(reader);
    for (std::size_t at = 0; at < text.size(); at += step) reading.feed(text.substr(at, step));
    return reading.story();
  });
}
