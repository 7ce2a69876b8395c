#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace hubgate::test {

/// Open descriptors of a process; 0 when there is none.
std::size_t descriptors_of(pid_t pid);
/// Of several, added up, once nothing comes or goes any more: what has just ended is a connection that a process may
/// not have closed yet. Fails the test when they do not settle.
std::size_t settled_descriptors_of(const std::vector<pid_t>& pids);
/// Memory that is the process's own (RssAnon), in KiB; -1 when there is none.
long anonymous_memory_of(pid_t pid);

}  // namespace hubgate::test
