#include <cstdio>
#include <string>

#include "tests/support/socket_client.h"

// package_client ADDRESS: speaks with examples/embedded_hub; exit 0 when it says what it should.

namespace {

bool expect(const std::string& got, const std::string& wanted) {
  if (got.starts_with(wanted)) return true;
  std::fprintf(stderr, "package_client: wanted %s, got %s\n", wanted.c_str(), got.c_str());
  return false;
}

/// The next record that is no tick.
std::string answer(hubgate::test::SocketClient& client, bool& ticked) {
  for (;;) {
    std::string record = client.receive();
    if (record.find("\"Tick\"") == record.npos) return record;
    ticked = true;
  }
}

}  // namespace

int main(int argc, char** argv) {
  auto client = hubgate::test::SocketClient::connect_to(argc > 1 ? argv[1] : "");
  if (!client.is_connected() || !client.open("/weather")) {
    std::fputs("package_client: no connection\n", stderr);
    return 1;
  }
  bool ticked = false;
  client.send(R"({"type":1,"invocationId":"1","target":"Look","arguments":["Oslo"]})");
  if (!expect(answer(client, ticked), R"({"type":3,"invocationId":"1","error":"An unexpected error occurred invoking )"
                                      R"('Look' on the server. HubException: Nobody has reported from Oslo."})")) {
    return 1;
  }
  client.send(R"({"type":1,"invocationId":"2","target":"Watch","arguments":["Oslo"]})");
  if (!expect(answer(client, ticked), R"({"type":3,"invocationId":"2","result":null})")) return 1;
  client.send(R"({"type":1,"invocationId":"3","target":"Report","arguments":[{"city":"Oslo","degrees":-3.5}]})");
  if (!expect(answer(client, ticked),
              R"({"type":1,"target":"Changed","arguments":[{"city":"Oslo","degrees":-3.5}]})")) {
    return 1;
  }
  if (!expect(answer(client, ticked), R"({"type":3,"invocationId":"3","result":null})")) return 1;
  while (!ticked) {
    const std::string record = client.receive();
    if (record.empty()) return 1;
    ticked = record.find("\"Tick\"") != record.npos;
  }
  return 0;
}
