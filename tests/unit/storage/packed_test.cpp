#include "storage/packed.hpp"

#include <gtest/gtest.h>

#include <string>

namespace leveret::storage {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> all;
  for (const int value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}

TEST(Packed, WritesNumbersSevenBitsAByte) {
  const std::vector<std::pair<std::uint64_t, std::vector<std::byte>>> expected{
      {0, bytes({0})},
      {127, bytes({127})},
      {128, bytes({0x80, 1})},
      {16383, bytes({0xFF, 0x7F})},
      {16384, bytes({0x80, 0x80, 1})},
      {UINT64_MAX, bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1})},
  };
  for (const auto& [value, packed] : expected) {
    std::vector<std::byte> out;
    PackedWriter(out).number(value);
    EXPECT_EQ(out, packed) << value;
    PackedReader reader(out);
    EXPECT_EQ(reader.number(), value);
    EXPECT_TRUE(reader.ok() && reader.at_end());
  }
}

TEST(Packed, WritesNegativeNumbersShort) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1},
                                   std::int64_t{-64}, std::int64_t{63}, INT64_MAX, INT64_MIN}) {
    std::vector<std::byte> out;
    PackedWriter(out).signed_number(value);
    EXPECT_EQ(out.size(), value >= -64 && value < 64 ? 1U : 10U) << value;
    PackedReader reader(out);
    EXPECT_EQ(reader.signed_number(), value);
  }
}

TEST(Packed, ReadsWhatWasWritten) {
  std::vector<std::byte> out;
  PackedWriter writer(out);
  writer.number(300);
  writer.text("text");
  writer.bytes({});
  writer.signed_number(-7);
  PackedReader reader(out);
  EXPECT_EQ(reader.number(), 300U);
  EXPECT_EQ(reader.text(), "text");
  EXPECT_TRUE(reader.bytes().empty());
  EXPECT_EQ(reader.signed_number(), -7);
  EXPECT_TRUE(reader.ok() && reader.at_end());
}

// Goal: past the end there are zeros, however often one asks, and it is known in the end.
TEST(Packed, GivesZerosPastTheEnd) {
  std::vector<std::byte> out;
  PackedWriter(out).text("text");
  for (std::size_t size = 0; size < out.size(); ++size) {
    const std::span<const std::byte> all(out);
    PackedReader reader(all.first(size));
    EXPECT_TRUE(reader.text().empty());
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.number(), 0U);
    EXPECT_TRUE(reader.bytes().empty());
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Packed, RefusesNumbersThatAreTooLong) {
  const std::vector<std::byte> endless(11, std::byte{0x80});
  PackedReader reader(endless);
  EXPECT_EQ(reader.number(), 0U);
  EXPECT_FALSE(reader.ok());
}

// Goal: a size that is larger than anything is no reason to look beyond the bytes.
TEST(Packed, RefusesSizesThatAreTooLarge) {
  std::vector<std::byte> out;
  PackedWriter(out).number(UINT64_MAX);
  out.resize(out.size() + 10);
  PackedReader reader(out);
  EXPECT_TRUE(reader.bytes().empty());
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace leveret::storage
