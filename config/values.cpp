#include "config/values.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fstream>

namespace leveret::config {

namespace {

tl::unexpected<std::string> wrong(std::string_view text, std::string_view what) {
  return tl::unexpected("'" + std::string(text) + "' " + std::string(what));
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// A whole number and what follows it. False when it does not begin with a number.
bool split_number(std::string_view text, std::uint64_t& number, std::string_view& rest) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return true;
}

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  const auto place = std::find_if(units.begin(), units.end(),
                                  [&](const Unit& unit) { return unit.name == name; });
  return place == units.end() ? nullptr : &*place;
}

/// The largest unit that shows `number` as a whole one. The first unit's factor is 1.
template <std::size_t N>
std::string show_in_units(const std::array<Unit, N>& units, std::uint64_t number) {
  const Unit* best = &units[0];
  for (const Unit& unit : units) {
    if (number != 0 && number % unit.factor == 0) best = &unit;
  }
  return std::to_string(number / best->factor) + std::string(best->name);
}

/// What somebody who wrote "64kb" or "64K" may have meant; empty when that is anyone's guess.
std::string size_units_meant(std::string_view unit) {
  if (unit.empty() || unit.size() > 3) return "";
  const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(unit.front())));
  if (letter != 'K' && letter != 'M' && letter != 'G') return "";
  return {letter};
}

std::uint64_t read_number_file(const char* path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? number : UINT64_MAX;  // "max" is no number.
}

}  // namespace

Parsed<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return wrong(text, "is neither true nor false");
}

Parsed<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t number = 0;
  std::string_view rest;
  if (!split_number(text, number, rest) || !rest.empty()) {
    return wrong(text, "is not a whole number");
  }
  return number;
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::array<Unit, 7> units{{{"", 1},
                                       {"KB", 1000},
                                       {"MB", 1000 * 1000},
                                       {"GB", 1000 * 1000 * 1000},
                                       {"KiB", 1ull << 10},
                                       {"MiB", 1ull << 20},
                                       {"GiB", 1ull << 30}}};
  std::uint64_t number = 0;
  std::string_view rest;
  const Unit* unit = split_number(text, number, rest) ? find_unit(units, rest) : nullptr;
  if (unit == nullptr || number > UINT64_MAX / unit->factor) {
    if (const std::string meant = size_units_meant(rest); unit == nullptr && !meant.empty()) {
      const std::string shown = std::to_string(number) + meant;
      return wrong(text, "is not a size; write " + shown + "B or " + shown + "iB");
    }
    return wrong(text, "is not a size; write a number of bytes, or one with KB, MB, GB, KiB, MiB "
                       "or GiB");
  }
  return number * unit->factor;
}

Parsed<Duration> parse_duration(std::string_view text) {
  constexpr std::array<Unit, 5> units{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  if (text == "0" || text == "off") return Duration{0};
  std::uint64_t number = 0;
  std::string_view rest;
  if (split_number(text, number, rest)) {
    if (rest.empty()) return wrong(text, "needs a unit, for example " + std::string(text) + "s");
    const Unit* unit = find_unit(units, rest);
    if (unit != nullptr && number <= static_cast<std::uint64_t>(INT64_MAX) / unit->factor) {
      return Duration{static_cast<std::int64_t>(number * unit->factor)};
    }
  }
  return wrong(text, "is not a duration; write a number with ms, s, m, h or d");
}

Parsed<std::uint64_t> parse_percent(std::string_view text) {
  std::uint64_t percent = 0;
  std::string_view rest;
  if (!split_number(text, percent, rest) || rest != "%") return wrong(text, "is not a percentage");
  return percent;
}

Parsed<std::uint64_t> parse_share(std::string_view text, std::uint64_t whole_bytes) {
  if (!text.ends_with('%')) return parse_size(text);
  const auto percent = parse_percent(text);
  if (!percent) return percent;
  if (*percent < 1 || *percent > 95) {
    return tl::unexpected(std::string(text) + " is out of range (1%..95%)");
  }
  return whole_bytes / 100 * *percent;
}

Parsed<Bind> parse_bind(std::string_view text) {
  if (text.starts_with("unix:")) {
    return wrong(text, "cannot be listened on: UNIX sockets are not supported by this version of "
                       "Leveret yet");
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return wrong(text, "has no port; write address:port, or :port for all addresses");
  }
  const auto port = parse_count(text.substr(colon + 1));
  if (!port) return wrong(text, "has no port number after the colon");
  if (*port > 65535) {
    return tl::unexpected("port " + std::to_string(*port) + " is out of range (0..65535)");
  }
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return wrong(text, "is not clear; write an IPv6 address as [address]:port");
  }
  return Bind{std::string(address), static_cast<std::uint16_t>(*port)};
}

std::string show_size(std::uint64_t bytes) {
  constexpr std::array<Unit, 4> units{
      {{"", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}}};
  return show_in_units(units, bytes);
}

std::string show_duration(std::uint64_t milliseconds) {
  constexpr std::array<Unit, 5> units{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  return milliseconds == 0 ? "0" : show_in_units(units, milliseconds);
}

std::uint64_t memory_total_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  std::uint64_t total_kib = 0;
  meminfo >> name >> total_kib;
  return std::min({total_kib * 1024, read_number_file("/sys/fs/cgroup/memory.max"),
                   read_number_file("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

unsigned cpu_count() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  auto count = static_cast<std::uint64_t>(CPU_COUNT(&allowed));
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  if (quota_file >> quota >> period && period > 0) {
    count = std::min(count, std::max<std::uint64_t>(1, quota / period));
  }
  return static_cast<unsigned>(std::max<std::uint64_t>(1, count));
}

}  // namespace leveret::config
