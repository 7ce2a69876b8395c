#pragma once

#include "common/base/metrics.h"
#include "proxy/access/access_log.h"
#include "proxy/access/handed_over_book.h"
#include "proxy/session/session_metrics.h"

namespace hubgate::proxy {

/// Adds what sessions count to a page.
void add_session_metrics(const SessionMetrics& metrics, MetricsPage& page);
/// Adds what became of access records and of handed-over connections.
void add_access_metrics(const AccessLog& log, const HandedOverBook& book, MetricsPage& page);

}  // namespace hubgate::proxy
