#include "common/websocket/close_code.h"
#include "common/websocket/frame_reader.h"
#include "common/websocket/utf8_checker.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

// Frames, text and Close payloads as the WebSocket transport reads them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::same_story(data, size, [](std::string_view text, std::size_t step) {
    websocket::FrameReader reader(websocket::Role::kServer);
    websocket::Utf8Checker utf8;
    std::string stream;  // all payload of messages
    std::string story;   // what happened behind which byte of it
    std::string pending;
    const auto note = [&](std::string_view what, int value) {
      story += std::to_string(stream.size()) + std::string(what) + std::to_string(value) + " ";
    };
    for (std::size_t at = 0; at < text.size(); at += step) {
      pending += text.substr(at, step);
      for (;;) {
        std::vector<std::byte> shown = fuzz::exact(pending);
        const websocket::FrameStep read = reader.read(shown);
        pending.erase(0, read.taken);
        if (read.event == websocket::FrameEvent::kNeedMore) break;
        if (read.event == websocket::FrameEvent::kError) {
          note("error", read.close_code);
          return stream + story;
        }
        if (read.event == websocket::FrameEvent::kControl) {
          const websocket::ClosePayload close = websocket::read_close_payload(read.payload);
          note("control", static_cast<int>(read.opcode) * 10'000 + close.code);
          story += as_text(read.payload);
          if (read.opcode == websocket::Opcode::kClose) return stream + story;
          continue;
        }
        if (read.opcode == websocket::Opcode::kText &&
            (!utf8.feed(read.payload) || (read.message_ended && !utf8.is_complete()))) {
          return std::string("no text");  // how much of it had come depends on the cut
        }
        stream += as_text(read.payload);
        if (read.message_ended) note("message", static_cast<int>(read.opcode));
      }
    }
    return stream + story;
  });
}
