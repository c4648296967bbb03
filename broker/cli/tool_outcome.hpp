/// How a command on a data directory ends; main() makes the exit code of it.
///
/// Thread: a value.
#pragma once

namespace leveret::cli {

enum class ToolOutcome {
  fine,
  damaged,        ///< Something is not as it was written; the report tells what.
  no_input,       ///< There is no data directory, or it cannot be read.
  in_use,         ///< Another process has it.
  cannot_create,  ///< What had to be written could not be.
};

}  // namespace leveret::cli
