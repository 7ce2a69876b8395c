// A program of somebody's own beside hubgate-worker: a hub of another class at another path, which shares the demo's
// ChatHub's name on the backplane, and a thread outside of any hub that sends through a HubContext.

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <hubgate/hub.h>
#include <hubgate/hub_server.h>

namespace {

class TimerHub final : public hubgate::Hub {
 public:
  explicit TimerHub(const hubgate::HubServer& server) : server_(server) {}
  static void map(hubgate::HubMethods<TimerHub>& methods) {
    methods.on("Send", &TimerHub::send)
        .on("SendToUser", &TimerHub::send_to_user)
        .on("Join", &TimerHub::join)
        .on("SendToGroup", &TimerHub::send_to_group)
        .on("WhoAmI", &TimerHub::who_am_i);
  }

  void send(const std::string& text) { clients().all().send("Receive", user(), text); }
  void send_to_user(const std::string& to, const std::string& text) {
    clients().user(to).send("Receive", user(), text);
  }
  hubgate::Task<> join(std::string group) { co_await groups().add(context().connection_id(), group); }
  void send_to_group(const std::string& group, const std::string& text) {
    clients().group(group).send("Receive", user(), text);
  }
  hubgate::Value who_am_i() { return hubgate::Value::map({{"worker", server_.identity().worker}}); }

 private:
  const std::string& user() const { return context().user_identifier(); }
  const hubgate::HubServer& server_;
};

/// Tick(process id, 1), Tick(process id, 2), … at all clients of the hub's name, until it ends.
class Ticker {
 public:
  explicit Ticker(hubgate::HubContext context) : thread_([this, context] { run(context); }) {}
  ~Ticker() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void run(const hubgate::HubContext& context) {
    std::unique_lock lock(mutex_);
    for (int n = 1; !changed_.wait_for(lock, std::chrono::milliseconds(50), [this] { return stopped_; }); ++n) {
      context.clients().all().send("Tick", static_cast<int>(::getpid()), n);
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace

int main() {
  hubgate::HubServerOptions options;
  options.user_id = [](const hubgate::HttpFacts& facts) { return facts.query_value("user").value_or(""); };
  hubgate::HubServer server(options);
  server.map<TimerHub>("/timer", {.backplane_name = "Demo.ChatHub"},
                       [&] { return std::make_unique<TimerHub>(server); });
  const Ticker ticker(server.context<TimerHub>());
  return server.run();
}
