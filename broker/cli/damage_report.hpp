/// What `leveret recover` says: what is damaged, what is lost by it, what was done about it.
///
/// Thread: that of the command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/identity_search.hpp"
#include "storage/salvage.hpp"
#include "storage/verify.hpp"

namespace leveret::cli {

struct Repair {
  std::string folder;  ///< Where the originals are.
  storage::Salvaged salvaged;
  bool identity_restored = false;
  /// Messages in queues that no definition is left of: a start drops them.
  std::uint64_t undefined_count = 0;
};

struct DamageReport {
  std::string path;
  storage::FoundIdentity found;
  storage::Verdict verdict;  ///< Before the repair.
  std::optional<Repair> repair;
  /// What was still wrong afterwards.
  std::optional<storage::Verdict> verdict_after;

  bool is_clean() const { return verdict.is_clean() && found.problem.empty(); }
};

/// For people: lines of text.
std::string text_of(const DamageReport& report);
/// For machines: one JSON object on standard output; its keys stay as they are.
void print_json(const DamageReport& report);

}  // namespace leveret::cli
