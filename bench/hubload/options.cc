#include "hubload/options.h"

#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace hubload {
namespace {

constexpr const char* kManual =
    "hubload: loads a SignalR server's BenchHub and checks every message\n"
    "  --url http://HOST:PORT/PATH   numeric host (default http://127.0.0.1:8080/bench)\n"
    "  --scenario echo|broadcast|groups|idle|connect\n"
    "  --connections N   --seconds S   --rate MESSAGES_PER_SECOND (0: closed loop)\n"
    "  --senders N       --in-flight N --groups N   --size BYTES   --concurrency CONNECTS\n"
    "  --pids P,P,…      processes whose CPU and memory are the server's\n"
    "Prints one JSON object. Exit 1 when a message was lost, doubled, reordered or changed, or a connection failed.\n";

[[noreturn]] void usage(int code) {
  std::fputs(kManual, code == 0 ? stdout : stderr);
  std::exit(code);
}

void parse_url(const std::string& url, Options& options) {
  const std::string scheme = "http://";
  const std::size_t slash = url.find('/', scheme.size());
  const std::size_t colon = url.find(':', scheme.size());
  if (url.rfind(scheme, 0) != 0 || colon == std::string::npos || slash == std::string::npos || colon > slash) usage(64);
  options.host = url.substr(scheme.size(), colon - scheme.size());
  options.port = static_cast<std::uint16_t>(std::strtoul(url.c_str() + colon + 1, nullptr, 10));
  options.path = url.substr(slash);
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  enum { kUrl = 1, kScenario, kConnections, kSeconds, kRate, kSenders, kInFlight, kGroups, kSize, kConcurrency, kPids };
  static const option kOptions[] = {{"url", 1, nullptr, kUrl},
                                    {"scenario", 1, nullptr, kScenario},
                                    {"connections", 1, nullptr, kConnections},
                                    {"seconds", 1, nullptr, kSeconds},
                                    {"rate", 1, nullptr, kRate},
                                    {"senders", 1, nullptr, kSenders},
                                    {"in-flight", 1, nullptr, kInFlight},
                                    {"groups", 1, nullptr, kGroups},
                                    {"size", 1, nullptr, kSize},
                                    {"concurrency", 1, nullptr, kConcurrency},
                                    {"pids", 1, nullptr, kPids},
                                    {"help", 0, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  const auto number = [] { return static_cast<unsigned>(std::strtoul(optarg, nullptr, 10)); };
  for (int chosen = 0; (chosen = getopt_long(argc, argv, "h", kOptions, nullptr)) != -1;) {
    switch (chosen) {
      case kUrl: parse_url(optarg, options); break;
      case kScenario: options.scenario = optarg; break;
      case kConnections: options.connections = number(); break;
      case kSeconds: options.seconds = std::strtod(optarg, nullptr); break;
      case kRate: options.rate = std::strtod(optarg, nullptr); break;
      case kSenders: options.senders = number(); break;
      case kInFlight: options.in_flight = number(); break;
      case kGroups: options.groups = number(); break;
      case kSize: options.size = number(); break;
      case kConcurrency: options.concurrency = number(); break;
      case kPids: {
        std::stringstream list(optarg);
        for (std::string pid; std::getline(list, pid, ',');) options.pids.push_back(std::atoi(pid.c_str()));
        break;
      }
      case 'h': usage(0);
      default: usage(64);
    }
  }
  if (optind != argc || options.connections == 0 || options.senders == 0 || options.senders > options.connections ||
      options.in_flight == 0 || options.groups == 0 || options.concurrency == 0) {
    usage(64);
  }
  return options;
}

}  // namespace hubload
