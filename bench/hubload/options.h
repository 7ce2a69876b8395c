#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hubload {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string path = "/bench";
  std::string scenario = "echo";  // echo | broadcast | groups | idle | connect
  unsigned connections = 64;
  double seconds = 5;         // of sending
  double rate = 0;            // messages a second in all; 0: closed loop
  unsigned senders = 1;       // broadcast: who sends
  unsigned in_flight = 1;     // closed loop: messages a sender has under way
  unsigned groups = 100;      // groups: connections are spread evenly over them
  unsigned size = 100;        // bytes of one hub message from the client
  unsigned concurrency = 64;  // connects under way at once
  std::vector<pid_t> pids;    // whose CPU and memory are measured
};

/// Reads the command line; prints the manual and ends the process for --help and for what it does not know.
Options parse_options(int argc, char** argv);

}  // namespace hubload
