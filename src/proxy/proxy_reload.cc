#include <chrono>
#include <utility>

#include "proxy/config/check_files.h"
#include "proxy/proxy.h"
#include "proxy/proxy_door.h"

// Reload: read, check, compare, swap; or the old configuration stays.

namespace hubgate::proxy {

void Proxy::on_reload() { reload(); }

void Proxy::watch_config() {
  if (!snapshot_->config.watch) {
    config_watcher_.reset();
  } else if (!config_watcher_) {
    config_watcher_ =
        std::make_unique<ConfigWatcher>(loop_, loop_, log_, source_.file, config_text_, [this] { reload(); });
  }
  if (config_watcher_) config_watcher_->watch_too(certificate_files());
}

void Proxy::on_reopen_logs() {
  access_log_.reopen();
  log_.info("logs reopened", {{"access_log", access_log_.is_on()}});
}

VerbAnswer Proxy::reload() {
  VerbAnswer answer;
  if (!takes_verbs()) {
    answer.lines = {"the gateway stops, or has not begun"};
    return answer;
  }
  last_reload_ = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  LoadedConfig loaded;
  ConfigSource source = source_;
  if (auto text = read_config_file(source_.file)) {
    source.text = *std::move(text);
    loaded = load_proxy_config(source, [this](const ProxyConfig& config) { return check_files(config, source_.dev); });
  } else {
    loaded.errors = {text.error().what};
  }
  PreparedDoors doors;
  if (loaded.config) {
    doors = prepare_doors(*loaded.config);
    if (!doors.errors.empty()) {
      loaded.config.reset();
      for (const std::string& error : doors.errors) loaded.errors.push_back(source_.file + ": error: " + error);
    }
  }
  if (!loaded.config) {
    last_reload_ok_ = false;
    last_reload_errors_ = loaded.errors;
    answer.lines = std::move(loaded.errors);
    log_.error("reload refused, the old configuration stays",
               {{"file", source_.file}, {"errors", answer.lines.size()}, {"first", answer.lines.front()}});
    return answer;
  }
  answer.accepted = last_reload_ok_ = true;
  last_reload_errors_.clear();
  kept_config_ = false;

  ReloadPlan plan = plan_reload(*snapshot_, *loaded.config, doors.cannot_listen);
  plan.changes.insert(plan.changes.end(), doors.changes.begin(), doors.changes.end());
  if (source.text != config_text_) {
    config_text_ = std::move(source.text);
    if (const auto file = text_to_keep(config_text_)) keeper_.keep("config", file->get());
  }
  for (ConfigChange& change : plan.changes) {
    log_.info("reloaded", {{"change", change.line}});
    answer.lines.push_back(std::move(change.line));
  }
  for (const std::string& line : plan.needs_restart) {
    log_.warn("needs restart", {{"what", line}});
    answer.lines.push_back("needs restart: " + line);
  }
  if (plan.snapshot) put_in_force(std::move(plan.snapshot));
  apply_doors(std::move(doors));
  watch_config();
  const ProxyConfig& config = snapshot_->config;
  log_.set_level(config.log_level);
  access_log_.apply(config.access_log);
  pools_->apply(config);
  remotes_->apply();
  workers_->apply(config);
  return answer;
}

}  // namespace hubgate::proxy
