/// A log whose files are damaged between two lives.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {

class RecoveryTest : public LogFixture {
 protected:
  RecoveryTest() { settings.segment_size_bytes = 8192; }

  using Files = std::map<std::string, std::vector<std::byte>>;

  void put_all(const Files& all) {
    kill();
    for (const std::string& name : disk.names(folder)) disk.erase(path(name));
    for (const auto& [name, bytes] : all) disk.put(name, bytes);
  }
  void change_byte(const std::string& name, std::uint64_t position) {
    auto bytes = disk.bytes(path(name));
    ASSERT_LT(position, bytes.size());
    bytes[position] ^= std::byte{0x40};
    disk.put(path(name), std::move(bytes));
  }
  void cut_off(const std::string& name, std::uint64_t size_bytes) {
    auto bytes = disk.bytes(path(name));
    bytes.resize(size_bytes);
    disk.put(path(name), std::move(bytes));
  }
  void expect_refusal(const std::vector<std::string>& words) {
    EXPECT_FALSE(try_open());
    for (const std::string& word : words) {
      EXPECT_NE(refusal.find(word), std::string::npos) << refusal << "\nhas no " << word;
    }
  }
  /// Three committed messages in segment 1, whose end is attested.
  void commit_three() {
    open();
    for (const char* text : {"one", "two", "three"}) {
      append(text);
      commit();
    }
    run_seconds(1);
    kill();
  }
  /// Three segments with a message each, the first two sealed; no checkpoint.
  void commit_three_segments() {
    open();
    for (const char* text : {"one", "two", "three"}) {
      append(text + std::string(5000, '.'));
      commit();
    }
    run_seconds(1);
    kill();
  }
};

}  // namespace leveret::storage
