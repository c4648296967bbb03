/// Arguments and properties as a command line says them: `x-max-priority=10,x-queue-mode=lazy`.
///
/// Thread: plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::cli {

/// Names and values in the order they were said.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

/// Reads pairs separated by commas. Error: a sentence.
Result<KeyValues, std::string> parse_key_values(std::string_view text);

/// `true`, `false` and whole numbers are that, as in PerfTest; all else is a long string.
protocol::FieldTable field_table(const KeyValues& pairs);

/// A table as it goes over the wire, without the length before it.
std::vector<std::byte> encoded_content(const protocol::FieldTable& table);

}  // namespace leveret::cli
