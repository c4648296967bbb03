#include <gtest/gtest.h>

#include <array>

#include "protocol/utf8.hpp"
#include "protocol/wire_reader.hpp"
#include "protocol/wire_writer.hpp"
#include "tests/unit/protocol/bytes_of_text.hpp"

namespace leveret::protocol {
namespace {

TEST(WireWriter, WritesTheMostSignificantByteFirst) {
  std::array<std::byte, 15> memory{};
  WireWriter writer(memory);
  writer.write_u8(0x01);
  writer.write_u16(0x0203);
  writer.write_u32(0x04050607);
  writer.write_u64(0x08090a0b0c0d0e0f);
  EXPECT_EQ(hex(memory), "0102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(writer.position(), memory.size());
}

TEST(WireWriter, WritesStringsWithTheirLengths) {
  std::array<std::byte, 11> memory{};
  WireWriter writer(memory);
  writer.write_short_string("ab");
  writer.write_long_string("c");
  writer.write_short_string("");
  writer.write_bytes(bytes({9, 8}));
  EXPECT_EQ(hex(memory), "026162000000016300" "0908");
}

// Goal: a size reckoned wrongly stops the process; it never writes over what lies behind.
TEST(WireWriterDeathTest, RefusesToWriteBeyondItsMemory) {
  std::array<std::byte, 3> memory{};
  WireWriter writer(memory);
  writer.write_u16(1);
  EXPECT_DEATH(writer.write_u16(2), "fits the size reckoned for it");
}

TEST(WireWriterDeathTest, RefusesAShortStringThatIsTooLong) {
  std::array<std::byte, 300> memory{};
  WireWriter writer(memory);
  writer.write_short_string(std::string(255, 'x'));
  EXPECT_DEATH(writer.write_short_string(std::string(256, 'x')), "at most 255 bytes");
}

TEST(WireReader, ReadsWhatAWriterWrote) {
  std::array<std::byte, 30> memory{};
  WireWriter writer(memory);
  writer.write_u8(0xFE);
  writer.write_u16(0xFEDC);
  writer.write_u32(0xFEDCBA98);
  writer.write_u64(0xFEDCBA9876543210);
  writer.write_short_string("key");
  writer.write_long_string("value");
  writer.write_u16(7);

  WireReader reader(memory);
  EXPECT_EQ(reader.read_u8(), 0xFE);
  EXPECT_EQ(reader.read_u16(), 0xFEDC);
  EXPECT_EQ(reader.read_u32(), 0xFEDCBA98);
  EXPECT_EQ(reader.read_u64(), 0xFEDCBA9876543210);
  EXPECT_EQ(reader.read_short_string(), "key");
  EXPECT_EQ(reader.read_long_string(), "value");
  EXPECT_EQ(reader.remaining(), 2u);
  EXPECT_EQ(hex(reader.remaining_bytes()), "0007");
  EXPECT_FALSE(reader.failed());
}

// Goal: strings and tables are views of what was read, not copies.
TEST(WireReader, GivesViewsOfItsInput) {
  const Bytes input = bytes({1, 'a', 0, 0, 0, 2, 'b', 'c'});
  WireReader reader(input);
  EXPECT_EQ(static_cast<const void*>(reader.read_short_string().data()), input.data() + 1);
  EXPECT_EQ(reader.read_table().content.data(), input.data() + 6);
}

// Goal: after the first read beyond the end everything is zero and empty, and it stays failed.
TEST(WireReader, StaysFailedAfterAReadBeyondTheEnd) {
  const Bytes input = bytes({5, 'a', 'b', 'c', 1, 2, 3, 4});
  WireReader reader(input);
  EXPECT_EQ(reader.read_long_string(), "");  // 0x05616263 bytes are not there.
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.read_u8(), 0);
  EXPECT_EQ(reader.read_u64(), 0u);
  EXPECT_EQ(reader.read_short_string(), "");
  EXPECT_TRUE(reader.read_table().empty());
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_TRUE(reader.failed());
}

TEST(WireReader, FailsForEachIntegerThatIsCutOff) {
  const Bytes input = bytes({1, 2, 3, 4, 5, 6, 7});
  for (std::size_t size = 0; size < 8; ++size) {
    const auto part = std::span(input).first(std::min(size, input.size()));
    WireReader one(part), two(part), four(part), eight(part);
    one.read_u8();
    two.read_u16();
    four.read_u32();
    eight.read_u64();
    EXPECT_EQ(one.failed(), part.size() < 1) << size;
    EXPECT_EQ(two.failed(), part.size() < 2) << size;
    EXPECT_EQ(four.failed(), part.size() < 4) << size;
    EXPECT_TRUE(eight.failed()) << size;
  }
}

TEST(WireReader, NotesNamesThatAreNotText) {
  const Bytes input = bytes({2, 'o', 'k', 2, 0xC3, 0xA9, 1, 0xE9, 1, 'k'});
  WireReader reader(input);
  EXPECT_EQ(reader.read_text(), "ok");
  EXPECT_EQ(reader.read_text(), "\xC3\xA9");
  EXPECT_FALSE(reader.bad_text());
  EXPECT_EQ(reader.read_text(), "\xE9");
  EXPECT_TRUE(reader.bad_text());
  EXPECT_EQ(reader.read_text(), "k");
  EXPECT_TRUE(reader.bad_text());
  EXPECT_FALSE(reader.failed());
}

TEST(Utf8, TakesTextOfEveryWidth) {
  for (const std::string_view text :
       {"", "a", "12345678", "1234567\xC3\xA9", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF0\x9F\x90\xB0",
        "\xF4\x8F\xBF\xBF", "a\xE2\x82\xAC" "b12345678"}) {
    EXPECT_TRUE(is_utf8(text)) << hex(bytes_of(text));
  }
}

TEST(Utf8, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2" "a", "\xC3\xC3", "\xE0\x9F\xBF",
        "\xE2\x82", "\xE2\x82" "a", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF",
        "\xF0\x9F\x90", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF", "12345678\xFF",
        "1234567\xC3", "1234567\xC3" "12345678"}) {
    EXPECT_FALSE(is_utf8(text)) << hex(bytes_of(text));
  }
}

}  // namespace
}  // namespace leveret::protocol
