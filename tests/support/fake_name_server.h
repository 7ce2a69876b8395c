#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/net/address.h"

namespace hubgate::test {

/// A DNS server on UDP, turned by hand: answers questions for A records by its table, for AAAA records with none, and
/// for names that are not in it "no such name".
class FakeNameServer {
 public:
  struct Record {
    std::vector<std::string> addresses;  // IPv4
    std::uint32_t ttl = 60;              // seconds
  };

  FakeNameServer() {
    socket_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) throw std::runtime_error("bind");
  }

  /// As Resolver takes it.
  std::string address() const { return net::Address::local_of(socket_.get()).to_string(); }
  std::map<std::string, Record> table;  // by name, in lower case, without a trailing dot
  std::size_t asked = 0;                // questions for A records

  void turn() {
    for (;;) {
      unsigned char question[512];
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const ssize_t size =
          ::recvfrom(socket_.get(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (size < 12) return;
      const std::string answer =
          answer_to(std::string(reinterpret_cast<char*>(question), static_cast<std::size_t>(size)));
      ::sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }

 private:
  static void put(std::string& text, std::uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 255);
  }

  // RFC 1035, 4.1.
  std::string answer_to(const std::string& question) {
    std::string name;
    std::size_t at = 12;
    while (question[at] != 0) {
      const auto label = static_cast<std::size_t>(question[at]);
      name += (name.empty() ? "" : ".") + question.substr(at + 1, label);
      at += 1 + label;
    }
    const std::size_t end = at + 5;  // the zero, type, class
    const bool is_a = question[at + 2] == 1;
    if (is_a) ++asked;
    const auto place = table.find(name);
    const std::size_t count = place != table.end() && is_a ? place->second.addresses.size() : 0;
    std::string answer = question.substr(0, 2);
    put(answer, place == table.end() ? 0x8183 : 0x8180, 2);
    put(answer, 1, 2);
    put(answer, static_cast<std::uint32_t>(count), 2);
    put(answer, 0, 4);
    answer += question.substr(12, end - 12);
    for (std::size_t i = 0; i < count; ++i) {
      put(answer, 0xc00c, 2);  // the name of the question
      put(answer, 1, 2);
      put(answer, 1, 2);
      put(answer, place->second.ttl, 4);
      put(answer, 4, 2);
      const net::Address address = *net::Address::parse(place->second.addresses[i] + ":1");
      const auto& socket = reinterpret_cast<const sockaddr_in&>(*address.get());
      put(answer, ntohl(socket.sin_addr.s_addr), 4);
    }
    return answer;
  }

  Descriptor socket_;
};

}  // namespace hubgate::test
