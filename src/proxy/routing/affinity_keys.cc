#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "common/base/ascii.h"
#include "common/base/base64.h"
#include "common/base/descriptor.h"
#include "proxy/routing/affinity_tag.h"

// The files of the state directory that hold affinity's secrets.

namespace hubgate::proxy {
namespace {

constexpr std::string_view kKeysFile = "/affinity.keys";
constexpr std::string_view kNodeFile = "/node_id";
constexpr std::string_view kKeysHead =
    "# Secret: signs the routing part of connection tokens. One key a line, \"ID KEY\"; the first signs, both are "
    "believed.\n# Copy this file to other gateways that shall read the same tokens; never copy node_id.\n";
constexpr std::size_t kMostBytes = 4096;  // of either file
constexpr std::size_t kRing = 2;

Error system_error(const std::string& file, std::string_view doing) {
  return make_error(ErrorCode::kSystem, file + ": " + std::string(doing) + ": " + std::strerror(errno) +
                                            " (the gateway's user must own the state directory)");
}

Error invalid(const std::string& file, std::string_view what) {
  return make_error(ErrorCode::kInvalid, file + ": " + std::string(what));
}

// The file's text; nothing when there is no such file.
Result<std::optional<std::string>> read_secret_file(const std::string& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return system_error(file, "cannot be opened");
  }
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0) return system_error(file, "cannot be read");
  if ((facts.st_mode & 077) != 0) return invalid(file, "others may read or change it (chmod 600)");
  std::string text(kMostBytes, '\0');
  const ssize_t count = ::read(fd.get(), text.data(), text.size());
  if (count < 0) return system_error(file, "cannot be read");
  text.resize(static_cast<std::size_t>(count));
  return std::optional<std::string>(std::move(text));
}

// Whole or not at all: a gateway that dies while it writes leaves no half file behind.
Result<void> write_secret_file(const std::string& file, std::string_view text) {
  const std::string temporary = file + ".new";
  ::unlink(temporary.c_str());
  const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.is_open()) return system_error(temporary, "cannot be made");
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(fd.get()) != 0) {
    return system_error(temporary, "cannot be written");
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return system_error(file, "cannot be made");
  return {};
}

std::optional<AffinityKeys::Key> parse_key(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto id = parse_decimal(line.substr(0, space));
  const auto secret = base64url_decode(trim(line.substr(space)));
  AffinityKeys::Key key;
  if (!id || *id > 255 || !secret || secret->size() != key.secret.size()) return std::nullopt;
  key.id = static_cast<std::uint8_t>(*id);
  std::copy(secret->begin(), secret->end(), key.secret.begin());
  return key;
}

std::optional<std::vector<AffinityKeys::Key>> parse_ring(std::string_view text) {
  std::vector<AffinityKeys::Key> ring;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const auto key = parse_key(line);
    if (!key || ring.size() == kRing) return std::nullopt;
    for (const AffinityKeys::Key& other : ring) {
      if (other.id == key->id) return std::nullopt;
    }
    ring.push_back(*key);
  }
  if (ring.empty()) return std::nullopt;
  return ring;
}

bool is_node_id(std::string_view text) {
  if (text.size() != 16) return false;
  return parse_hex(text).has_value() && to_lower(text) == text;
}

Result<std::vector<AffinityKeys::Key>> load_or_make_ring(const std::string& file, Random& random) {
  auto text = read_secret_file(file);
  if (!text) return std::move(text).error();
  if (*text) {
    auto ring = parse_ring(**text);
    if (!ring) {
      return invalid(file,
                     "no ring of one or two keys (write \"ID KEY\" a line, ID 0 to 255, KEY 32 bytes in "
                     "base64url; or remove the file: living tokens become unknown)");
    }
    return *std::move(ring);
  }
  std::vector<AffinityKeys::Key> ring(kRing);
  std::string lines(kKeysHead);
  for (std::size_t i = 0; i < kRing; ++i) {
    ring[i].id = static_cast<std::uint8_t>(i + 1);
    random.fill(ring[i].secret);
    lines += std::to_string(i + 1) + " " + base64url_encode(ring[i].secret) + "\n";
  }
  if (auto written = write_secret_file(file, lines); !written) return std::move(written).error();
  return ring;
}

Result<std::string> load_or_make_node_id(const std::string& file, Random& random) {
  auto text = read_secret_file(file);
  if (!text) return std::move(text).error();
  if (*text) {
    std::string id(trim(std::string_view(**text).substr(0, (*text)->find('\n'))));
    if (!is_node_id(id)) return invalid(file, "no node id (16 hex digits; remove the file to get a new one)");
    return id;
  }
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t bits = random.next();
  std::string id;
  for (int i = 0; i < 16; ++i, bits >>= 4) id += kDigits[bits & 15];
  if (auto written = write_secret_file(file, id + "\n"); !written) return std::move(written).error();
  return id;
}

}  // namespace

AffinityKeys::AffinityKeys(std::vector<Key> ring, std::string node_id)
    : ring_(std::move(ring)), node_id_(std::move(node_id)) {}

Result<AffinityKeys> AffinityKeys::load_or_make(const std::string& state_dir, Random& random) {
  auto ring = load_or_make_ring(state_dir + std::string(kKeysFile), random);
  if (!ring) return std::move(ring).error();
  auto node_id = load_or_make_node_id(state_dir + std::string(kNodeFile), random);
  if (!node_id) return std::move(node_id).error();
  return AffinityKeys(*std::move(ring), *std::move(node_id));
}

std::string AffinityKeys::read_node_id(const std::string& state_dir) {
  const auto text = read_secret_file(state_dir + std::string(kNodeFile));
  if (!text || !*text) return {};
  const std::string id(trim(std::string_view(**text).substr(0, (*text)->find('\n'))));
  return is_node_id(id) ? id : std::string();
}

}  // namespace hubgate::proxy
