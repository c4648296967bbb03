/// A folder that one process has for itself: flock on the file `lock` in it.
///
/// The system gives it back when the process ends, however it ends. The file stays.
///
/// Thread: one.
#pragma once

#include <string>

#include "protocol/base/result.hpp"

namespace leveret::storage {

class FolderLock {
 public:
  /// Does not wait. Error: the end of a sentence that begins with the folder: "is in use by another
  /// Leveret (process 123)".
  static Result<FolderLock, std::string> take(const std::string& folder);

  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace leveret::storage
