/// `leveret recover DIR`: verifies a data directory, and repairs a damaged one when told to.
///
/// Thread: the calling one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "broker/cli/tool_outcome.hpp"

namespace leveret::cli {

struct RecoverOptions {
  std::string folder;
  bool verify = false;        ///< What is done without options, too.
  bool skip_damaged = false;
  bool json = false;
};

/// Adds `recover` to the program. Once parsed, it has been said if the returned command was.
CLI::App* add_recover_command(CLI::App& program, RecoverOptions& options);

ToolOutcome run_recover(const RecoverOptions& options);

}  // namespace leveret::cli
