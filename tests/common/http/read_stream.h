#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/http1_reader.h"

namespace hubgate::test {

/// What a reader made of a stream: heads written back in one form, bodies joined, ends and refusals.
template <class Reader>
class StreamReading {
 public:
  explicit StreamReading(Reader& reader) : reader_(reader) {}

  /// Shows `bytes` behind what was not taken before, as a connection does.
  void feed(std::string_view bytes) {
    pending_ += bytes;
    for (;;) {
      // A copy of exactly the size, so that the sanitizer sees a reader that looks further.
      std::vector<std::byte> shown(pending_.size());
      std::copy_n(reinterpret_cast<const std::byte*>(pending_.data()), pending_.size(), shown.begin());
      const http::ReadStep step = reader_.read(shown);
      std::size_t used = step.taken;
      if (step.event == http::ReadEvent::kBody) {
        body_ += as_text(step.body);
        reader_.body_taken(step.body.size());
        used += step.body.size();
      }
      pending_.erase(0, used);
      switch (step.event) {
        case http::ReadEvent::kBody: continue;
        case http::ReadEvent::kHead: on_head(reader_.head()); continue;
        case http::ReadEvent::kEnd:
          flush_body();
          if (!ended_) story_ += "end\n";
          ended_ = true;
          if (!restart_at_end()) return;
          continue;
        case http::ReadEvent::kRejected:
          flush_body();
          if (!refused_) story_ += "refused " + std::string(to_string(reader_.rejection())) + "\n";
          refused_ = true;
          return;
        case http::ReadEvent::kNeedMore: return;
      }
    }
  }

  std::string story() {
    flush_body();
    return story_;
  }
  const std::string& untaken() const { return pending_; }
  std::vector<typename std::remove_reference_t<decltype(std::declval<Reader>().head())>> heads;
  bool pipelines = false;  // requests only: go on with the next one

 private:
  void on_head(const http::RequestHead& head) {
    story_ += head.method + " " + head.target + " 1." + std::to_string(head.minor_version) + "\n";
    note(head.headers);
    heads.push_back(head);
    ended_ = false;
  }
  void on_head(const http::ResponseHead& head) {
    story_ += std::to_string(head.status) + " " + head.reason + "\n";
    note(head.headers);
    heads.push_back(head);
    ended_ = false;
  }
  void note(const http::Headers& headers) {
    for (const auto field : headers) story_ += std::string(field.name) + "=" + std::string(field.value) + "\n";
  }
  void flush_body() {
    if (!body_.empty()) story_ += "body " + body_ + "\n";
    body_.clear();
  }
  bool restart_at_end() {
    if constexpr (requires { reader_.restart(http::ReaderLimits{}); }) {
      static const http::ReaderLimits kDefaults;
      if (pipelines && !pending_.empty()) {
        reader_.restart(kDefaults);
        return true;
      }
    }
    return false;
  }

  Reader& reader_;
  std::string pending_;
  std::string body_;
  std::string story_;
  bool ended_ = false;
  bool refused_ = false;
};

/// The story of a stream given whole; given byte by byte and cut once at each place it must be the same, or the
/// differing one is returned with its cut.
template <class MakeReader>
std::string story_of(std::string_view stream, MakeReader make, bool pipelines = false) {
  const auto tell = [&](const std::vector<std::string_view>& pieces) {
    auto reader = make();
    StreamReading reading(reader);
    reading.pipelines = pipelines;
    for (const std::string_view piece : pieces) reading.feed(piece);
    return reading.story();
  };
  const std::string whole = tell({stream});
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < stream.size(); ++i) bytes.push_back(stream.substr(i, 1));
  if (const std::string other = tell(bytes); other != whole) return "byte by byte:\n" + other + "whole:\n" + whole;
  // Cutting a long stream everywhere is quadratic, and its middle holds nothing new.
  const std::size_t step = stream.size() > 2000 ? stream.size() / 200 : 1;
  for (std::size_t at = 1; at < stream.size(); at += step) {
    const std::string other = tell({stream.substr(0, at), stream.substr(at)});
    if (other != whole) return "cut at " + std::to_string(at) + ":\n" + other + "whole:\n" + whole;
  }
  return whole;
}

inline std::string requests_of(std::string_view stream, const http::ReaderLimits& limits = {}) {
  return story_of(stream, [&] { return http::RequestReader(limits); }, true);
}

inline std::string response_of(std::string_view stream, bool to_head_request = false) {
  static const http::ReaderLimits kLimits;
  return story_of(stream, [&] {
    http::ResponseReader reader(kLimits);
    reader.expect(to_head_request, kLimits);
    return reader;
  });
}

}  // namespace hubgate::test
