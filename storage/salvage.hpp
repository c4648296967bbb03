/// Makes a damaged log one that a start accepts again, with all of it that is still right.
///
/// Nothing is thrown away: the originals of what is changed are put aside.
///
/// Thread: that of the caller; nobody else uses the files meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "storage/file.hpp"
#include "storage/format.hpp"
#include "storage/verify.hpp"

namespace leveret::storage {

struct Salvaged {
  std::vector<std::string> copied;  ///< Files whose originals were copied aside and replaced.
  std::vector<std::string> moved;   ///< Files that were moved aside.
  std::vector<std::string> notes;   ///< Sentences of the recovery.
  std::string checkpoint;           ///< What the next start begins with.
  std::uint64_t live_reference_count = 0;
};

/// Repairs the log in `folder` by a verdict on it; originals go into the folder `aside`, which
/// exists. A repair that was broken off can be repeated. Error: a sentence.
Result<Salvaged, std::string> salvage(FileSystem& files, const std::string& folder,
                                      const NodeId& node, const Verdict& verdict,
                                      const std::string& aside);

}  // namespace leveret::storage
