/// The settings that are more than one value: listeners, users, virtual hosts, log outputs.
///
/// Thread: start-up and reload only.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/tree.hpp"

namespace leveret::config {

/// Paths that are read here and not by the table of keys.
std::span<const std::string_view> structure_paths();

/// What reading them needs.
struct StructureSource {
  std::function<const Item*(std::string_view path)> given;  ///< Null when it is not given.
  std::vector<std::string>& problems;
  std::vector<std::string>& warnings;
  std::map<std::string, std::string>& origins;
};

void read_structures(const StructureSource& source, Config& config);

}  // namespace leveret::config
