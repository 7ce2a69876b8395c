#pragma once

#include <hubgate/hub_caller_context.h>

#include "hub/connections/connection_context.h"

namespace hubgate::hub {

/// A connection's request facts as hub code sees them; empty once they were dropped. The connection outlives it.
class RequestHttpFacts final : public HttpFacts {
 public:
  explicit RequestHttpFacts(const ConnectionContext& connection)
      : connection_(connection), transport_(to_string(connection.transport_type())) {}

  std::string_view path() const override { return facts().path; }
  std::string_view query() const override { return facts().query; }
  std::optional<std::string> query_value(std::string_view name) const override { return facts().query_value(name); }
  std::optional<std::string_view> header(std::string_view name) const override { return facts().headers.find(name); }
  std::string_view remote_address() const override { return facts().remote_address; }
  std::string_view local_address() const override { return facts().local_address; }
  std::string_view transport() const override { return transport_; }
  std::string_view http_protocol() const override { return facts().protocol; }

 private:
  const RequestFacts& facts() const { return connection_.facts(); }

  const ConnectionContext& connection_;
  std::string_view transport_;
};

}  // namespace hubgate::hub
