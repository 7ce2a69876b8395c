// A gateway whose proxy does what a test says: `scripted_gateway supervise SOCKET` is the supervisor, which starts
// `scripted_gateway proxy SOCKET`. The proxy connects to the test's socket, writes a line for everything that the
// supervisor tells it and obeys each line that it reads:
//   keep NAME TEXT · forget NAME · spawn POOL GENERATION LINKS ARG|ARG… · signal POOL GENERATION N · ready · exit N
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "common/control/keeper_messages.h"
#include "common/control/links.h"
#include "common/control/packet_link.h"
#include "common/event/fd_watcher.h"
#include "common/event/loop.h"
#include "proxy/supervisor/supervisor.h"

using namespace hubgate;

namespace {

std::string name_of(const control::SlotId& id) { return id.pool + ' ' + std::to_string(id.generation); }

std::string text_of(int fd) {
  char buffer[256];
  const ssize_t got = ::pread(fd, buffer, sizeof buffer, 0);
  return {buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
}

class ScriptedProxy final : control::PacketLink::Handler {
 public:
  ScriptedProxy(event::Loop& loop, Descriptor keeper, Descriptor test)
      : loop_(loop),
        test_(std::move(test)),
        link_(loop, std::move(keeper), *this),
        readable_(loop, test_.get(), event::FdWatcher::Direction::kRead, [this] { on_readable(); }) {
    say("proxy " + std::to_string(::getpid()));
    link_.send(encode(control::Hello{.epoch = 1}));
    readable_.start();
  }

 private:
  // The pipe of one child's stdout.
  struct Output {
    Descriptor pipe;
    std::unique_ptr<event::FdWatcher> readable;
  };

  void say(const std::string& line) {
    const std::string whole = line + '\n';
    if (::write(test_.get(), whole.data(), whole.size()) < 0) ::_exit(9);
  }

  void on_packet(Bytes bytes, Descriptor descriptor, bool) override {
    const auto message = control::decode_keeper_to_proxy(bytes);
    if (!message) ::_exit(8);
    std::visit([&](const auto& one) { tell(one, std::move(descriptor)); }, *message);
  }
  void tell(const control::Hello& hello, Descriptor) { say("hello " + std::to_string(hello.epoch)); }
  void tell(const control::Kept& kept, Descriptor file) { say("kept " + kept.name + ' ' + text_of(file.get())); }
  void tell(const control::Slot& slot, Descriptor) { say("slot " + name_of(slot.id) + ' ' + std::to_string(slot.pid)); }
  void tell(const control::SlotFd& slot_fd, Descriptor descriptor) {
    if (slot_fd.role != control::SlotRole::kStdout) return held_.push_back(std::move(descriptor));
    outputs_.push_back(std::make_unique<Output>());
    Output& output = *outputs_.back();
    output.pipe = std::move(descriptor);
    output.readable = std::make_unique<event::FdWatcher>(loop_, output.pipe.get(), event::FdWatcher::Direction::kRead,
                                                         [this, &output] { on_output(output); });
    output.readable->start();
  }
  void on_output(Output& output) {
    char buffer[4096];
    const ssize_t got = ::read(output.pipe.get(), buffer, sizeof buffer);
    if (got <= 0) return output.readable->stop();
    std::istringstream lines(std::string(buffer, static_cast<std::size_t>(got)));
    for (std::string line; std::getline(lines, line);) say("out " + line);
  }
  void tell(const control::InventoryEnd&, Descriptor) { say("inventory end"); }
  void tell(const control::Spawned& spawned, Descriptor) {
    say("spawned " + name_of(spawned.id) + ' ' + std::to_string(spawned.pid) + ' ' +
        std::to_string(spawned.descriptors));
  }
  void tell(const control::SpawnFailed& failed, Descriptor) {
    say("failed " + name_of(failed.id) + ' ' + failed.step + ' ' + std::strerror(failed.error));
  }
  void tell(const control::Exited& exited, Descriptor) {
    say("exited " + name_of(exited.id) + ' ' + std::to_string(exited.status));
  }
  void tell(const control::Forgotten& forgotten, Descriptor) { say("forgotten " + forgotten.name); }
  void tell(const control::Reload&, Descriptor) { say("reload"); }
  void tell(const control::ReopenLogs&, Descriptor) { say("reopen"); }
  void tell(const control::Stop&, Descriptor) { say("stop"); }
  void tell(const control::KeeperPing&, Descriptor) { link_.send(encode(control::KeeperPong{})); }
  void on_link_closed(std::string_view) override {
    say("supervisor gone");
    loop_.stop();
  }

  void on_readable() {
    char buffer[4096];
    const ssize_t got = ::read(test_.get(), buffer, sizeof buffer);
    if (got <= 0) return loop_.stop();
    input_.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = input_.find('\n')) != std::string::npos; input_.erase(0, end + 1)) {
      obey(input_.substr(0, end));
    }
  }
  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::string name;
    words >> verb;
    if (verb == "keep") {
      std::string text;
      words >> name >> text;
      const Descriptor file(::memfd_create("kept", MFD_CLOEXEC));
      if (::write(file.get(), text.data(), text.size()) < 0) ::_exit(7);
      link_.send(encode(control::Keep{name}), file.get());
    } else if (verb == "forget") {
      words >> name;
      link_.send(encode(control::Forget{name}));
    } else if (verb == "spawn") {
      control::Spawn spawn;
      words >> spawn.id.pool >> spawn.id.generation >> spawn.limits.links >> std::ws;
      for (std::string word; std::getline(words, word, '|');) spawn.argv.push_back(word);
      spawn.env = {"SCRIPTED=yes"};
      link_.send(encode(spawn));
    } else if (verb == "signal") {
      control::Signal signal;
      words >> signal.id.pool >> signal.id.generation >> signal.signal;
      link_.send(encode(signal));
    } else if (verb == "ready") {
      link_.send(encode(control::ProxyReady{}));
    } else if (verb == "exit") {
      int code = 0;
      words >> code;
      ::_exit(code);
    }
  }

  event::Loop& loop_;
  Descriptor test_;
  control::PacketLink link_;
  event::FdWatcher readable_;
  std::vector<std::unique_ptr<Output>> outputs_;
  std::vector<Descriptor> held_;
  std::string input_;
};

int run_proxy(const char* path) {
  auto links = control::take_links_from_environment();
  if (!links || !links->contains("keeper")) return 6;
  Descriptor test(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (::connect(test.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 5;
  ::signal(SIGPIPE, SIG_IGN);
  event::Loop loop;
  const ScriptedProxy proxy(loop, std::move(links->find("keeper")->second), std::move(test));
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  if (std::string(argv[1]) == "proxy") return run_proxy(argv[2]);
  event::Loop loop;
  Log log(descriptor_sink(), LogLevel::kOff);
  supervisor::Supervisor::Settings settings;
  settings.proxy_command = {argv[0], "proxy", argv[2]};
  return supervisor::Supervisor(loop, log, std::move(settings)).run();
}
