#include "proxy/supervisor/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

namespace hubgate::supervisor {
namespace {

constexpr int kPipeSize = 1024 * 1024;  // bytes; asked for
constexpr int kFirstLink = 3;

// Names of the steps; the child sends the index of the one that failed.
enum Step : int { kSession, kParent, kStdin, kOutput, kLinks, kLimits, kDirectory, kExec };
constexpr const char* kStepNames[] = {"setpgid", "parent", "stdin", "output", "links", "limits", "cwd", "exec"};

struct Failure {
  int step;
  int error;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};
bool make_pipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read.reset(ends[0]);
  pipe.write.reset(ends[1]);
  return true;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment(const ChildSpec& spec) {
  std::vector<std::string> all = spec.env;
  std::string links;
  int number = kFirstLink;
  for (const auto& [name, fd] : spec.links) {
    links += (links.empty() ? "" : ",") + name + '=' + std::to_string(number++);
  }
  if (!links.empty()) all.push_back("HUBGATE_LINKS=" + links);
  const auto is_set = [&](std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('='));
    if (name == "HUBGATE_LINKS") return true;  // ours names other descriptors
    for (const std::string& one : all) {
      if (std::string_view(one).substr(0, one.find('=')) == name) return true;
    }
    return false;
  };
  std::vector<std::string> inherited;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!is_set(*entry)) inherited.emplace_back(*entry);
  }
  all.insert(all.end(), inherited.begin(), inherited.end());
  return all;
}

// What the child needs, made before the fork: after it nothing is allocated.
struct Prepared {
  char* const* argv;
  char* const* env;
  const char* cwd;
  const int* links;
  int link_count;
  int output;  // -1: ours
  int errors;
  int status;  // where a failure is told
  std::uint64_t open_files;
  bool dies_with_us;
  pid_t parent;
};

int above_links(int fd, int link_count) { return ::fcntl(fd, F_DUPFD_CLOEXEC, kFirstLink + link_count + 1); }

bool set_up(const Prepared& child, int status, int& step) {
  step = kSession;
  if (::setpgid(0, 0) != 0) return false;
  step = kParent;
  if (child.dies_with_us) {
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return false;
    if (::getppid() != child.parent) ::_exit(0);  // it died before we asked
  }
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  // Everything is first moved above the numbers that it may have to go to.
  step = kLinks;
  constexpr int kMaxLinks = 8;
  int links[kMaxLinks];
  if (child.link_count > kMaxLinks) return false;
  for (int i = 0; i < child.link_count; ++i) {
    links[i] = above_links(child.links[i], child.link_count);
    if (links[i] < 0) return false;
  }
  step = kOutput;
  if (child.output >= 0) {
    const int output = above_links(child.output, child.link_count);
    const int errors = above_links(child.errors, child.link_count);
    if (output < 0 || errors < 0 || ::dup2(output, 1) < 0 || ::dup2(errors, 2) < 0) return false;
  }
  step = kStdin;
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || (null != 0 && ::dup2(null, 0) < 0) || ::fcntl(0, F_SETFD, 0) < 0) return false;
  step = kLinks;
  for (int i = 0; i < child.link_count; ++i) {
    if (::dup2(links[i], kFirstLink + i) < 0) return false;
  }
  const int first_free = kFirstLink + child.link_count;
  if (::dup3(status, first_free, O_CLOEXEC) < 0) return false;
  if (::syscall(SYS_close_range, first_free + 1, ~0U, 0) != 0) return false;

  step = kLimits;
  if (child.open_files != 0) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    limit.rlim_cur = child.open_files;
    if (limit.rlim_max < limit.rlim_cur) limit.rlim_max = limit.rlim_cur;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  }
  step = kDirectory;
  return child.cwd == nullptr || ::chdir(child.cwd) == 0;
}

[[noreturn]] void run_child(const Prepared& child) {
  // The status pipe moves out of the way of the links first; then its place is right behind them.
  const int status = above_links(child.status, child.link_count);
  int step = kSession;
  if (status >= 0 && set_up(child, status, step)) {
    step = kExec;
    ::execvpe(child.argv[0], child.argv, child.env);
  }
  const Failure failure{step, errno};
  const int where = step == kExec || step == kLimits || step == kDirectory ? kFirstLink + child.link_count : status;
  if (::write(where >= 0 ? where : child.status, &failure, sizeof failure) < 0) ::_exit(126);
  ::_exit(127);
}

}  // namespace

std::variant<Child, SpawnError> spawn_child(const ChildSpec& spec) {
  if (spec.argv.empty()) return SpawnError{"argv", EINVAL};
  std::vector<std::string> argv_texts = spec.argv;
  std::vector<std::string> env_texts = environment(spec);
  const std::vector<char*> argv = pointers(argv_texts);
  const std::vector<char*> env = pointers(env_texts);
  std::vector<int> links;
  for (const auto& [name, fd] : spec.links) links.push_back(fd);

  Pipe status;
  Pipe output;
  Pipe errors;
  if (!make_pipe(status)) return SpawnError{"pipe", errno};
  if (spec.pipes) {
    if (!make_pipe(output) || !make_pipe(errors)) return SpawnError{"pipe", errno};
    // The kernel may give less to a user with many pipes; then less is buffered while no proxy reads.
    ::fcntl(output.read.get(), F_SETPIPE_SZ, kPipeSize);
    ::fcntl(errors.read.get(), F_SETPIPE_SZ, kPipeSize);
  }
  const Prepared prepared{argv.data(),
                          env.data(),
                          spec.cwd.empty() ? nullptr : spec.cwd.c_str(),
                          links.data(),
                          static_cast<int>(links.size()),
                          output.write.get(),
                          errors.write.get(),
                          status.write.get(),
                          spec.open_files,
                          spec.dies_with_us,
                          ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return SpawnError{"fork", errno};
  if (pid == 0) run_child(prepared);

  Child child;
  child.pid = pid;
  child.output = std::move(output.read);
  child.errors = std::move(errors.read);
  status.write.reset();
  Failure failure{};
  ssize_t got = 0;
  do {
    got = ::read(status.read.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure)) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return SpawnError{kStepNames[failure.step], failure.error};
  }
  child.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.pidfd.is_open()) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return SpawnError{"pidfd", error};
  }
  return child;
}

}  // namespace hubgate::supervisor
