/// Whose a data directory is, also where its file `identity` is damaged or gone: each segment of
/// the log says it, too.
///
/// Thread: pure functions.
#pragma once

#include <string>

#include "protocol/base/result.hpp"
#include "storage/file.hpp"
#include "storage/identity.hpp"

namespace leveret::storage {

struct FoundIdentity {
  Identity identity;
  std::string problem;  ///< Of the file, as the end of a sentence; empty: it is right.
};

/// Error: a sentence; `path` is no data directory, or one of a later format.
Result<FoundIdentity, std::string> find_identity(FileSystem& files, const std::string& path);

/// Writes the file anew. Error: a sentence.
Result<void, std::string> restore_identity(FileSystem& files, const std::string& path,
                                           const Identity& identity);

}  // namespace leveret::storage
