#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hubload/generator.h"
#include "hubload/message.h"
#include "hubload/report.h"
#include "hubload/server_meter.h"

namespace hubload {

/// Runs the scenario that the options name, over connected clients where it needs them.
Report run_scenario(const Options& options);

/// Connects in two steps and measures memory by slope, then idle CPU (idle), or the CPU of a connect (connect).
Report run_idle(const Options& options);
Report run_connect(const Options& options);

}  // namespace hubload
