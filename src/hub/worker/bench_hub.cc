#include "hub/worker/bench_hub.h"

#include <utility>

namespace hubgate::worker {

namespace {
std::vector<Value> only(Value value) {
  std::vector<Value> arguments;
  arguments.push_back(std::move(value));
  return arguments;
}
}  // namespace

void BenchHub::map(HubMethods<BenchHub>& methods) {
  methods.on("Echo", &BenchHub::echo)
      .on("Broadcast", &BenchHub::broadcast)
      .on("JoinGroup", &BenchHub::join_group)
      .on("LeaveGroup", &BenchHub::leave_group)
      .on("SendToGroup", &BenchHub::send_to_group);
}

void BenchHub::broadcast(Value value) { clients().all().send_values("msg", only(std::move(value))); }

void BenchHub::join_group(const std::string& group) { groups().add(context().connection_id(), group); }

Task<> BenchHub::leave_group(std::string group) { co_await groups().remove(context().connection_id(), group); }

void BenchHub::send_to_group(const std::string& group, Value value) {
  clients().group(group).send_values("msg", only(std::move(value)));
}

}  // namespace hubgate::worker
