#include "proxy/cli/admin_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/base/descriptor.h"
#include "common/http/http1_reader.h"
#include "common/http/http1_writer.h"
#include "common/net/address.h"
#include "proxy/admin/admin_server.h"

namespace hubgate::proxy {
namespace {

constexpr timeval kPatience = {30, 0};

Error unavailable(const std::string& socket, std::string_view why) {
  return make_error(ErrorCode::kUnavailable, "no gateway answers on " + socket + ": " + std::string(why) +
                                                 " (is it running? name its socket with --socket, or set "
                                                 "HUBGATE_RUNTIME_DIR)");
}

Error failed(const std::string& socket) {
  if (errno != EAGAIN) return unavailable(socket, std::strerror(errno));
  return make_error(ErrorCode::kTimeout, "the gateway on " + socket + " gave no answer in 30 s");
}

Result<Descriptor> connect_to(const std::string& socket) {
  const auto address = net::Address::parse("unix:" + socket);
  if (!address) return address.error();
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return failed(socket);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (::connect(fd.get(), address->get(), address->length()) != 0) return failed(socket);
  return fd;
}

}  // namespace

std::string find_admin_socket(const std::string& option) {
  if (!option.empty()) return option;
  const char* folder = std::getenv("HUBGATE_RUNTIME_DIR");
  return AdminServer::socket_path(folder != nullptr && *folder != '\0' ? folder : "/run/hubgate");
}

Result<AdminAnswer> ask_gateway(const std::string& socket, std::string_view method, std::string_view target) {
  const auto fd = connect_to(socket);
  if (!fd) return fd.error();
  http::RequestHead request;
  request.method = std::string(method);
  request.target = std::string(target);
  request.keep_alive = false;
  request.headers.add("Host", "localhost");
  std::string bytes;
  http::append_request_head(bytes, request);
  if (::send(fd->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    return failed(socket);
  }

  const http::ReaderLimits limits;
  http::ResponseReader reader(limits);
  reader.expect(false, limits);
  AdminAnswer answer;
  std::vector<std::byte> unread;
  std::array<std::byte, 16 * 1024> piece;
  while (true) {
    const ssize_t count = ::recv(fd->get(), piece.data(), piece.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(socket);
    unread.insert(unread.end(), piece.begin(), piece.begin() + count);
    MutableBytes input(unread);
    while (true) {
      http::ReadStep step = count == 0 ? reader.end_of_input() : reader.read(input);
      input = input.subspan(step.taken);
      if (step.event == http::ReadEvent::kHead) {
        answer.status = reader.head().status;
      } else if (step.event == http::ReadEvent::kBody) {
        answer.body += as_text(step.body);
        reader.body_taken(step.body.size());
        input = input.subspan(step.body.size());
      } else if (step.event == http::ReadEvent::kEnd) {
        return answer;
      } else if (step.event == http::ReadEvent::kRejected && count == 0) {
        return unavailable(socket, "it closed the connection");
      } else if (step.event == http::ReadEvent::kRejected) {
        return make_error(ErrorCode::kInvalid, "what answers on " + socket + " is no gateway");
      } else {
        break;
      }
    }
    unread.erase(unread.begin(), unread.end() - static_cast<std::ptrdiff_t>(input.size()));
  }
}

}  // namespace hubgate::proxy
