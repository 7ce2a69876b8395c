#pragma once

#include <hubgate/hub_caller_context.h>

#include "hub/connections/connection_context.h"

namespace hubgate::hub {

/// A connection's request facts as hub code sees them. Valid as long as the connection keeps its facts.
class RequestHttpFacts final : public HttpFacts {
 public:
  explicit RequestHttpFacts(const ConnectionContext& connection)
      : facts_(connection.facts()), transport_(to_string(connection.transport_type())) {}

  std::string_view path() const override { return facts_.path; }
  std::string_view query() const override { return facts_.query; }
  std::optional<std::string> query_value(std::string_view name) const override { return facts_.query_value(name); }
  std::optional<std::string_view> header(std::string_view name) const override { return facts_.headers.find(name); }
  std::string_view remote_address() const override { return facts_.remote_address; }
  std::string_view local_address() const override { return facts_.local_address; }
  std::string_view transport() const override { return transport_; }
  std::string_view http_protocol() const override { return facts_.protocol; }

 private:
  const RequestFacts& facts_;
  std::string_view transport_;
};

}  // namespace hubgate::hub
