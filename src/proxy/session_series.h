#pragma once

#include "common/base/metrics.h"
#include "proxy/session/session_metrics.h"

namespace hubgate::proxy {

/// Adds what sessions count to a page.
void add_session_metrics(const SessionMetrics& metrics, MetricsPage& page);

}  // namespace hubgate::proxy
