#include "tests/integration/gateway.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/planted.h"

namespace hubgate::test {
namespace {

constexpr int kPatience = 10'000;  // milliseconds

std::string programs() {
  const char* folder = std::getenv("HUBGATE_BINARY_DIR");
  REQUIRE(folder != nullptr);
  return std::string(folder) + "/bin/";
}

std::uint16_t port_in(const std::string& line, const std::string& before) {
  const std::size_t at = line.find(before);
  REQUIRE(at != std::string::npos);
  const std::size_t colon = line.find(':', at + before.size());
  REQUIRE(colon != std::string::npos);
  return static_cast<std::uint16_t>(std::stoi(line.substr(colon + 1)));
}

}  // namespace

void wait_for(const std::string& what, const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    INFO("waiting for: " << what);
    REQUIRE(std::chrono::steady_clock::now() < end);
    ::poll(nullptr, 0, 5);
  }
}

bool is_running(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text)) return false;
  const std::size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.substr(name_end + 2, 1) != "Z";
}

TcpClient::TcpClient(std::uint16_t port)
    : TcpClient(net::Address::parse("127.0.0.1:" + std::to_string(port)).value()) {}

TcpClient::TcpClient(const net::Address& address) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  // As browsers do; else a request waits for the acknowledgement of the one before.
  const int on = 1;
  if (address.is_ip()) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), address.get(), address.length()) == 0) socket_ = std::move(socket);
}

void TcpClient::send(const std::string& bytes) {
  const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  // A peer that is gone is found by reading.
  REQUIRE((sent == static_cast<ssize_t>(bytes.size()) || errno == EPIPE || errno == ECONNRESET));
}

std::string TcpClient::read(const std::function<std::size_t(const std::string&)>& done) {
  for (;;) {
    const std::size_t size = input_.empty() ? 0 : done(input_);
    if (size > 0) {
      std::string taken = input_.substr(0, size);
      input_.erase(0, size);
      return taken;
    }
    pollfd waiting{socket_.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, kPatience) == 1);
    char buffer[16 * 1024];
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return "";
    input_.append(buffer, static_cast<std::size_t>(got));
  }
}

HttpAnswer TcpClient::request(const std::string& method, const std::string& target, bool keep_alive) {
  send(method + ' ' + target + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(kPlantedFields) +
       (keep_alive ? "" : "Connection: close\r\n") + (method == "POST" ? "Content-Length: 0\r\n\r\n" : "\r\n"));
  HttpAnswer answer;
  answer.head = read([](const std::string& input) {
    const std::size_t end = input.find("\r\n\r\n");
    return end == std::string::npos ? 0 : end + 4;
  });
  if (answer.head.size() < 12) return answer;
  answer.status = std::stoi(answer.head.substr(9, 3));
  const std::size_t at = answer.head.find("Content-Length: ");
  const std::size_t length = at == std::string::npos ? 0 : std::stoul(answer.head.substr(at + 16));
  if (length > 0) answer.body = read([length](const std::string& input) { return input.size() < length ? 0 : length; });
  return answer;
}

bool TcpClient::has_ended() {
  char byte = 0;
  const ssize_t got = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN);
}

bool TcpClient::has_input() {
  char byte = 0;
  return !input_.empty() || ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void TcpClient::wait_for_end() {
  while (!read([](const std::string& input) { return input.size(); }).empty()) {
  }
}

std::string Gateway::usual_config() {
  return R"(runtime_dir = "run"
state_dir = "state"
stop_time = "2s"
[admin]
listen = "127.0.0.1:0"
[listener.public]
listen = "127.0.0.1:0"
[pool.main]
command = ["hubgate-worker"]
workers = 2
drain_time = "2s"
[[route]]
prefix = "/chat"
pool = "main"
[[route]]
prefix = "/bench"
pool = "main"
)";
}

Gateway::Gateway(Options options)
    : config_file_(options.config_file.empty() ? folder_ / "hubgate.toml" : options.config_file) {
  if (options.config_file.empty()) write_config(options.config.empty() ? usual_config() : options.config);
  std::vector<std::string> arguments = {"run", config_file()};
  for (const std::string& assignment : options.overrides) arguments.insert(arguments.end(), {"--set", assignment});
  supervisor_ = start(arguments, folder_ / "out", folder_ / "log");
  if (!options.wait_until_ready) return;
  wait_for(
      "the ready line",
      [this] {
        REQUIRE(is_running(supervisor_));
        return output().find('\n') != std::string::npos;
      },
      30s);
  const std::string line = output();
  port_ = port_in(line, "ready http:");
  admin_port_ = port_in(line, "admin=http:");
}

