#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/log.h"
#include "proxy/config/load_proxy_config.h"
#include "proxy/config/proxy_config.h"
#include "proxy/config/snapshot.h"
#include "proxy/keeper_link.h"

namespace hubgate::net {
class TlsContext;
}

namespace hubgate::proxy {

/// One listener of the configuration, bound.
struct BoundListener {
  ListenerConfig config;
  Descriptor socket;
  std::shared_ptr<const net::TlsContext> tls;  // null: plaintext
};

/// What a proxy has when it can begin to work.
struct Started {
  SnapshotPointer snapshot;                // in force
  std::string text;                        // of the configuration that was adopted last
  bool first = false;                      // no proxy of this gateway has worked before
  bool kept_config = false;                // the file is broken: `text` is the one kept
  std::vector<std::string> config_errors;  // of the file then
  std::vector<BoundListener> listeners;
  Descriptor admin;
  Descriptor admin_verbs;
};

/// The name under which the supervisor keeps the revision in force, in decimal.
inline constexpr char kRevisionName[] = "revision";

/// Why it cannot: the process's exit code and lines for standard error.
struct StartFailure {
  int exit_code = 0;
  std::vector<std::string> lines;
};

/// Reads the configuration, takes over what `inventory` holds of it, and gives the supervisor a copy of what is new
/// (architecture, "Processes and links"). At the first start: makes the directories, locks them, binds, drops to
/// `user`, and reads everything again as that user. Later: a broken file means the kept text, and what needs a restart
/// of the gateway stays as it was at the first start. Blocks, up to 5 s for an
/// address in use.
std::variant<Started, StartFailure> start_up(const ConfigSource& source, Inventory& inventory, KeeperLink& keeper,
                                             Log& log);

/// A descriptor to read `text` from again; what the supervisor keeps of a configuration. Error kSystem.
Result<Descriptor> text_to_keep(const std::string& text);

}  // namespace hubgate::proxy
