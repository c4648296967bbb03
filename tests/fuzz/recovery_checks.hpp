/// What has to be true of a log's folder, whatever is in it.
#pragma once

#include "tests/fuzz/log_image.hpp"

namespace leveret::storage {

/// Recovers, inspects and repairs the folder. Says what is not as it has to be and ends the
/// process.
void check_recovery(const LogFiles& files);

}  // namespace leveret::storage
