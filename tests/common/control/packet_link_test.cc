#include "common/control/packet_link.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace hubgate;
using control::PacketLink;

namespace {

struct Recorder final : PacketLink::Handler {
  void on_packet(Bytes message, Descriptor descriptor, bool descriptor_lost) override {
    messages.emplace_back(as_text(message));
    if (descriptor.is_open()) descriptors.push_back(std::move(descriptor));
    lost += descriptor_lost ? 1 : 0;
    if (then) then();
  }
  void on_sendable() override { ++sendable; }
  void on_link_closed(std::string_view reason) override { why = reason; }

  std::vector<std::string> messages;
  std::vector<Descriptor> descriptors;
  std::function<void()> then;
  int lost = 0;
  int sendable = 0;
  std::string why;
};

struct Pair {
  event::Loop loop;
  Descriptor left;
  Descriptor right;
  Pair() {
    auto ends = PacketLink::make_pair();
    REQUIRE(ends);
    left = std::move(ends->first);
    right = std::move(ends->second);
  }
};

// Sends by hand, as a broken peer does.
void send_raw(int socket, std::string_view message, const std::vector<int>& descriptors) {
  iovec part{const_cast<char*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
  }
  REQUIRE(::sendmsg(socket, &header, 0) >= 0);
}

std::size_t open_descriptors() {
  std::size_t open = 0;
  for (int fd = 0; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) >= 0 ? 1U : 0U;
  return open;
}

}  // namespace

TEST_CASE("messages keep their bounds and their order, each with its own descriptor", "[control][link]") {
  Pair pair;
  Recorder left_side;
  Recorder right_side;
  PacketLink left(pair.loop, std::move(pair.left), left_side);
  PacketLink right(pair.loop, std::move(pair.right), right_side);
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const Descriptor read_end(pipe[0]);
  CHECK(left.send("one") == PacketLink::Sent::kSent);
  CHECK(left.send("two", pipe[1]) == PacketLink::Sent::kSent);
  CHECK(left.send("three") == PacketLink::Sent::kSent);
  ::close(pipe[1]);
  pair.loop.turn(true);
  CHECK(right_side.messages == std::vector<std::string>{"one", "two", "three"});
  REQUIRE(right_side.descriptors.size() == 1);
  CHECK((::fcntl(right_side.descriptors[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(::write(right_side.descriptors[0].get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(read_end.get(), &byte, 1) == 1);
}

TEST_CASE("a message is never empty and never longer than the limit", "[control][link]") {
  Pair pair;
  Recorder left_side;
  Recorder right_side;
  PacketLink left(pair.loop, std::move(pair.left), left_side);
  PacketLink right(pair.loop, std::move(pair.right), right_side);
  CHECK(left.send("") == PacketLink::Sent::kTooLarge);
  CHECK(left.send(std::string(control::kMaxMessage + 1, 'x')) == PacketLink::Sent::kTooLarge);
  CHECK(left.send(std::string(control::kMaxMessage, 'x')) == PacketLink::Sent::kSent);
  pair.loop.turn(true);
  REQUIRE(right_side.messages.size() == 1);
  CHECK(right_side.messages[0].size() == control::kMaxMessage);
}

TEST_CASE("a message that was cut, or that has more than one descriptor, closes the link and leaks nothing",
          "[control][link]") {
  Pair pair;
  Recorder side;
  const int surplus = GENERATE(0, 2, 3, 20);
  CAPTURE(surplus);
  const Descriptor peer = std::move(pair.right);
  const Descriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  PacketLink link(pair.loop, std::move(pair.left), side);
  const std::size_t before = open_descriptors();
  if (surplus == 0) {
    send_raw(peer.get(), std::string(control::kMaxMessage + 1, 'x'), {});
  } else {
    send_raw(peer.get(), "x", std::vector<int>(static_cast<std::size_t>(surplus), file.get()));
  }
  pair.loop.turn(true);
  CHECK(side.messages.empty());
  CHECK_FALSE(side.why.empty());
  CHECK_FALSE(link.is_open());
  CHECK(open_descriptors() == before - 1);  // the link's own
  CHECK(link.send("more") == PacketLink::Sent::kClosed);
}

TEST_CASE("what the kernel does not take waits in order, and is refused above the limit", "[control][link]") {
  Pair pair;
  Recorder left_side;
  Recorder right_side;
  PacketLink left(pair.loop, std::move(pair.left), left_side, 3);
  PacketLink right(pair.loop, std::move(pair.right), right_side);
  int sent = 0;
  PacketLink::Sent last = PacketLink::Sent::kSent;
  const Descriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  while ((last = left.send(std::to_string(sent), file.get())) == PacketLink::Sent::kSent) ++sent;
  REQUIRE(last == PacketLink::Sent::kQueued);
  ++sent;
  CHECK(left.send(std::to_string(sent++)) == PacketLink::Sent::kQueued);
  CHECK(left.send(std::to_string(sent++)) == PacketLink::Sent::kQueued);
  CHECK(left.send("too many") == PacketLink::Sent::kFull);
  CHECK(left.queued() == 3);
  for (int turns = 0; turns < 1000 && static_cast<int>(right_side.messages.size()) < sent; ++turns)
    pair.loop.turn(true);
  REQUIRE(static_cast<int>(right_side.messages.size()) == sent);
  for (int i = 0; i < sent; ++i) CHECK(right_side.messages[static_cast<std::size_t>(i)] == std::to_string(i));
  CHECK(left_side.sendable == 1);
  CHECK(left.queued() == 0);
}

TEST_CASE("what a peer said before it died is delivered before its end", "[control][link]") {
  Pair pair;
  Recorder side;
  PacketLink link(pair.loop, std::move(pair.left), side);
  const bool with_unread = GENERATE(false, true);
  if (with_unread) REQUIRE(link.send("never read") == PacketLink::Sent::kSent);  // then the error comes first
  send_raw(pair.right.get(), "ack 1", {});
  send_raw(pair.right.get(), "ack 2", {});
  pair.right.reset();
  SECTION("by the loop") { pair.loop.turn(true); }
  SECTION("when asked for it now") { link.read_now(); }
  CHECK(side.messages == std::vector<std::string>{"ack 1", "ack 2"});
  CHECK(side.why == "ended");
}

TEST_CASE("a link may be closed inside its own call, and is silent then", "[control][link]") {
  Pair pair;
  Recorder side;
  const Descriptor peer = std::move(pair.right);
  PacketLink link(pair.loop, std::move(pair.left), side);
  side.then = [&] { link.close(); };
  send_raw(peer.get(), "1", {});
  send_raw(peer.get(), "2", {});
  pair.loop.turn(true);
  CHECK(side.messages.size() == 1);
  CHECK(side.why.empty());
}

TEST_CASE("a receiver without a descriptor to spare hears that one was lost, and the link lives", "[control][link]") {
  Pair pair;
  Recorder side;
  const Descriptor peer = std::move(pair.right);
  PacketLink link(pair.loop, std::move(pair.left), side);
  const Descriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  send_raw(peer.get(), "with one", {file.get()});
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit none = limit;
  none.rlim_cur = 3;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  link.read_now();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(side.messages == std::vector<std::string>{"with one"});
  CHECK(side.lost == 1);
  CHECK(side.descriptors.empty());
  CHECK(link.is_open());
}
