/// The report of `leveret inspect`, for people and for machines.
///
/// Thread: that of the command.
#pragma once

#include "broker/cli/inspect.hpp"
#include "broker/cli/store_contents.hpp"
#include "storage/file.hpp"

namespace leveret::cli {

/// Tables on standard output.
void print_text(storage::FileSystem& files, const StoreContents& contents,
                const InspectOptions& options);
/// One JSON object on standard output; its keys stay as they are.
void print_json(storage::FileSystem& files, const StoreContents& contents,
                const InspectOptions& options);

}  // namespace leveret::cli
