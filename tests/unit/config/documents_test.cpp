// The documents that are made from the table of keys say what the table says.
//
// With LEVERET_UPDATE_DOCUMENTS=1 in the environment they are written anew.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "config/keys.hpp"
#include "config/load.hpp"

namespace leveret::config {
namespace {

constexpr std::string_view table_begin = "<!-- keys: made from the table in keys.cpp -->\n";
constexpr std::string_view table_end = "<!-- end of keys -->\n";

const std::filesystem::path config_folder = std::filesystem::path(LEVERET_SOURCE_DIR) / "config";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Compares a document with what it should be, or makes it so.
void expect_document(const std::filesystem::path& path, const std::string& wanted) {
  if (std::getenv("LEVERET_UPDATE_DOCUMENTS") != nullptr) {
    std::ofstream(path, std::ios::binary) << wanted;
  }
  EXPECT_EQ(read(path), wanted) << path
                                << " differs; LEVERET_UPDATE_DOCUMENTS=1 unit_config writes it";
}

TEST(Documents, TheReadmeHasTheTableOfKeys) {
  const std::filesystem::path path = config_folder / "README.md";
  const std::string text = read(path);
  const std::size_t begin = text.find(table_begin);
  const std::size_t end = text.find(table_end);
  ASSERT_NE(begin, std::string::npos) << path;
  ASSERT_NE(end, std::string::npos) << path;
  ASSERT_LT(begin, end) << path;
  expect_document(path, text.substr(0, begin + table_begin.size()) + key_table() +
                            text.substr(end));
}

TEST(Documents, TheDefaultFileIsWhatTheProgramPrints) {
  expect_document(config_folder / "leveret.yaml", default_file());
}

// Goal: whoever edits the default file by taking the comment signs away gets something valid.
TEST(Documents, TheDefaultFileIsAcceptedAndChangesNothing) {
  Sources sources;
  sources.files = {(config_folder / "leveret.yaml").string()};
  const auto loaded = load(sources);
  ASSERT_TRUE(loaded) << loaded.error().front();
  const auto untouched = load({});
  ASSERT_TRUE(untouched) << untouched.error().front();
  EXPECT_TRUE(changes_needing_restart(untouched->config, loaded->config).empty());
  EXPECT_EQ(loaded->config.limits.frame_max_bytes, untouched->config.limits.frame_max_bytes);
  EXPECT_EQ(loaded->config.vhosts, untouched->config.vhosts);
}

// Goal: who looks for a key of RabbitMQ or of a later version finds that it is not there yet.
TEST(Documents, TheReadmeNamesEveryKeyThatIsRefusedForNow) {
  const std::string text = read(config_folder / "README.md");
  for (const std::string_view later : keys_not_supported_yet()) {
    EXPECT_NE(text.find("`" + std::string(later) + "`"), std::string::npos)
        << later << " is refused, and the README does not say so";
  }
}

}  // namespace
}  // namespace leveret::config
