#include "common/control/links.h"

#include <fcntl.h>
#include <stdlib.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace hubgate::control {
namespace {

constexpr char kVariable[] = "HUBGATE_LINKS";

// A descriptor's number of this process; -1 when it is none that is open.
int open_descriptor(std::string_view text) {
  int fd = -1;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  if (error != std::errc{} || stop != text.data() + text.size() || fd < 3) return -1;
  return ::fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

}  // namespace

Result<Links> take_links_from_environment() {
  const char* variable = ::getenv(kVariable);
  if (variable == nullptr) return Links();
  const std::string text = variable;
  ::unsetenv(kVariable);
  std::map<std::string, int, std::less<>> numbers;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const std::size_t equals = std::min(item.find('='), item.size());
    const int fd = equals < item.size() ? open_descriptor(item.substr(equals + 1)) : -1;
    const bool taken = std::any_of(numbers.begin(), numbers.end(), [&](const auto& one) { return one.second == fd; });
    if (fd < 0 || taken || !numbers.emplace(std::string(item.substr(0, equals)), fd).second) {
      return make_error(ErrorCode::kInvalid, std::string(kVariable) + "=\"" + text + "\" does not name open links");
    }
  }
  Links links;
  for (const auto& [name, fd] : numbers) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    links.emplace(name, Descriptor(fd));
  }
  return links;
}

}  // namespace hubgate::control
