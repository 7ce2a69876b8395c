#include "proxy/supervisor/service_notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using supervisor::ServiceNotifier;

namespace {

// What a service manager listens on.
struct Manager {
  explicit Manager(const std::string& address)
      : socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    REQUIRE(address.size() < sizeof at.sun_path);
    std::memcpy(at.sun_path, address.data(), address.size());
    if (address[0] == '@') at.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), length) == 0);
  }
  std::string heard() const {
    char buffer[256];
    const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
    return got < 0 ? "" : std::string(buffer, static_cast<std::size_t>(got));
  }
  Descriptor socket;
};

}  // namespace

TEST_CASE("a service manager hears each state as one datagram", "[supervisor]") {
  const test::TemporaryFolder folder;
  const std::string address =
      GENERATE(true, false) ? folder / "notify" : "@hubgate-notify-test-" + std::to_string(::getpid());
  const Manager manager(address);
  const ServiceNotifier notifier{std::string_view(address)};
  notifier.ready();
  CHECK(manager.heard() == "READY=1");
  notifier.reloading();
  const std::string reloading = manager.heard();
  CHECK(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(std::stoull(reloading.substr(reloading.rfind('=') + 1)) > 0);
  notifier.stopping();
  CHECK(manager.heard() == "STOPPING=1");
}

TEST_CASE("the address is taken out of the environment, so that no child speaks for us", "[supervisor]") {
  const test::TemporaryFolder folder;
  const Manager manager(folder / "notify");
  ::setenv("NOTIFY_SOCKET", (folder / "notify").c_str(), 1);
  const ServiceNotifier notifier = ServiceNotifier::from_environment();
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
  notifier.ready();
  CHECK(manager.heard() == "READY=1");
}

TEST_CASE("without a service manager, or with an address that is none, nothing happens", "[supervisor]") {
  ::unsetenv("NOTIFY_SOCKET");
  ServiceNotifier::from_environment().ready();
  for (const std::string address : {"", "/", "relative", "/nowhere/at/all"}) ServiceNotifier{address}.stopping();
  ServiceNotifier{std::string(500, '/')}.ready();
}
