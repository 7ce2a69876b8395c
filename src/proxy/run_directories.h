#pragma once

#include <sys/types.h>

#include <string>

#include <hubgate/result.h>

#include "common/base/descriptor.h"
#include "common/control/keeper_messages.h"

namespace hubgate::proxy {

/// Makes a directory and those above it. Error kSystem, with the path and a remedy.
Result<void> make_directory(const std::string& path, mode_t mode);

/// Locks `directory`/lock for one gateway, whose supervisor's pid is written into it. Error kUnavailable names the pid
/// that holds it; kSystem.
Result<Descriptor> lock_directory(const std::string& directory, pid_t supervisor);

/// What a user and its groups are called by the system. Errors: kNotFound; kRefused when we are neither root nor that
/// user.
struct UserIdentity {
  control::DropTo drop;
  bool is_ours = false;  // we are that user already: nothing to drop
};
Result<UserIdentity> find_user(const std::string& name);
/// Error kNotFound.
Result<gid_t> find_group(const std::string& name);
/// Drops this process's privileges for good. Error kSystem.
Result<void> drop_privileges(const control::DropTo& drop);

}  // namespace hubgate::proxy
