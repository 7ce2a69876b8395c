#include "common/net/output_queue.h"

#include <cassert>

namespace hubgate::net {

void OutputQueue::push(Payload payload) {
  if (payload.empty()) return;
  size_ += payload.size();
  payloads_.push_back(std::move(payload));
}

std::size_t OutputQueue::describe(std::span<iovec> into) const {
  std::size_t count = 0;
  std::size_t offset = offset_;
  for (std::size_t i = first_; i < payloads_.size() && count < into.size(); ++i) {
    const Bytes bytes = payloads_[i].bytes().subspan(offset);
    // iovec has no const form; writev does not write through it.
    into[count++] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
    offset = 0;
  }
  return count;
}

void OutputQueue::consume(std::size_t count) {
  assert(count <= size_);
  size_ -= count;
  if (size_ == 0) {
    clear();
    return;
  }
  offset_ += count;
  while (offset_ >= payloads_[first_].size()) {
    offset_ -= payloads_[first_].size();
    payloads_[first_] = Payload();
    ++first_;
  }
  if (first_ >= 64 && first_ * 2 >= payloads_.size()) {
    payloads_.erase(payloads_.begin(), payloads_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutputQueue::clear() {
  std::vector<Payload>().swap(payloads_);
  first_ = 0;
  offset_ = 0;
  size_ = 0;
}

}  // namespace hubgate::net
