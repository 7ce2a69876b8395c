#include <algorithm>

#include "tests/proxy/supervisor/gateway_script.h"

using namespace hubgate;
using test::GatewayScript;
using test::word;
using namespace std::chrono_literals;

TEST_CASE("a child gets its own group, an empty stdin, its links and no other descriptor", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  gateway.say(
      "spawn main 1 1 /bin/sh|-c|open=; for n in 0 1 2 3 4 5 6 7 8 9 10 20 30; do "
      "if [ -e /proc/$$/fd/$n ]; then open=\"$open $n\"; fi; done; echo fds$open; echo links $HUBGATE_LINKS; "
      "echo env $SCRIPTED; echo stdin $(readlink /proc/$$/fd/0); read -r a b c d group rest < /proc/$$/stat; "
      "echo group $group $$; exec sleep 100");
  const std::string spawned = gateway.wait_for("spawned main 1 ");
  CHECK(word(spawned, 4) == 5);  // control, handover, stdout, stderr, pidfd
  CHECK(gateway.wait_for("out fds") == "out fds 0 1 2 3 4");
  CHECK(gateway.wait_for("out links") == "out links control=3,handover=4");
  CHECK(gateway.wait_for("out env") == "out env yes");
  CHECK(gateway.wait_for("out stdin") == "out stdin /dev/null");
  const std::string group = gateway.wait_for("out group");
  CHECK(word(group, 2) == word(group, 3));
  CHECK(word(group, 3) == word(spawned, 3));
}

TEST_CASE("a program that cannot be run is reported with the step and the reason", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  gateway.say("spawn main 1 1 /nowhere/program");
  CHECK(gateway.wait_for("failed") == "failed main 1 exec No such file or directory");
  gateway.say("spawn main 2 0 /bin/sleep|100");
  CHECK(word(gateway.wait_for("spawned main 2"), 4) == 3);  // another program has no links
  gateway.say("spawn main 2 0 /bin/sleep|100");
  CHECK(gateway.wait_for("failed") == "failed main 2 slot File exists");
}

TEST_CASE("the end of a child is told with its status, and signals reach it", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  gateway.say("spawn main 1 1 /bin/sh|-c|exit 3");
  CHECK(gateway.wait_for("exited main 1") == "exited main 1 " + std::to_string(3 << 8));
  gateway.say("spawn main 2 1 /bin/sleep|100");
  gateway.wait_for("spawned");
  gateway.say("signal main 2 9");
  CHECK(gateway.wait_for("exited main 2") == "exited main 2 9");
}

TEST_CASE("a killed proxy comes back and is given everything but locks, and no child notices", "[supervisor]") {
  GatewayScript gateway;
  const pid_t first = gateway.next_proxy();
  CHECK(gateway.read_until("inventory end") == std::vector<std::string>{"hello 1", "inventory end"});
  gateway.say("ready");
  gateway.say("keep config the-text");
  gateway.say("keep lock:/run x");
  gateway.say("keep listener:public one");
  gateway.say("keep listener:public two");
  gateway.say("keep gone x");
  gateway.say("forget gone");
  CHECK(gateway.wait_for("forgotten") == "forgotten gone");
  gateway.say("spawn main 7 1 /bin/sleep|100");
  const pid_t child = word(gateway.wait_for("spawned"), 3);
  ::kill(first, SIGKILL);

  const pid_t second = gateway.next_proxy();
  CHECK(second != first);
  CHECK(gateway.read_until("inventory end") ==
        std::vector<std::string>{"hello 1", "kept config the-text", "kept listener:public two",
                                 "slot main 7 " + std::to_string(child), "inventory end"});
  CHECK(GatewayScript::is_alive(child));
}

TEST_CASE("what a dying proxy still kept counts", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  gateway.say("keep config late\nexit 0");
  gateway.next_proxy();
  const auto inventory = gateway.read_until("inventory end");
  CHECK(std::find(inventory.begin(), inventory.end(), "kept config late") != inventory.end());
}

TEST_CASE("a proxy that ends before it was ever ready ends the gateway with its own code", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("exit 78");
  CHECK(gateway.wait_for_end() == 78);
}

TEST_CASE("a proxy that keeps dying is started with growing waits", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  std::vector<std::chrono::milliseconds> waits;
  for (int i = 0; i < 4; ++i) {
    const auto before = GatewayScript::Clock::now();
    gateway.say("exit 1");
    gateway.begin();
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(GatewayScript::Clock::now() - before));
    gateway.say("ready");
  }
  CHECK(waits[1] >= 100ms);
  CHECK(waits[2] >= 200ms);
  CHECK(waits[3] >= 400ms);
}

TEST_CASE("signals of operators reach the proxy as messages", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  gateway.say("spawn main 1 0 /bin/true");
  gateway.wait_for("exited");  // so that the supervisor has read "ready"
  ::kill(gateway.supervisor(), SIGHUP);
  CHECK(gateway.wait_for("re") == "reload");
  ::kill(gateway.supervisor(), SIGUSR1);
  CHECK(gateway.wait_for("re") == "reopen");
  ::kill(gateway.supervisor(), SIGTERM);
  CHECK(gateway.wait_for("stop") == "stop");
  gateway.say("exit 0");
  CHECK(gateway.wait_for_end() == 0);
  CHECK_FALSE(gateway.has_next_proxy(0));
}

TEST_CASE("a stop that the proxy does not finish ends the children all the same, by force in the end", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  gateway.say("spawn main 1 1 /bin/sleep|100");
  const pid_t gentle = word(gateway.wait_for("spawned"), 3);
  gateway.say("spawn main 2 1 /bin/sh|-c|trap '' TERM; echo deaf; while :; do sleep 1; done");
  const pid_t deaf = word(gateway.wait_for("spawned"), 3);
  gateway.wait_for("out deaf");
  ::kill(gateway.supervisor(), SIGTERM);
  gateway.wait_for("stop");
  SECTION("it dies") { gateway.say("exit 1"); }
  SECTION("a second TERM comes") { ::kill(gateway.supervisor(), SIGTERM); }
  CHECK(gateway.wait_for_end() == 0);
  CHECK_FALSE(GatewayScript::is_alive(gentle));
  CHECK_FALSE(GatewayScript::is_alive(deaf));
}

TEST_CASE("a stop before the proxy is ready ends everything at once", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  ::kill(gateway.supervisor(), SIGTERM);
  CHECK(gateway.wait_for_end() == 0);
}

TEST_CASE("the supervisor's death reaches children as TERM and the proxy as the end of its link", "[supervisor]") {
  GatewayScript gateway;
  gateway.begin();
  gateway.say("ready");
  gateway.say("spawn main 1 1 /bin/sh|-c|trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done");
  const pid_t child = word(gateway.wait_for("spawned"), 3);
  gateway.wait_for("out up");
  ::kill(gateway.supervisor(), SIGKILL);
  CHECK(gateway.wait_for("supervisor gone") == "supervisor gone");
  CHECK(gateway.wait_for_end() == -1);
  GatewayScript::wait_until_gone(child);
}
