#include "broker/cli/perf.hpp"

#include <sys/resource.h>

#include <cstdio>

#include "broker/cli/churn_load.hpp"
#include "broker/cli/expiry_load.hpp"
#include "broker/cli/holding_load.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/rpc_load.hpp"
#include "broker/cli/throughput_load.hpp"

namespace leveret::cli {

namespace {

void allow_many_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Runs one load. False when its check found something wrong.
template <class L>
bool run_load(PerfLoop& loop, const PerfOptions& options) {
  L load(loop, options);
  load.run();
  if (!loop.failure().empty()) return true;
  const PerfReport report = load.report();
  std::fputs((options.json ? report.json() : report.text()).c_str(), stdout);
  if constexpr (requires { load.is_clean(); }) return load.is_clean();
  return true;
}

}  // namespace

PerfOutcome run_perf(PerfOptions& options) {
  if (auto checked = check(options); !checked) {
    std::fprintf(stderr, "%s\n", checked.error().c_str());
    return PerfOutcome::usage_error;
  }
  allow_many_connections();
  PerfLoop loop;
  bool clean = true;
  switch (options.load) {
    case PerfOptions::Load::throughput: clean = run_load<ThroughputLoad>(loop, options); break;
    case PerfOptions::Load::rpc: clean = run_load<RpcLoad>(loop, options); break;
    case PerfOptions::Load::expiry: clean = run_load<ExpiryLoad>(loop, options); break;
    case PerfOptions::Load::connection_churn:
    case PerfOptions::Load::channel_churn:
    case PerfOptions::Load::queue_churn: clean = run_load<ChurnLoad>(loop, options); break;
    case PerfOptions::Load::connection_count:
    case PerfOptions::Load::queue_count: clean = run_load<HoldingLoad>(loop, options); break;
  }
  if (!loop.failure().empty()) {
    std::fprintf(stderr, "%s\n", loop.failure().c_str());
    return PerfOutcome::unavailable;
  }
  return clean ? PerfOutcome::clean : PerfOutcome::unclean;
}

}  // namespace leveret::cli
