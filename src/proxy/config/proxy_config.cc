#include "proxy/config/proxy_config.h"

namespace hubgate::proxy {

std::string_view to_string(HandoverMode mode) noexcept { return mode == HandoverMode::kAuto ? "auto" : "off"; }
std::string_view to_string(LogFormat format) noexcept { return format == LogFormat::kText ? "text" : "json"; }

const PoolConfig* ProxyConfig::find_pool(std::string_view name) const {
  for (const PoolConfig& pool : pools) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

const ListenerConfig* ProxyConfig::find_listener(std::string_view name) const {
  for (const ListenerConfig& listener : listeners) {
    if (listener.name == name) return &listener;
  }
  return nullptr;
}

std::string redis_without_password(std::string_view redis) {
  redis = redis.substr(0, redis.find_first_of("?#"));
  const std::size_t scheme = redis.find("://");
  if (scheme == std::string_view::npos) return std::string(redis);
  const std::size_t authority = scheme + 3;
  // The last '@' before the path: a password that was not encoded may hold one.
  const std::size_t at = redis.substr(0, redis.find('/', authority)).rfind('@');
  if (at == std::string_view::npos || at < authority) return std::string(redis);
  return std::string(redis.substr(0, authority)) + std::string(redis.substr(at + 1));
}

}  // namespace hubgate::proxy
