/// Configurations for tests: YAML in files that are gone afterwards, and what comes of it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace leveret::config {

/// A file that is removed at the end of its life.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    std::string path = testing::TempDir() + "leveret-config-" + std::string(6, 'X');
    const int descriptor = ::mkstemp(path.data());
    EXPECT_GE(descriptor, 0);
    ::close(descriptor);
    path_ = path;
    std::ofstream(path_) << content;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What is wrong with a document, its path replaced by "f".
inline Problems problems_of(const std::string& yaml) {
  const TemporaryFile file(yaml);
  const auto loaded = load({{file.path()}, {}, {}});
  if (loaded) return {};
  Problems problems = loaded.error();
  for (std::string& problem : problems) {
    for (std::size_t at = problem.find(file.path()); at != std::string::npos;
         at = problem.find(file.path())) {
      problem.replace(at, file.path().size(), "f");
    }
  }
  return problems;
}

/// A document that must be right, with the environment and --set.
inline Loaded loaded_from(const std::string& yaml,
                          const std::map<std::string, std::string>& environment = {},
                          const std::vector<std::string>& overrides = {}) {
  const TemporaryFile file(yaml);
  auto loaded = load({{file.path()}, environment, overrides});
  if (!loaded) {
    for (const std::string& problem : loaded.error()) ADD_FAILURE() << problem;
    return {};
  }
  for (auto& [key, origin] : loaded->origins) {
    if (origin.starts_with(file.path())) origin.replace(0, file.path().size(), "f");
  }
  return *loaded;
}

}  // namespace leveret::config
