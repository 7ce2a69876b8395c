#include "proxy/admin/admin_server.h"

#include <sys/stat.h>

#include <algorithm>

#include "common/base/ascii.h"
#include "common/http/uri.h"
#include "common/http_server/server_connection.h"

namespace hubgate::proxy {
namespace {

constexpr std::size_t kMostSessions = 256;  // connections of operators and probes; more are closed at once
constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kMetrics = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kJson = "application/json";

// The name or address of a Host field, without port and brackets.
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
  const std::string_view name = host_name(host);
  return std::any_of(allowed.begin(), allowed.end(), [name](const std::string& one) {
    return equals_ignoring_case(name, one.starts_with('[') ? host_name(one) : std::string_view(one));
  });
}

bool is_verb(std::string_view path) {
  static constexpr std::string_view kVerbs[] = {"/reload", "/diff", "/restart", "/rebalance", "/drain", "/undrain"};
  return std::find(std::begin(kVerbs), std::end(kVerbs), path) != std::end(kVerbs);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

struct AdminServer::Door {
  net::Listener listener;
  bool takes_verbs;
};

/// One connection of an operator, a probe or a collector.
class AdminServer::Session final : public event::Disposable, public http_server::ServerConnection::Handler {
 public:
  Session(AdminServer& server, Descriptor socket, bool takes_verbs)
      : server_(server),
        takes_verbs_(takes_verbs),
        connection_(
            std::make_unique<http_server::ServerConnection>(server.loop_, server.loop_, std::move(socket), *this)) {}

  void retire() override {
    if (connection_) connection_->retire();
  }

 private:
  std::shared_ptr<const http_server::ServerLimits> limits() override {
    static const auto kLimits = std::make_shared<const http_server::ServerLimits>();
    return kLimits;
  }

  void on_request(http::RequestHead& head) override {
    const std::string_view path = head.path();
    const bool is_probe = path == "/healthz" || path == "/readyz";
    if (!takes_verbs_ && !is_probe && !is_allowed_host(head.host(), server_.host_.snapshot().config.admin.hosts)) {
      return answer(421, kPlain, "this host is not in admin.hosts\n");
    }
    if (is_verb(path)) return answer_verb(head);
    if (head.method != "GET") return answer_method("GET");
    answer_get(path, head.query());
  }

  void on_closed(http_server::EndReason) override { server_.end(*this); }

  void answer_get(std::string_view path, std::string_view query) {
    AdminHost& host = server_.host_;
    if (path == "/healthz") return answer(200, kPlain, "ok\n");
    if (path == "/readyz") {
      const bool is_ready = host.is_ready();
      return answer(is_ready ? 200 : 503, kPlain, is_ready ? "ready\n" : "not ready\n");
    }
    if (path == "/metrics") {
      MetricsPage page;
      host.collect(page);
      return answer(200, kMetrics, page.text());
    }
    if (path == "/status") {
      if (http::query_value(query, "format") == "json") return answer(200, kJson, to_json(host.status()));
      return answer(200, kPlain, to_text(host.status()));
    }
    answer(404, kPlain, "there are /healthz /readyz /metrics /status\n");
  }

  void answer_verb(const http::RequestHead& head) {
    if (!takes_verbs_) return answer(403, kPlain, "verbs are taken on runtime_dir/admin.sock only\n");
    if (head.method != "POST") return answer_method("POST");
    const VerbAnswer done = do_verb(head.path(), head.query());
    answer(done.accepted ? 200 : 422, kPlain, joined(done.lines));
  }

  VerbAnswer do_verb(std::string_view verb, std::string_view query) {
    AdminHost& host = server_.host_;
    if (verb == "/reload") return host.reload();
    const bool names_pool = verb == "/restart" || verb == "/rebalance";
    const std::string_view key = verb == "/diff" ? "file" : names_pool ? "pool" : "endpoint";
    const auto subject = http::query_value(query, key);
    if (!subject || subject->empty()) return {false, {std::string(verb) + " needs ?" + std::string(key) + "=…"}};
    if (verb == "/diff") return host.diff(*subject);
    if (verb == "/restart") return host.restart(*subject);
    if (verb == "/rebalance") return host.rebalance(*subject);
    return host.drain(*subject, verb == "/drain");
  }

  void answer_method(std::string_view allowed) {
    http::ResponseHead head = head_of(405, kPlain);
    head.headers.add("Allow", allowed);
    connection_->respond(std::move(head), "only " + std::string(allowed) + "\n");
  }

  void answer(int status, std::string_view type, std::string_view body) {
    connection_->respond(head_of(status, type), body);
  }

  static http::ResponseHead head_of(int status, std::string_view type) {
    http::ResponseHead head;
    head.status = status;
    head.headers.add("Content-Type", type);
    head.headers.add("Cache-Control", "no-store");
    head.headers.add("X-Content-Type-Options", "nosniff");
    return head;
  }

  AdminServer& server_;
  bool takes_verbs_;
  std::unique_ptr<http_server::ServerConnection> connection_;
};

AdminServer::AdminServer(event::Loop& loop, Log& log, AdminHost& host) : loop_(loop), log_(log), host_(host) {}
AdminServer::~AdminServer() { close(); }

void AdminServer::listen(Descriptor socket) { open_door(std::move(socket), false); }
void AdminServer::listen_for_verbs(Descriptor socket) { open_door(std::move(socket), true); }

void AdminServer::open_door(Descriptor socket, bool takes_verbs) {
  const auto accepted = [this, takes_verbs](Descriptor client, const net::Address&) {
    if (sessions_.size() >= kMostSessions) {
      log_.warn("admin connection refused: too many", {{"limit", kMostSessions}});
      return;
    }
    auto session = std::make_unique<Session>(*this, std::move(client), takes_verbs);
    const Session* key = session.get();
    sessions_.emplace(key, std::move(session));
  };
  doors_.push_back(std::unique_ptr<Door>(new Door{{loop_, std::move(socket), accepted}, takes_verbs}));
}

void AdminServer::end(const Session& session) {
  const auto place = sessions_.find(&session);
  if (place == sessions_.end()) return;
  loop_.dispose(std::move(place->second));
  sessions_.erase(place);
}

void AdminServer::close() {
  doors_.clear();
  for (auto& [key, session] : sessions_) loop_.dispose(std::move(session));
  sessions_.clear();
}

const net::Address& AdminServer::address() const {
  static const net::Address kNone;
  for (const auto& door : doors_) {
    if (!door->takes_verbs) return door->listener.address();
  }
  return kNone;
}

std::string AdminServer::socket_path(const std::string& runtime_dir) { return runtime_dir + "/admin.sock"; }

Result<Descriptor> AdminServer::open_socket(const std::string& runtime_dir) {
  const auto address = net::Address::parse("unix:" + socket_path(runtime_dir));
  if (!address) return address.error();
  // The mode must hold from the first moment on: bind makes the file by the mask.
  const mode_t before = ::umask(0177);
  auto socket = net::open_listening_socket(*address);
  ::umask(before);
  return socket;
}

}  // namespace hubgate::proxy
