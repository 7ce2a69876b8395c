#include "common/redis/resp.h"

#include "tests/support/catch.h"

namespace hubgate::redis {
namespace {

std::string show(const Reply& reply) {
  switch (reply.kind) {
    case Reply::Kind::kStatus: return "+" + reply.text;
    case Reply::Kind::kError: return "-" + reply.text;
    case Reply::Kind::kInteger: return ":" + std::to_string(reply.integer);
    case Reply::Kind::kBulk: return "'" + reply.text + "'";
    case Reply::Kind::kNil: return "nil";
    case Reply::Kind::kArray: {
      std::string text = "[";
      for (const Reply& element : reply.elements) text += show(element) + " ";
      return text + "]";
    }
  }
  return "?";
}

/// All replies, and "error" at the end if there was one.
std::vector<std::string> replies_of(std::string_view bytes, std::size_t chunk, std::size_t max_reply = 1 << 20) {
  RespReader reader(max_reply);
  std::vector<std::string> replies;
  while (!bytes.empty()) {
    reader.feed(as_bytes(bytes.substr(0, chunk)));
    bytes.remove_prefix(std::min(chunk, bytes.size()));
    for (;;) {
      const auto reply = reader.next();
      if (!reply) {
        replies.push_back("error");
        return replies;
      }
      if (*reply == nullptr) break;
      replies.push_back(show(**reply));
    }
  }
  return replies;
}

constexpr std::string_view kConversation =
    "+OK\r\n-ERR no\r\n:-12\r\n$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
    "*3\r\n$9\r\nsubscribe\r\n$3\r\na:b\r\n:1\r\n"
    "*3\r\n$7\r\nmessage\r\n$3\r\na:b\r\n$4\r\n\x92\r\n\x90\r\n"
    "*2\r\n*1\r\n:1\r\n*2\r\n+x\r\n*0\r\n:7\r\n";

TEST_CASE("replies come out the same however the network cuts the stream", "[redis]") {
  const auto chunk = GENERATE(1u, 2u, 3u, 7u, 31u, 1000u);
  CAPTURE(chunk);
  CHECK(replies_of(kConversation, chunk) == std::vector<std::string>{"+OK", "-ERR no", ":-12", "'hello'", "''", "nil",
                                                                     "nil", "[]", "['subscribe' 'a:b' :1 ]",
                                                                     "['message' 'a:b' '\x92\r\n\x90' ]",
                                                                     "[[:1 ] [+x [] ] ]", ":7"});
}

TEST_CASE("every prefix of a conversation gives whole replies and no error", "[redis]") {
  const auto all = replies_of(kConversation, 1000);
  for (std::size_t size = 0; size <= kConversation.size(); ++size) {
    const auto some = replies_of(kConversation.substr(0, size), 1000);
    REQUIRE(some.size() <= all.size());
    REQUIRE(std::equal(some.begin(), some.end(), all.begin()));
  }
}

TEST_CASE("bytes that are not the protocol are an error that stays", "[redis]") {
  const std::string bytes = GENERATE("HTTP/1.1 400 Bad Request\r\n", "!3\r\nabc\r\n", "*1\r\n?\r\n", "\r\n");
  CAPTURE(bytes);
  CHECK(replies_of(bytes, 1000) == std::vector<std::string>{"error"});

  RespReader reader;
  reader.feed(as_bytes(bytes));
  CHECK_FALSE(reader.next());
  reader.feed(as_bytes("+OK\r\n"));
  CHECK_FALSE(reader.next());
}

TEST_CASE("values of protocol version 3 are an error, not an assertion", "[redis]") {
  const std::string bytes = GENERATE(">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", "%1\r\n+a\r\n+b\r\n", ",1.5\r\n",
                                     "#t\r\n", "~1\r\n:1\r\n", "=7\r\ntxt:abc\r\n");
  CAPTURE(bytes);
  CHECK(replies_of(bytes, 1000) == std::vector<std::string>{"error"});
}

TEST_CASE("a reply beyond the limit is refused before it has all come", "[redis]") {
  const std::string head = "$5000\r\n";
  CHECK(replies_of(head + std::string(900, 'x'), 100, 1000).empty());
  CHECK(replies_of(head + std::string(2000, 'x'), 100, 1000) == std::vector<std::string>{"error"});
  SECTION("many small replies never add up to it") {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += ":1\r\n";
    CHECK(replies_of(many, 64, 100).size() == 1000);
  }
}

TEST_CASE("an array that claims too many elements is refused at once", "[redis]") {
  const std::string bytes = GENERATE("*4097\r\n", "*2147483647\r\n", "*-2\r\n", "*9999999999\r\n");
  CAPTURE(bytes);
  CHECK(replies_of(bytes, 1000) == std::vector<std::string>{"error"});
}

TEST_CASE("arrays nest to a limit", "[redis]") {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += "*1\r\n";
  CHECK(replies_of(bytes, 1000) == std::vector<std::string>{"error"});
}

TEST_CASE("a command is an array of bulk strings, whatever its words hold", "[redis]") {
  const std::string binary("a\0\r\n%s ", 7);
  CHECK(make_command({"PUBLISH", "c h:*", binary}).text() ==
        "*3\r\n$7\r\nPUBLISH\r\n$5\r\nc h:*\r\n$7\r\n" + binary + "\r\n");
  CHECK(make_command({"GET", ""}).text() == "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
}

}  // namespace
}  // namespace hubgate::redis
