#include <cstdio>
#include <cstdlib>

#include "floor/floor_server.h"

int main(int argc, char** argv) {
  floor_server::FloorServer server(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  std::printf("ready http://127.0.0.1:%u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);
  server.run();
}
