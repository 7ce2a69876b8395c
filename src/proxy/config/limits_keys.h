#pragma once

#include "proxy/config/proxy_config.h"

namespace hubgate::proxy {

/// What a value may be; times in milliseconds, sizes in bytes.
struct LimitBounds {
  std::uint64_t least;
  std::uint64_t most;
};

/// Calls `visit(name, value, bounds)` for every key of [limits], in the order of the struct: the one table of their
/// names. `Limits` is LimitsConfig or const LimitsConfig.
template <class Limits, class Visit>
void visit_limits(Limits& limits, Visit&& visit) {
  constexpr LimitBounds kTime{1, 365ULL * 86'400'000};
  constexpr LimitBounds kSmallSize{256, 60 * 1024};       // a head must fit the receive buffer
  constexpr LimitBounds kSize{1024, 1024 * 1024 * 1024};  // bytes one connection may cost
  constexpr LimitBounds kCount{1, 1'000'000};
  visit("request_head_time", limits.request_head_time, kTime);
  visit("keep_alive_idle", limits.keep_alive_idle, kTime);
  visit("keep_alive_requests", limits.keep_alive_requests, kCount);
  visit("keep_alive_age", limits.keep_alive_age, kTime);
  visit("body_idle", limits.body_idle, kTime);
  visit("body_min_rate", limits.body_min_rate, LimitBounds{0, 1024 * 1024});
  visit("body_grace", limits.body_grace, kTime);
  visit("write_idle", limits.write_idle, kTime);
  visit("linger_time", limits.linger_time, kTime);
  visit("linger_size", limits.linger_size, kSize);
  visit("tls_handshake_time", limits.tls_handshake_time, kTime);
  visit("tls_handshakes", limits.tls_handshakes, kCount);
  visit("proxy_header_time", limits.proxy_header_time, kTime);
  visit("source_connections", limits.source_connections, LimitBounds{0, 1'000'000});
  visit("source_connection_rate", limits.source_connection_rate, LimitBounds{0, 1'000'000});
  visit("source_connection_burst", limits.source_connection_burst, kCount);
  visit("source_negotiate_rate", limits.source_negotiate_rate, LimitBounds{0, 1'000'000});
  visit("source_negotiate_burst", limits.source_negotiate_burst, kCount);
  visit("head_size", limits.head_size, kSmallSize);
  visit("target_size", limits.target_size, kSmallSize);
  visit("field_size", limits.field_size, kSmallSize);
  visit("field_count", limits.field_count, LimitBounds{8, 1000});
  visit("body_size", limits.body_size, LimitBounds{0, 1ULL << 40});
  visit("tunnel_idle", limits.tunnel_idle, kTime);
  visit("tunnel_half_close", limits.tunnel_half_close, kTime);
  visit("tunnel_high_mark", limits.tunnel_high_mark, kSize);
  visit("upgrade_time", limits.upgrade_time, kTime);
  visit("connect_time", limits.connect_time, kTime);
  visit("connect_retries", limits.connect_retries, LimitBounds{0, 10});
  visit("response_head_time", limits.response_head_time, kTime);
  visit("hub_response_head_time", limits.hub_response_head_time, kTime);
  visit("response_body_idle", limits.response_body_idle, kTime);
  visit("idle_connections", limits.idle_connections, LimitBounds{0, 10'000});
  visit("idle_connection_age", limits.idle_connection_age, kTime);
  visit("queue_length", limits.queue_length, LimitBounds{0, 1'000'000});
  visit("queue_wait", limits.queue_wait, kTime);
  visit("slow_start", limits.slow_start, LimitBounds{0, kTime.most});
  visit("worker_ready_time", limits.worker_ready_time, kTime);
  visit("max_message_size", limits.max_message_size, kSize);
  visit("application_max_buffer_size", limits.application_max_buffer_size, kSize);
  visit("max_pending_bytes", limits.max_pending_bytes, kSize);
  visit("send_time", limits.send_time, kTime);
  visit("redis_queue_size", limits.redis_queue_size, kSize);
}

}  // namespace hubgate::proxy
