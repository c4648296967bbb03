#include "storage/crc32c.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace leveret::storage {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::uint32_t bit_by_bit(std::uint32_t seed, std::span<const std::byte> bytes) {
  std::uint32_t state = ~seed;
  for (const std::byte byte : bytes) {
    state ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) ? 0x82F63B78u : 0u);
  }
  return ~state;
}

// Goal: the published vectors (RFC 3720, appendix B.4, and the check value of CRC-32C).
TEST(Crc32c, GivesThePublishedSums) {
  EXPECT_EQ(crc32c(0, bytes_of("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(0, std::vector<std::byte>(32, std::byte{0x00})), 0x8A9136AAu);
  EXPECT_EQ(crc32c(0, std::vector<std::byte>(32, std::byte{0xFF})), 0x62A8AB43u);
  EXPECT_EQ(crc32c(0, {}), 0u);
}

// Goal: a sum can be taken in pieces, cut anywhere, with any seed.
TEST(Crc32c, GoesOnFromTheSumOfWhatCameBefore) {
  const std::string_view text = "the frames of a turn, written one after the other";
  for (const std::uint32_t seed : {0u, 1u, 0xDEADBEEFu}) {
    const std::uint32_t whole = crc32c(seed, bytes_of(text));
    EXPECT_EQ(whole, bit_by_bit(seed, bytes_of(text)));
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const std::uint32_t front = crc32c(seed, bytes_of(text.substr(0, cut)));
      EXPECT_EQ(crc32c(front, bytes_of(text.substr(cut))), whole) << "cut at " << cut;
    }
  }
}

// Goal: lengths and alignments that the library treats differently all give the same sum.
TEST(Crc32c, AgreesWithTheBitwiseFormAtEveryLengthAndAlignment) {
  std::vector<std::byte> bytes(4200);
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = std::byte((at * 131 + 7) & 0xFF);
  for (std::size_t start = 0; start < 16; ++start) {
    for (const std::size_t size : {1u, 7u, 8u, 15u, 16u, 63u, 64u, 255u, 1024u, 3072u, 4100u}) {
      const auto part = std::span<const std::byte>(bytes).subspan(start, size);
      EXPECT_EQ(crc32c(0, part), bit_by_bit(0, part)) << size << " bytes from " << start;
    }
  }
}

}  // namespace
}  // namespace leveret::storage
