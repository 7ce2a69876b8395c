#include <hubgate/cancel_token.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/catch.h"

namespace hubgate::test {
namespace {

TEST_CASE("a function is called once when the token is cancelled, in the order of their coming", "[hub]") {
  const CancelToken token;
  std::string calls;
  const auto a = token.on_cancelled([&] { calls += "a"; });
  const auto b = CancelToken(token).on_cancelled([&] { calls += "b"; });
  CHECK(token.cancel() == nullptr);
  CHECK(token.cancel() == nullptr);
  CHECK(token.is_cancelled());
  CHECK(calls == "ab");
  const auto late = token.on_cancelled([&] { calls += "c"; });
  CHECK(calls == "abc");
}

TEST_CASE("a registration that is gone takes its function along", "[hub]") {
  std::optional<CancelToken> token(std::in_place);
  std::string calls;
  auto kept = token->on_cancelled([&] { calls += "kept"; });
  for (int i = 0; i < 1000; ++i) static_cast<void>(token->on_cancelled([&] { calls += "x"; }));
  auto dropped = token->on_cancelled([&] { calls += "dropped"; });
  dropped = {};
  CancelToken::Registration moved = std::move(kept);
  // One that is taken out while the others are called.
  CancelToken::Registration other;
  const auto remover = token->on_cancelled([&] { other.reset(); });
  other = token->on_cancelled([&] { calls += "never"; });
  static_cast<void>(token->cancel());
  token.reset();
  CHECK(calls == "kept");
}

TEST_CASE("every function is called though one throws, and the first failure is told", "[hub]") {
  const CancelToken token;
  int calls = 0;
  const auto a = token.on_cancelled([&] {
    ++calls;
    throw std::runtime_error("first");
  });
  const auto b = token.on_cancelled([&] {
    ++calls;
    throw std::runtime_error("second");
  });
  const std::exception_ptr failure = token.cancel();
  CHECK(calls == 2);
  REQUIRE(failure != nullptr);
  CHECK_THROWS_WITH(std::rethrow_exception(failure), "first");
}

}  // namespace
}  // namespace hubgate::test
