#pragma once

#include "common/base/metrics.h"
#include "proxy/admin/status_report.h"

namespace hubgate::proxy {

/// Adds what a status knows to a page of metrics: processes, pools, configuration, descriptors, and
/// each worker's own series with the labels `pool` and `endpoint`. Series of a worker that cannot be read are counted
/// as hubgate_proxy_worker_series_unreadable.
void add_status_metrics(const StatusReport& report, MetricsPage& page);

}  // namespace hubgate::proxy