Gateway::~Gateway() {
  if (supervisor_ > 0) end();
  // What a sanitizer found in one of the gateway's processes.
  const std::string log = this->log();
  for (const char* finding : {"Sanitizer", "runtime error:", "Assertion"}) {
    const std::size_t at = log.find(finding);
    if (at != std::string::npos) UNSCOPED_INFO(log.substr(at, 4000));
    CHECK(at == std::string::npos);
  }
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
    const std::string name = file.path().filename().string();
    if (name != "out" && name != "log" && name != "command" && !name.starts_with("access")) continue;
    const std::optional<std::string> secret = secret_in(TemporaryFolder::read(file.path()));
    if (secret) UNSCOPED_INFO(name << " shows a secret: " << *secret);
    CHECK_FALSE(secret.has_value());
  }
}

void Gateway::end() {
  if (is_running(supervisor_) && admin_port_ != 0) {
    for (const char* page : {"/metrics", "/status", "/status?format=json"}) {
      CHECK(admin(page).body.find("planted-") == std::string::npos);
    }
  }
  // In order; whatever a failed test has left is ended too.
  const std::vector<pid_t> pids = all_pids();
  ::kill(supervisor_, SIGTERM);
  ::kill(supervisor_, SIGTERM);
  for (int i = 0; i < 1000 && ::waitpid(supervisor_, nullptr, WNOHANG) == 0; ++i) ::poll(nullptr, 0, 5);
  ::kill(supervisor_, SIGKILL);
  ::waitpid(supervisor_, nullptr, WNOHANG);
  for (const pid_t pid : pids) {
    if (is_running(pid)) ::kill(pid, SIGKILL);
  }
}

pid_t Gateway::start(const std::vector<std::string>& arguments, const std::string& out, const std::string& err) const {
  std::vector<std::string> all = {programs() + "hubgate"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& one : all) argv.push_back(one.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid > 0) return pid;
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 1);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

HttpAnswer Gateway::admin(const std::string& target) const {
  TcpClient client(admin_port_);
  return client.is_connected() ? client.request("GET", target, false) : HttpAnswer{};
}

nlohmann::json Gateway::status() const {
  const HttpAnswer answer = admin("/status?format=json");
  return answer.status == 200 ? nlohmann::json::parse(answer.body) : nlohmann::json();
}

nlohmann::json Gateway::endpoint(const std::string& name) const {
  nlohmann::json found = nlohmann::json::object();
  const nlohmann::json all = status();
  if (!all.is_object()) return found;
  for (const auto& pool : all["pools"]) {
    for (const auto& endpoint : pool["endpoints"]) {
      if (endpoint["name"] == name) found = endpoint;
    }
  }
  return found;
}

pid_t Gateway::pid_of(const std::string& role, const std::string& name) const {
  const nlohmann::json all = status();
  if (!all.is_object()) return 0;
  for (const auto& process : all["processes"]) {
    if (process["role"] == role && process["name"] == name) return process["pid"];
  }
  return 0;
}

std::vector<pid_t> Gateway::all_pids() const {
  std::vector<pid_t> pids;
  const nlohmann::json all = admin_port_ == 0 ? nlohmann::json() : status();
  if (!all.is_object()) return pids;
  for (const auto& process : all["processes"]) {
    if (process["pid"] != 0) pids.push_back(process["pid"]);
  }
  return pids;
}

bool Gateway::is_ready() const { return admin("/readyz").status == 200; }

void Gateway::wait_until_ready() {
  wait_for("readiness", [this] { return is_ready(); });
}

double Gateway::metric(const std::string& series) const {
  const std::string page = "\n" + admin("/metrics").body;
  const std::size_t at = page.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(page.substr(at + series.size() + 2));
}

pid_t Gateway::begin_command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = arguments;
  all.insert(all.end(), {"--socket", folder_ / "run/admin.sock"});
  return start(all, folder_ / "command", folder_ / "command");
}

int Gateway::command(const std::vector<std::string>& arguments) const {
  const pid_t pid = begin_command(arguments);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void Gateway::signal(int signal) const { ::kill(supervisor_, signal); }

int Gateway::wait_for_end(std::chrono::milliseconds limit) {
  int status = 0;
  wait_for("the supervisor's end", [&] { return ::waitpid(supervisor_, &status, WNOHANG) == supervisor_; }, limit);
  supervisor_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace hubgate::test
