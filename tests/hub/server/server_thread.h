#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <hubgate/hub_server.h>

namespace hubgate::test {

/// A HubServer that runs in a thread of its own, on a free port, until it is destroyed.
class ServerThread {
 public:
  explicit ServerThread(HubServerOptions options = {}) : server_(with_defaults(std::move(options))) {}
  ~ServerThread() { stop(); }

  HubServer& server() { return server_; }
  /// Runs; returns when clients can connect, or run() has returned.
  void start() {
    start_supervised();
    address_text_ = address_.get_future().get();
  }
  /// Runs, and does not wait: the gateway says when clients come.
  void start_supervised() {
    auto exit_code = std::make_shared<std::promise<int>>();
    exit_code_ = exit_code->get_future();
    thread_ = std::thread([this, exit_code] {
      exit_code->set_value(server_.run());
      if (!listening_) address_.set_value("");
    });
  }
  /// Empty when the server could not be started, or is supervised.
  const std::string& address() const { return address_text_; }
  /// Asks it to stop, and waits; its exit code.
  int stop() {
    if (!thread_.joinable()) return -1;
    server_.stop();
    return join();
  }
  /// Waits at most so long for its end.
  bool ends_within(std::chrono::milliseconds limit) { return exit_code_.wait_for(limit) == std::future_status::ready; }
  /// Waits for it to end by itself.
  int join() {
    thread_.join();
    return exit_code_.get();
  }

 private:
  HubServerOptions with_defaults(HubServerOptions options) {
    if (options.listen == HubServerOptions().listen) options.listen = "127.0.0.1:0";
    options.log_level = "warn";
    options.handle_signals = false;
    options.drain_time = std::chrono::milliseconds(200);
    options.on_listening = [this](const std::string& address) {
      listening_ = true;
      address_.set_value(address);
    };
    return options;
  }
  std::promise<std::string> address_;
  bool listening_ = false;  // the server's thread
  std::string address_text_;
  std::future<int> exit_code_;
  HubServer server_;
  std::thread thread_;
};

}  // namespace hubgate::test
