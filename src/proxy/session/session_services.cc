#include "proxy/session/session_services.h"

#include "common/http_server/server_connection.h"

namespace hubgate::proxy {

std::shared_ptr<const http_server::ServerLimits> SessionServices::server_limits() {
  if (cached_limits && limits_revision == snapshot->revision) return cached_limits;
  const LimitsConfig& config = snapshot->config.limits;
  auto limits = std::make_shared<http_server::ServerLimits>();
  limits->reader.head = config.head_size;
  limits->reader.target = config.target_size;
  limits->reader.field = config.field_size;
  limits->reader.fields = config.field_count;
  limits->max_body = config.body_size;
  limits->head_deadline = config.request_head_time;
  limits->keep_alive_idle = config.keep_alive_idle;
  limits->max_requests = config.keep_alive_requests;
  limits->max_age = config.keep_alive_age;
  limits->body_idle = config.body_idle;
  limits->body_min_rate = config.body_min_rate;
  limits->body_grace = config.body_grace;
  limits->linger_time = config.linger_time;
  limits->linger_bytes = config.linger_size;
  limits->write_idle = config.write_idle;
  limits->tls_deadline = config.tls_handshake_time;
  limits_revision = snapshot->revision;
  cached_limits = std::move(limits);
  return cached_limits;
}

}  // namespace hubgate::proxy
