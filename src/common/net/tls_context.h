#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <hubgate/result.h>

#include "common/net/transport.h"

struct ssl_ctx_st;

namespace hubgate::net {

/// Certificate, key and rules of one TLS listener, or the trust of a TLS client. Immutable; shared by the
/// connections that were made with it.
class TlsContext {
 public:
  /// TLS 1.2 and 1.3, ECDHE AEAD suites, ALPN http/1.1, released buffers. PEM files; the pair is verified, and that
  /// each certificate of the chain is issued by the next. Errors: kNotFound, kInvalid, with file and remedy in `what`.
  static Result<std::shared_ptr<const TlsContext>> make_server(const std::string& certificate_file,
                                                               const std::string& key_file);
  /// Trusts the PEM file, or the system's roots when it is empty. `verify = false` is for tests.
  static Result<std::shared_ptr<const TlsContext>> make_client(const std::string& ca_file, bool verify = true);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// `handshakes`: the loop's, which bounds them; null: nobody does.
  std::unique_ptr<TlsTransport> accept(int fd, TlsHandshakes* handshakes = nullptr) const;
  /// Until when the server's own certificate is valid, in seconds since 1970; 0: none.
  std::int64_t not_after() const { return not_after_; }
  /// Of the server's chain: equal for equal certificates, whatever the files are called.
  const std::string& fingerprint() const { return fingerprint_; }

  /// `host` is sent as SNI and verified.
  std::unique_ptr<TlsTransport> connect(int fd, const std::string& host) const;

 private:
  TlsContext(ssl_ctx_st* context, bool verify) : context_(context), verify_(verify) {}
  Result<void> note_chain(const std::string& certificate_file);
  ssl_ctx_st* context_;
  bool verify_;
  std::int64_t not_after_ = 0;
  std::string fingerprint_;
};

/// Writes a self-signed certificate (P-256, localhost, 127.0.0.1, ::1; one year) and its key (0600): for
/// development. Files that exist are left alone.
Result<void> make_self_signed_pair(const std::string& certificate_file, const std::string& key_file);

}  // namespace hubgate::net
