#include "proxy/session/static_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;

namespace {

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hubgate-files-XXXXXX").string();
    root = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root / "site/sub");
    write("secret.txt", "outside");
    write("site/index.html", "<p>hello");
    write("site/app.js", "let a;");
    write("site/sub/index.html", "sub");
    write("site/.env", "KEY=1");
    write("site/with space.txt", "space");
    std::filesystem::create_symlink("../secret.txt", root / "site/escape.txt");
    std::filesystem::create_symlink("app.js", root / "site/alias.js");
    std::filesystem::create_symlink((root / "secret.txt").string(), root / "site/absolute.txt");
    ::mkfifo((root / "site/fifo").c_str(), 0600);
  }
  ~Folder() { std::filesystem::remove_all(root); }
  void write(const std::string& name, const std::string& text) { std::ofstream(root / name) << text; }
  StaticFile find(std::string_view path, http::RequestHead head = {}, std::string_view prefix = "/") {
    if (head.method.empty()) head.method = "GET";
    return find_static_file((root / "site").string(), prefix, path, head);
  }
  std::filesystem::path root;
};

}  // namespace

TEST_CASE("a folder's files are found by their names, and nothing else is", "[proxy][session]") {
  Folder folder;
  struct Row {
    std::string path;
    int status;
  };
  const Row row = GENERATE(values<Row>({
      {"/", 200},
      {"/index.html", 200},
      {"/app.js", 200},
      {"/alias.js", 200},  // a link within the folder
      {"/with%20space.txt", 200},
      {"/sub/", 200},
      {"/sub", 308},
      {"/nothing", 404},
      {"/App.js", 404},
      {"/../secret.txt", 404},
      {"/%2e%2e/secret.txt", 404},
      {"/..%2fsecret.txt", 404},
      {"/sub/..%2f..%2fsecret.txt", 404},
      {"/sub/%2e%2e/%2e%2e/secret.txt", 404},
      {"/..%5csecret.txt", 404},
      {"/..\\secret.txt", 404},
      {"/%252e%252e/secret.txt", 404},  // decoded once only
      {"/escape.txt", 404},             // links that lead out
      {"/absolute.txt", 404},
      {"/.env", 404},
      {"/%2eenv", 404},
      {"/sub/./index.html", 404},
      {"/sub//index.html", 404},  // one file, one path
      {"/app.js/", 404},
      {"/app.js%00.png", 404},
      {"/fifo", 404},  // does not wait for a writer
      {"/etc/passwd", 404},
      {"//etc/passwd", 404},
      {"//app.js", 404},  // one file has one path, and a redirect to //sub/ would lead to another host
      {"//sub", 404},
      {"//sub/", 404},
      {"//", 404},
      {"/%2fapp.js", 404},
      {"/sub%2Findex.html", 404},
      {"/sub%2f", 404},
      {"/sub%5Cindex.html", 404},
  }));
  CAPTURE(row.path);
  const StaticFile found = folder.find(row.path);
  CHECK(found.status == row.status);
  CHECK(found.file.is_open() == (row.status == 200));
}

TEST_CASE("the route's prefix is taken off before a name is looked up", "[proxy][session]") {
  Folder folder;
  CHECK(folder.find("/docs/app.js", {}, "/docs").status == 200);
  CHECK(folder.find("/docs/", {}, "/docs").status == 200);
  CHECK(folder.find("/docs/", {}, "/docs/").status == 200);
  CHECK(folder.find("/docs/sub/", {}, "/docs/").status == 200);
  CHECK(folder.find("/docs", {}, "/docs/").location == "/docs/");
  CHECK(folder.find("/docs//app.js", {}, "/docs").status == 404);
  CHECK(folder.find("/docs%2fapp.js", {}, "/docs").status == 404);
  const StaticFile redirect = folder.find("/docs", {}, "/docs");
  CHECK(redirect.status == 308);
  CHECK(redirect.location == "/docs/");
}

TEST_CASE("a client that knows the file is told that it has not changed", "[proxy][session]") {
  Folder folder;
  const std::string etag = folder.find("/app.js").etag;
  REQUIRE(etag.size() > 2);
  CHECK_FALSE(etag.starts_with("W/"));
  http::RequestHead head;
  head.method = "GET";
  const auto status_with = [&](const std::string& known) {
    head.headers.set("If-None-Match", known);
    return folder.find("/app.js", head).status;
  };
  CHECK(status_with(etag) == 304);
  CHECK(status_with("\"other\", W/" + etag) == 304);
  CHECK(status_with("*") == 304);
  CHECK(status_with("\"other\"") == 200);
  folder.write("site/app.js", "let b = 2;");
  CHECK(status_with(etag) == 200);
}

TEST_CASE("only GET and HEAD get a file", "[proxy][session]") {
  Folder folder;
  http::RequestHead head;
  head.method = "HEAD";
  CHECK(folder.find("/app.js", head).status == 200);
  head.method = "POST";
  CHECK(folder.find("/app.js", head).status == 405);
  head.method = "OPTIONS";
  CHECK(folder.find("/app.js", head).status == 204);
}

TEST_CASE("a file's type goes by its ending", "[proxy][session]") {
  CHECK(media_type_of("index.html") == "text/html; charset=utf-8");
  CHECK(media_type_of("APP.JS") == "text/javascript; charset=utf-8");
  CHECK(media_type_of("a.wasm") == "application/wasm");
  CHECK(media_type_of("picture.SVG") == "image/svg+xml");
  CHECK(media_type_of("unknown.xyz") == "application/octet-stream");
  CHECK(media_type_of("html") == "application/octet-stream");
}
