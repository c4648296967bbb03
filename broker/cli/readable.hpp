/// Numbers, times, names and tables as people read them.
///
/// Thread: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leveret::cli {

/// "1,234,567".
std::string readable_count(std::uint64_t count);
/// "3 records", "1 record".
std::string readable_count(std::uint64_t count, std::string_view noun);
/// "17 B", "1.5 MiB".
std::string readable_size(std::uint64_t size_bytes);
/// "2026-02-03 04:05:06.789 UTC", of milliseconds since 1970.
std::string readable_time(std::uint64_t since_1970_ms);
/// "0a1b..." of each byte.
std::string hexadecimal(std::span<const std::byte> bytes);

/// As it is where all of it is printable, else with \x1b for what is not.
std::string printable(std::string_view text);

/// Rows of cells in columns; the first row is the heads.
class TextTable {
 public:
  /// A head that begins with '>' is that of a column of numbers: they stand to the right.
  explicit TextTable(std::vector<std::string> heads);

  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.size() < 2; }
  /// A line for each row, each indented by two blanks.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> is_number_;
};

}  // namespace leveret::cli
