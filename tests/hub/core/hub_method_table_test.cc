#include "hub/core/hub_method_table.h"

#include <stdexcept>
#include <string>

#include "tests/support/catch.h"

namespace hubgate::hub {
namespace {

class TwoMethods : public Hub {
 public:
  static void map(HubMethods<TwoMethods>& methods) {
    methods.on("Add", &TwoMethods::add).on("Greet", &TwoMethods::greet);
  }
  int add(int a, int b) { return a + b; }
  std::string greet(std::string_view name) const { return "hello " + std::string(name); }
};

HubMethodTable table_of(HubMethods<TwoMethods> methods) { return HubMethodTable(methods.take()); }

HubMethodTable two_methods() {
  HubMethods<TwoMethods> methods;
  TwoMethods::map(methods);
  return table_of(std::move(methods));
}

TEST_CASE("methods are found whatever the case of their letters, and keep the registered spelling", "[hub][methods]") {
  const HubMethodTable table = two_methods();
  for (const char* spelling : {"Add", "add", "ADD", "aDd"}) {
    const detail::NamedMethod* method = table.find(spelling);
    REQUIRE(method != nullptr);
    CHECK(method->name == "Add");
  }
  CHECK(table.find("Ad") == nullptr);
  CHECK(table.find("Adds") == nullptr);
  CHECK(table.find("") == nullptr);
}

TEST_CASE("two methods of one name are refused in SignalR's words", "[hub][methods]") {
  HubMethods<TwoMethods> methods;
  methods.on("Add", &TwoMethods::add).on("ADD", &TwoMethods::add);
  CHECK_THROWS_WITH(table_of(std::move(methods)), "Duplicate definitions of 'ADD'. Overloading is not supported.");
}

TEST_CASE("a bound method runs with its arguments", "[hub][methods]") {
  const HubMethodTable table = two_methods();
  TwoMethods hub;
  const auto add = table.find("add")->method->bind({Value(2), Value(3)}, ValueFormat::kJson);
  REQUIRE(add != nullptr);
  CHECK(add->run(hub).get() == Value(5));
  const auto greet = table.find("greet")->method->bind({Value("you")}, ValueFormat::kJson);
  REQUIRE(greet != nullptr);
  CHECK(greet->run(hub).get() == Value("hello you"));
}

TEST_CASE("arguments that do not fit do not bind", "[hub][methods]") {
  const HubMethodTable table = two_methods();
  const detail::HubMethod& add = *table.find("add")->method;
  CHECK(add.parameter_count() == 2);
  CHECK(add.bind({Value("2"), Value(3)}, ValueFormat::kJson) == nullptr);
  CHECK(add.bind({Value(2), Value(3.5)}, ValueFormat::kJson) == nullptr);
  CHECK(add.bind({Value(2), Value(1LL << 40)}, ValueFormat::kJson) == nullptr);
  CHECK(add.bind({Value(), Value(3)}, ValueFormat::kJson) == nullptr);
}

}  // namespace
}  // namespace hubgate::hub
