#include "common/redis/resp.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <cstdlib>
#include <new>

namespace hubgate::redis {

/// What hiredis calls for each value it has read. Its array counts are int in 0.14 and size_t later: the template
/// takes whichever the header says.
struct RespReader::Callbacks {
  static Reply* place_of(const redisReadTask* task) {
    if (task->parent == nullptr) return &static_cast<RespReader*>(task->privdata)->root_;
    return &static_cast<Reply*>(task->parent->obj)->elements[static_cast<std::size_t>(task->idx)];
  }

  static void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
    Reply* reply = place_of(task);
    switch (task->type) {
      case REDIS_REPLY_STRING: reply->kind = Reply::Kind::kBulk; break;
      case REDIS_REPLY_STATUS: reply->kind = Reply::Kind::kStatus; break;
      case REDIS_REPLY_ERROR: reply->kind = Reply::Kind::kError; break;
      default: return nullptr;  // a string type of RESP3
    }
    reply->text.assign(text, size);
    return reply;
  }

  template <class Count>
  static void* create_array(const redisReadTask* task, Count count) noexcept {
    if (task->type != REDIS_REPLY_ARRAY || std::cmp_less(count, 0) || std::cmp_greater(count, kMaxElements)) {
      return nullptr;
    }
    Reply* reply = place_of(task);
    reply->kind = Reply::Kind::kArray;
    reply->elements.resize(static_cast<std::size_t>(count));
    return reply;
  }

  static void* create_integer(const redisReadTask* task, long long value) noexcept {
    if (task->type != REDIS_REPLY_INTEGER) return nullptr;
    Reply* reply = place_of(task);
    reply->kind = Reply::Kind::kInteger;
    reply->integer = value;
    return reply;
  }

  static void* create_nil(const redisReadTask* task) noexcept {
    Reply* reply = place_of(task);
    reply->kind = Reply::Kind::kNil;
    return reply;
  }

  static redisReplyObjectFunctions* table() {
    static redisReplyObjectFunctions functions = [] {
      redisReplyObjectFunctions made{};
      made.createString = &create_string;
      made.createArray = &create_array;
      made.createInteger = &create_integer;
      made.createNil = &create_nil;
      made.freeObject = [](void*) {};  // values live in root_
      return made;
    }();
    return &functions;
  }
};

void RespReader::ReaderDeleter::operator()(redisReader* reader) const { redisReaderFree(reader); }

RespReader::RespReader(std::size_t max_reply)
    : reader_(redisReaderCreateWithFunctions(Callbacks::table())), max_reply_(max_reply) {
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = this;
}

RespReader::~RespReader() = default;

void RespReader::feed(Bytes bytes) {
  if (failed_ || bytes.empty()) return;
  pending_ += bytes.size();
  if (redisReaderFeed(reader_.get(), reinterpret_cast<const char*>(bytes.data()), bytes.size()) != REDIS_OK) {
    failed_ = true;
  }
}

Result<const Reply*> RespReader::next() {
  const auto fail = [this](ErrorCode code, const char* what) {
    failed_ = true;
    return make_error(code, what, Side::kUpstream);
  };
  if (failed_) return fail(ErrorCode::kInvalid, "Redis sent bytes that are not its protocol, version 2");
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
    return fail(ErrorCode::kInvalid, "Redis sent bytes that are not its protocol, version 2");
  }
  if (reply == nullptr) {
    // hiredis waits for whatever length a bulk string announces.
    if (pending_ > max_reply_) return fail(ErrorCode::kTooLarge, "a reply of Redis is larger than allowed");
    return nullptr;
  }
  if (reply != &root_) return fail(ErrorCode::kInvalid, "Redis sent a value of protocol version 3");
  pending_ = reader_->len - reader_->pos;
  return &root_;
}

Payload make_command(std::span<const std::string_view> words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  starts.reserve(words.size());
  sizes.reserve(words.size());
  for (const std::string_view word : words) {
    starts.push_back(word.empty() ? "" : word.data());
    sizes.push_back(word.size());
  }
  char* text = nullptr;
  // The return type and the failure value differ between versions: int and -1, long long and -1.
  const auto length = redisFormatCommandArgv(&text, static_cast<int>(words.size()), starts.data(), sizes.data());
  if (length < 0) throw std::bad_alloc();
  const Payload command(Bytes(reinterpret_cast<const std::byte*>(text), static_cast<std::size_t>(length)));
  std::free(text);
  return command;
}

}  // namespace hubgate::redis
