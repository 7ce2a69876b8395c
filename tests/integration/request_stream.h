#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/net/address.h"
#include "common/net/tls_context.h"
#include "tests/support/loop_thread.h"

namespace hubgate::test {

/// A request that is sent again and again, and its answer: 200 with exactly this body, or with any when it is empty.
struct StreamedRequest {
  std::string method = "GET";
  std::string target;
  std::string body = {};
};

struct RequestCounts {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;     // as they should
  std::uint64_t wrong = 0;        // another status or body
  std::uint64_t cut = 0;          // the connection ended without the whole answer, or could not be made
  std::uint64_t connections = 0;  // that were made
  std::size_t waiting = 0;        // under way now
};

/// HTTP requests at a rate, in turn over kept connections, in a thread of their own. Asserts nothing itself. To be used
/// from one thread, the test's.
class RequestStream {
 public:
  /// `tls` null: plain. The requests are sent in turn, over at most `connections`.
  RequestStream(net::Address server, std::shared_ptr<const net::TlsContext> tls, std::vector<StreamedRequest> requests,
                std::size_t connections = 20);
  ~RequestStream();
  RequestStream(const RequestStream&) = delete;
  RequestStream& operator=(const RequestStream&) = delete;

  /// So many requests a second; 0: none.
  void send(double per_second);
  /// Sends none any more, waits for what is under way, and closes the connections.
  void pause();
  RequestCounts counts() const;
  /// The first faults in words; "" when there is none.
  std::string faults() const;

 private:
  class Core;
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<Core> core_;  // used in the thread only
};

}  // namespace hubgate::test
