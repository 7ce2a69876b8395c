#pragma once

#include <string>
#include <vector>

namespace hubgate::test {

/// A response that could be understood in two ways, and the name of its class (http::Rejection).
struct BadResponse {
  std::string stream;
  const char* label;
};

/// One of each class. Whoever reads one takes no more from that connection; the proxy makes it 502.
inline std::vector<BadResponse> bad_responses() {
  std::string interim;
  for (int i = 0; i < 17; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  return {
      {"SSH-2.0-OpenSSH\r\n", "status_line"},
      {"HTTP/1.1\r\n", "status_line"},
      {"HTTP/1.1 20 OK\r\n", "status_line"},
      {"HTTP/1.1 2000 OK\r\n", "status_line"},
      {"HTTP/1.1  200 OK\r\n", "status_line"},
      {"HTTP/1.1 600 OK\r\n", "status_line"},
      {"HTTP/1.1 099 OK\r\n", "status_line"},
      {"HTTP/1.1 200 O\x01K\r\n", "status_line"},
      {"HTTP/2.0 200 OK\r\n", "version"},
      {"HTTP/1.1 200 OK\n\r\n", "bare_lf"},
      {"HTTP/1.1 200 O\rK\r\n", "bare_cr"},
      {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "obs_fold"},
      {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "field_name"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "content_length_repeated"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", "content_length_repeated"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "content_length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "length_and_encoding"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer_encoding"},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "encoding_on_http10"},
      {interim + "HTTP/1.1 200 OK\r\n\r\n", "too_many_interim"},
  };
}

}  // namespace hubgate::test
