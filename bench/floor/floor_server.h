#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace floor_server {

/// The least work that serves hubload: raw epoll, one process, no Redis, no checks. It trusts every byte, knows
/// hubload's messages by position, and sends each delivery at once. Not a product: the measure for one.
class FloorServer {
 public:
  explicit FloorServer(std::uint16_t port);
  std::uint16_t port() const { return port_; }
  [[noreturn]] void run();

 private:
  struct Client;
  void accept_all();
  void on_readable(Client& client);
  std::size_t on_request(Client& client, std::string_view bytes);
  std::size_t on_frame(Client& client, char* bytes, std::size_t size);
  void on_record(Client& client, std::string_view record);
  void send(Client& client, std::string_view bytes);
  void close(Client& client);

  int epoll_;
  int listener_;
  std::uint16_t port_ = 0;
  std::uint64_t tokens_ = 0;
  std::vector<Client*> clients_;  // upgraded
  std::vector<std::vector<Client*>> groups_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace floor_server
