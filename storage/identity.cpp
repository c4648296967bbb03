#include "storage/identity.hpp"

#include <algorithm>
#include <string_view>

#include "storage/crc32c.hpp"

namespace leveret::storage {

namespace {

constexpr std::string_view magic = "LEVERETD";
constexpr std::size_t format_offset = 8;
constexpr std::size_t flags_offset = 12;
constexpr std::size_t node_id_offset = 16;
constexpr std::size_t summed_size_bytes = 32;
constexpr std::size_t number_size_bytes = 4;
constexpr std::size_t size_bytes = summed_size_bytes + number_size_bytes;
constexpr std::uint32_t set_up_flag = 1;

void put(std::span<std::byte> bytes, std::size_t offset, std::uint32_t number) {
  for (std::size_t i = 0; i < number_size_bytes; ++i) {
    bytes[offset + i] = static_cast<std::byte>(number >> (8 * i));
  }
}

std::uint32_t get(std::span<const std::byte> bytes, std::size_t offset) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < number_size_bytes; ++i) {
    number |= std::to_integer<std::uint32_t>(bytes[offset + i]) << (8 * i);
  }
  return number;
}

bool is_whole(std::span<const std::byte> bytes) {
  if (bytes.size() < flags_offset + number_size_bytes) return false;
  const auto begins_as_ours = [&] {
    return std::equal(magic.begin(), magic.end(), bytes.begin(),
                      [](char letter, std::byte byte) { return std::byte(letter) == byte; });
  };
  const std::size_t summed = bytes.size() - number_size_bytes;
  return begins_as_ours() && get(bytes, summed) == crc32c(0, bytes.first(summed));
}

}  // namespace

std::vector<std::byte> encode_identity(const Identity& identity) {
  std::vector<std::byte> bytes(size_bytes);
  std::transform(magic.begin(), magic.end(), bytes.begin(),
                 [](char letter) { return std::byte(letter); });
  put(bytes, format_offset, format_version);
  put(bytes, flags_offset, identity.is_set_up ? set_up_flag : 0);
  std::copy(identity.node_id.begin(), identity.node_id.end(), bytes.begin() + node_id_offset);
  put(bytes, summed_size_bytes, crc32c(0, std::span(bytes).first(summed_size_bytes)));
  return bytes;
}

Result<Identity, std::string> decode_identity(std::span<const std::byte> bytes) {
  const auto damaged = [] {
    return tl::unexpected(std::string("has a file identity that is damaged, or not Leveret's"));
  };
  if (!is_whole(bytes)) return damaged();
  const std::uint32_t format = get(bytes, format_offset);
  if (format > format_version) {
    return tl::unexpected("has format " + std::to_string(format) +
                          "; this Leveret knows formats up to " + std::to_string(format_version));
  }
  const std::uint32_t flags = get(bytes, flags_offset);
  if (format == 0 || bytes.size() != size_bytes || (flags & ~set_up_flag) != 0) return damaged();
  Identity identity;
  const auto id = bytes.subspan(node_id_offset, identity.node_id.size());
  std::copy(id.begin(), id.end(), identity.node_id.begin());
  identity.is_set_up = (flags & set_up_flag) != 0;
  identity.format = format;
  return identity;
}

}  // namespace leveret::storage
