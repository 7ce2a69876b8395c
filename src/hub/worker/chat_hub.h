#pragma once

#include <string>

#include <hubgate/hub.h>
#include <hubgate/hub_server.h>

namespace hubgate::worker {

/// The demo's hub: lines for everybody and for groups, each sent as client method Receive(from, text). `from` is the
/// sender's user id, else its connection id.
class ChatHub final : public Hub {
 public:
  explicit ChatHub(const HubServer& server) : server_(server) {}
  static void map(HubMethods<ChatHub>& methods);

  void send(const std::string& text);
  void join(const std::string& group);
  Task<> leave(std::string group);
  void send_to_group(const std::string& group, const std::string& text);
  /// Which process serves the caller: {"worker": "main/0", "pid": …, "endpoint": …, "generation": …}.
  Value who_am_i();

 private:
  const std::string& sender() const;
  const HubServer& server_;
};

}  // namespace hubgate::worker
