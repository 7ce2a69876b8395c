#pragma once

#include <cstdint>
#include <string>

#include "hubload/histogram.h"

namespace hubload {

/// What one run found; printed as one JSON object.
struct Report {
  std::uint64_t sent = 0;
  std::uint64_t expected = 0;  // deliveries or answers
  std::uint64_t received = 0;
  std::uint64_t doubled = 0;
  std::uint64_t reordered = 0;
  std::uint64_t changed = 0;
  double seconds = 0;           // from the first send to the last receipt
  double cpu_seconds = 0;       // of the server's processes meanwhile
  double load_cpu_seconds = 0;  // of the generator: below `seconds`, or it was the limit
  Histogram latency;            // µs from the intended time to each receipt
  Histogram last;               // µs to the last receiver of a broadcast
  double bytes_per_connection = 0;
  double idle_cpu_per_second = 0;  // µs per connection and second
  unsigned connections = 0;
  unsigned failed = 0;
  std::string failure;

  bool is_clean() const {
    return failed == 0 && received == expected && doubled == 0 && reordered == 0 && changed == 0;
  }
};

}  // namespace hubload
