/// What the texts of a configuration mean: sizes, durations, addresses.
///
/// Errors are the end of a sentence that begins with the key: "'60' needs a unit, ...".
///
/// Thread: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "protocol/base/result.hpp"

namespace leveret::config {

template <class T>
using Parsed = Result<T, std::string>;

/// true or false, and nothing else.
Parsed<bool> parse_bool(std::string_view text);
/// A whole number without sign.
Parsed<std::uint64_t> parse_count(std::string_view text);
/// Bytes, or with KB MB GB (thousands) or KiB MiB GiB (1024).
Parsed<std::uint64_t> parse_size(std::string_view text);
/// A number with ms, s, m, h or d; 0 and off are zero.
Parsed<Duration> parse_duration(std::string_view text);
/// A whole number followed by %; it is the number that is returned.
Parsed<std::uint64_t> parse_percent(std::string_view text);
/// "40%" of `whole`, or a size. Percents from 1 to 95.
Parsed<std::uint64_t> parse_share(std::string_view text, std::uint64_t whole_bytes);
/// "host:port", ":port", "[::1]:port".
Parsed<Bind> parse_bind(std::string_view text);

/// The shortest way to write so many bytes: "128KiB", "4194305".
std::string show_size(std::uint64_t bytes);
/// The shortest way to write so long: "90s", "10m", "0".
std::string show_duration(std::uint64_t milliseconds);

/// Memory this process may use: of the machine, or of its cgroup when that is less.
std::uint64_t memory_total_bytes();
/// CPUs this process may use.
unsigned cpu_count();

}  // namespace leveret::config
