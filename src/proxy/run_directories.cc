#include "proxy/run_directories.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

namespace hubgate::proxy {
namespace {

Error system_error(const std::string& what) {
  return make_error(ErrorCode::kSystem, what + ": " + std::strerror(errno));
}

// The pid in a lock file that someone else holds; "another process" when it cannot be read.
std::string holder_of(int lock) {
  char text[32];
  const ssize_t got = ::pread(lock, text, sizeof text, 0);
  std::string pid(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  pid.erase(std::find_if(pid.begin(), pid.end(), [](unsigned char c) { return std::isdigit(c) == 0; }), pid.end());
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Result<void> make_directory(const std::string& path, mode_t mode) {
  std::error_code error;
  const std::filesystem::path whole(path);
  if (whole.has_parent_path()) std::filesystem::create_directories(whole.parent_path(), error);
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return make_error(ErrorCode::kSystem, path + ": cannot be made: " + std::strerror(errno) +
                                              " (make it and give it to the gateway's user, or name another)");
  }
  if (!std::filesystem::is_directory(whole, error)) return make_error(ErrorCode::kSystem, path + ": is no directory");
  return {};
}

Result<Descriptor> lock_directory(const std::string& directory, pid_t supervisor) {
  const std::string path = directory + "/lock";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.is_open()) return system_error(path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error(path);
    return make_error(ErrorCode::kUnavailable, directory + ": in use by the gateway of " + holder_of(lock.get()) +
                                                   " (stop it, or name another directory)");
  }
  const std::string pid = std::to_string(supervisor) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) return system_error(path);
  return lock;
}

Result<UserIdentity> find_user(const std::string& name) {
  errno = 0;
  const passwd* user = ::getpwnam(name.c_str());
  if (user == nullptr) return make_error(ErrorCode::kNotFound, "there is no user \"" + name + "\"");
  UserIdentity identity;
  identity.drop.uid = user->pw_uid;
  identity.drop.gid = user->pw_gid;
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(name.c_str(), user->pw_gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  identity.drop.groups.assign(groups.begin(), groups.end());
  identity.is_ours = ::geteuid() == identity.drop.uid;
  if (!identity.is_ours && ::geteuid() != 0) {
    return make_error(ErrorCode::kRefused, "only root can become \"" + name + "\"");
  }
  return identity;
}

Result<gid_t> find_group(const std::string& name) {
  const group* found = ::getgrnam(name.c_str());
  if (found == nullptr) return make_error(ErrorCode::kNotFound, "there is no group \"" + name + "\"");
  return found->gr_gid;
}

Result<void> drop_privileges(const control::DropTo& drop) {
  const std::vector<gid_t> groups(drop.groups.begin(), drop.groups.end());
  if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(drop.gid, drop.gid, drop.gid) != 0 ||
      ::setresuid(drop.uid, drop.uid, drop.uid) != 0) {
    return system_error("cannot drop privileges");
  }
  return {};
}

}  // namespace hubgate::proxy
