/// Who has a folder's lock, asked without taking it.
///
/// Thread: pure function.
#pragma once

#include <optional>
#include <string>

namespace leveret::storage {

/// The number of the process that holds the lock of `folder` (see FolderLock). Nothing when nobody
/// does, or nobody that this process may see: the system does not tell of other containers.
std::optional<int> lock_holder(const std::string& folder);

}  // namespace leveret::storage
