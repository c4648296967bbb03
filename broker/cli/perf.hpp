/// `leveret perf`: puts a load on a broker and prints what it has measured.
///
/// Thread: the calling one.
#pragma once

#include "broker/cli/perf_options.hpp"

namespace leveret::cli {

/// How a load ended; main() makes the exit code of it.
enum class PerfOutcome {
  clean,        ///< All messages came, once and in order.
  unclean,      ///< The report tells what was lost, doubled or out of order.
  usage_error,  ///< The options do not fit together.
  unavailable,  ///< The broker could not be reached, or refused something.
};

/// Runs the load to its end and prints its report.
PerfOutcome run_perf(PerfOptions& options);

}  // namespace leveret::cli
