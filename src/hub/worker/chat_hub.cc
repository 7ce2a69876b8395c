#include "hub/worker/chat_hub.h"

#include <unistd.h>

namespace hubgate::worker {

void ChatHub::map(HubMethods<ChatHub>& methods) {
  methods.on("Send", &ChatHub::send)
      .on("Join", &ChatHub::join)
      .on("Leave", &ChatHub::leave)
      .on("SendToGroup", &ChatHub::send_to_group)
      .on("WhoAmI", &ChatHub::who_am_i);
}

void ChatHub::send(const std::string& text) { clients().all().send("Receive", sender(), text); }

void ChatHub::join(const std::string& group) { groups().add(context().connection_id(), group); }

Task<> ChatHub::leave(std::string group) { co_await groups().remove(context().connection_id(), group); }

void ChatHub::send_to_group(const std::string& group, const std::string& text) {
  clients().group(group).send("Receive", sender(), text);
}

Value ChatHub::who_am_i() {
  const HubServer::Identity& identity = server_.identity();
  return Value::map({{"worker", identity.worker},
                     {"pid", static_cast<std::int64_t>(::getpid())},
                     {"endpoint", identity.endpoint},
                     {"generation", identity.generation}});
}

const std::string& ChatHub::sender() const {
  const std::string& user = context().user_identifier();
  return user.empty() ? context().connection_id() : user;
}

}  // namespace hubgate::worker
