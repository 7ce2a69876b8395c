#include <sys/stat.h>

#include <filesystem>

#include "proxy/routing/affinity_tag.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using test::contains;
using test::TemporaryFolder;

namespace {

AffinityKeys made_in(const TemporaryFolder& folder, std::uint64_t seed) {
  SeededRandom random(seed);
  auto keys = AffinityKeys::load_or_make(folder.path(), random);
  REQUIRE(keys.has_value());
  return *std::move(keys);
}

}  // namespace

TEST_CASE("keys and node id are made at the first start, for the owner only, and found at the next",
          "[routing][affinity]") {
  const TemporaryFolder folder;
  CHECK(AffinityKeys::read_node_id(folder.path()).empty());
  const AffinityKeys first = made_in(folder, 1);
  const AffinityKeys second = made_in(folder, 2);
  REQUIRE(first.ring().size() == 2);
  CHECK(first.ring()[0].secret != first.ring()[1].secret);
  CHECK(first.ring()[0].secret == second.ring()[0].secret);
  CHECK(first.ring()[1].id == second.ring()[1].id);
  CHECK(first.node_id().size() == 16);
  CHECK(first.node_id() == second.node_id());
  CHECK(AffinityKeys::read_node_id(folder.path()) == first.node_id());
  for (const char* name : {"affinity.keys", "node_id"}) {
    struct stat facts{};
    REQUIRE(::stat((folder / name).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
  }
}

TEST_CASE("a copied key ring reads the other gateway's tags", "[routing][affinity]") {
  const TemporaryFolder one;
  const TemporaryFolder two;
  const AffinityKeys first = made_in(one, 1);
  std::filesystem::copy_file(one / "affinity.keys", two / "affinity.keys");
  AffinityTable other(made_in(two, 2));
  CHECK(other.keys().node_id() != first.node_id());
  other.add({9, 0});
  CHECK(other.find(AffinityTag::make(first.ring()[0], {9, 0})).affinity == Affinity::kFound);
}

TEST_CASE("secrets that others may read are refused, with the remedy", "[routing][affinity]") {
  const TemporaryFolder folder;
  made_in(folder, 1);
  ::chmod((folder / "affinity.keys").c_str(), 0644);
  SeededRandom random(3);
  const auto keys = AffinityKeys::load_or_make(folder.path(), random);
  REQUIRE_FALSE(keys.has_value());
  CHECK_THAT(keys.error().what, contains("affinity.keys: others may read"));
  CHECK_THAT(keys.error().what, contains("chmod 600"));
}

TEST_CASE("a broken key ring or node id is an error and is not overwritten", "[routing][affinity]") {
  const std::string_view text =
      GENERATE(as<std::string_view>{}, "", "# nothing\n", "1\n", "1 short\n",
               "x AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "256 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
               "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
  CAPTURE(text);
  const TemporaryFolder folder;
  for (const char* name : {"affinity.keys", "node_id"}) {
    std::filesystem::remove(folder / "affinity.keys");
    const std::string file = folder.write(name, text);
    ::chmod(file.c_str(), 0600);
    SeededRandom random(3);
    const auto keys = AffinityKeys::load_or_make(folder.path(), random);
    REQUIRE_FALSE(keys.has_value());
    CHECK_THAT(keys.error().what, contains(name));
    CHECK(TemporaryFolder::read(file) == text);
  }
}

TEST_CASE("a ring of one key is believed, comments are skipped", "[routing][affinity]") {
  const TemporaryFolder folder;
  const std::string file = folder.write("affinity.keys", "# mine\n\n 7 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \n");
  ::chmod(file.c_str(), 0600);
  const AffinityKeys keys = made_in(folder, 1);
  REQUIRE(keys.ring().size() == 1);
  CHECK(keys.ring()[0].id == 7);
}

TEST_CASE("a state directory that is not there is an error that says so", "[routing][affinity]") {
  const TemporaryFolder folder;
  SeededRandom random(1);
  const auto keys = AffinityKeys::load_or_make(folder / "missing", random);
  REQUIRE_FALSE(keys.has_value());
  CHECK_THAT(keys.error().what, contains("missing/affinity.keys"));
}
