/// `leveret inspect DIR`: shows what a data directory holds. Changes nothing and takes no lock, so
/// that it can be used beside a running broker, too.
///
/// Thread: the calling one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "broker/cli/tool_outcome.hpp"

namespace leveret::cli {

struct InspectOptions {
  std::string folder;
  bool json = false;
  bool segments = false;
  bool queues = false;
  bool records = false;
  std::uint64_t record_count_max = UINT64_MAX;  ///< The newest ones.
};

/// Adds `inspect` to the program. Once parsed, it has been said if the returned command was.
CLI::App* add_inspect_command(CLI::App& program, InspectOptions& options);

ToolOutcome run_inspect(const InspectOptions& options);

}  // namespace leveret::cli
