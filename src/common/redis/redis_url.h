#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hubgate/result.h>

namespace hubgate::redis {

/// Where a Redis is and how to enter it, as the user writes it:
///
///   redis://[[user]:password@]host[:port][/database][?…]     rediss://… the same over TLS      unix:/path[?…]
///
/// with the options `password_file`, `user`, `database` and, for rediss, `ca_file` (PEM; the system's roots without
/// it). User, password and options are percent-encoded.
struct RedisUrl {
  enum class Kind : std::uint8_t { kTcp, kTls, kUnix };

  Kind kind = Kind::kTcp;
  std::string host;  // without the brackets of IPv6; empty for kUnix
  std::uint16_t port = 6379;
  std::string path;  // of the Unix socket
  std::string user;
  std::string password;       // a secret; empty when it is in a file, or when there is none
  std::string password_file;  // read anew for each link, so that a password may be changed
  std::string ca_file;
  std::uint32_t database = 0;

  /// Error kInvalid says what is wrong and never holds any part of the text: it may be a password.
  static Result<RedisUrl> parse(std::string_view text);

  /// For logs and people: kind, host, port or path, database; never user, password or file.
  std::string to_string() const;

  /// The password in force: from the file (without its trailing newline) or as written; empty when there is none.
  /// Errors: kNotFound, kTooLarge, kInvalid, with the file's name.
  Result<std::string> read_password() const;

  friend bool operator==(const RedisUrl&, const RedisUrl&) = default;
};

}  // namespace hubgate::redis
