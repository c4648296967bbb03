/// From files, environment and command line to a checked configuration.
///
/// Thread: start-up and reload only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "protocol/base/result.hpp"

namespace leveret::config {

/// Where settings come from; each wins over the ones before it.
struct Sources {
  std::vector<std::string> files;                  ///< Paths of YAML files, in order.
  /// Those that matter begin LEVERET_ or RABBITMQ_.
  std::map<std::string, std::string> environment;
  std::vector<std::string> overrides;              ///< "key.path=value", as --set gives them.
};

/// What is wrong, each as "file:line:column: key: sentence".
using Problems = std::vector<std::string>;

struct Loaded {
  Config config;
  /// Where each value came from: "default", "file:line:column", "environment ...", "--set".
  std::map<std::string, std::string> origins;
  /// The simple values that were given, as YAML.
  std::map<std::string, std::string> values;
  std::vector<std::string> warnings;
};

/// Reads and checks everything. All problems are found at once.
Result<Loaded, Problems> load(const Sources& sources);

/// The default configuration as a commented file.
std::string default_file();

/// All values with their origins, as YAML.
std::string print_effective(const Loaded& loaded);

/// Keys that differ and that a running node cannot change.
std::vector<std::string> changes_needing_restart(const Config& running, const Config& next);

/// Whether auth.default_user is another one now, wherever it is written. A node that has its data
/// takes no notice of that. False when a user of auth.users stands in its place.
bool default_user_differs(const Config& running, const Config& next);

}  // namespace leveret::config
