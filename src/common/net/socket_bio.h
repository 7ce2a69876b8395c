#pragma once

struct bio_st;

namespace hubgate::net {

/// OpenSSL's view of a socket that it does not own. The library's own writes with write(), which raises SIGPIPE in a
/// process that has not turned it off; we are the guest of programs that have not.
bio_st* new_socket_bio(int fd);

}  // namespace hubgate::net
