#include "common/websocket/message_reader.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::same_story(data, size, [](std::string_view text, std::size_t step) {
    websocket::MessageReader reader(websocket::Role::kServer, 4096);
    std::string story;
    std::string pending;
    for (std::size_t at = 0; at < text.size(); at += step) {
      pending += text.substr(at, step);
      for (;;) {
        std::vector<std::byte> shown = fuzz::exact(pending);
        const websocket::MessageStep read = reader.read(shown);
        if (read.event != websocket::MessageEvent::kNeedMore) {
          story += std::to_string(static_cast<int>(read.event)) + " " + std::to_string(read.close_code) + " ";
          story += as_text(read.payload);
        }
        pending.erase(0, read.taken);
        if (read.event == websocket::MessageEvent::kClose || read.event == websocket::MessageEvent::kError)
          return story;
        if (read.event == websocket::MessageEvent::kNeedMore) break;
      }
    }
    return story;
  });
}
