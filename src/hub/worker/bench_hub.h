#pragma once

#include <string>

#include <hubgate/hub.h>

namespace hubgate::worker {

/// What measurements and load tests speak with: values go back to the caller, or as client method msg(x) to all or to a
/// group.
class BenchHub final : public Hub {
 public:
  static void map(HubMethods<BenchHub>& methods);

  Value echo(Value value) { return value; }
  void broadcast(Value value);
  void join_group(const std::string& group);
  Task<> leave_group(std::string group);
  void send_to_group(const std::string& group, Value value);
};

}  // namespace hubgate::worker
