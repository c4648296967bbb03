// The bytes on the disk, written out: a change here makes data of other versions unreadable.

#include "storage/format.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "storage/checkpoint.hpp"
#include "storage/crc32c.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_index.hpp"
#include "storage/submission.hpp"

namespace leveret::storage {
namespace {

constexpr std::uint32_t segment = 7;

NodeId counting_node() {
  NodeId node;
  for (std::size_t i = 0; i < node.size(); ++i) node[i] = static_cast<std::byte>(i);
  return node;
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += digits[static_cast<std::size_t>(byte) >> 4];
    text += digits[static_cast<std::size_t>(byte) & 15];
  }
  return text;
}

std::span<const std::byte> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text));
}

SegmentHeader segment_header() {
  SegmentHeader header;
  header.segment = segment;
  header.generation = 2;
  header.epoch = 3;
  header.node = counting_node();
  header.file_size_bytes = 64 << 20;
  seal_header(header, segment_seed(counting_node(), segment));
  return header;
}

TEST(Format, WritesASegmentHeaderSo) {
  const std::string expected =
      "4c5652545345470a"  // magic
      "02000000"  // format
      "07000000"  // segment
      "02000000"  // generation
      "03000000"  // epoch
      "000102030405060708090a0b0c0d0e0f"  // node
      "0000000400000000"  // size of the file
      "000000000000000000000000"  // unused
      "baeaed19";  // check sum
  EXPECT_EQ(hex(bytes_of(segment_header())), expected);
  EXPECT_TRUE(header_is_valid(segment_header(), segment_seed(counting_node(), segment)));
}

TEST(Format, WritesAFrameAndItsRecordsSo) {
  Submission submission;
  LogPlace place;
  const std::array<std::uint64_t, 2> queues{42, 1ull << 32};
  const std::array parts{bytes_of_text("hello "), bytes_of_text("world")};
  MessageRecord message;
  message.queues = queues;
  message.published_at_ms = 1'700'000'000'000;
  message.expiration_ms = 60'000;
  message.body_size_bytes = 11;
  message.parts = parts;
  submission.add_message(message, place);
  submission.add_definition(RecordKind::define, "key", "value");
  submission.add_definition(RecordKind::undefine, "key", "");
  submission.add_definition(RecordKind::undefine_all, "ke", "");
  submission.add_delivered(LogPlace{6, 1, 0, 0}, 0);
  submission.add_settled(LogPlace{6, 3, 0, 0}, 0);
  submission.add_settled(LogPlace{6, 3, 0, 0}, 1);
  submission.add_settled(place, 0);
  submission.place_at(segment, 512, 5);
  submission.finish(segment_seed(counting_node(), segment), 512, 3);
  std::vector<iovec> pieces;
  submission.append_pieces(pieces);
  std::string written;
  for (const iovec& piece : pieces) {
    written += hex({static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
  }
  const std::string expected =
      "4c46524d"  // magic
      "08010000"  // size
      "40000000"  // position / 8
      "40000000"  // durable up to / 8
      "06000000"  // records
      "03000000"  // epoch
      "00000000"  // flags
      "07000000"  // segment
      "00000000"  // unused
      "f636b8e9"  // check sum
      "371fd352"  // message: check sum
      "43000000"  // size
      "01000000"  // kind, unused
      "05000000"  // first ordinal
      "0068e5cf8b010000"  // published at
      "60ea000000000000"  // expiration
      "0b000000"  // size of the body
      "02000000"  // queues
      "2a00000000000000"  // 42
      "0000000001000000"  // 4294967296
      "68656c6c6f20776f726c64"  // hello world
      "0000000000"  // padding
      "4f4a932b"  // define: check sum
      "1c000000"  // size
      "04000000"  // kind, unused
      "00000000"  // first ordinal
      "03000000"  // size of the key
      "6b6579"  // key
      "76616c7565"  // value
      "00000000"  // padding
      "a8f7e31a"  // undefine: check sum
      "13000000"  // size
      "05000000"  // kind, unused
      "00000000"  // first ordinal
      "6b6579"  // key
      "0000000000"  // padding
      "182b27c3"  // undefine all: check sum
      "12000000"  // size
      "06000000"  // kind, unused
      "00000000"  // first ordinal
      "6b65"  // ke
      "000000000000"  // padding
      "dde4bfab"  // delivered: check sum
      "1c000000"  // size
      "03000000"  // kind, unused
      "00000000"  // first ordinal
      "060000000100000001000000"  // segment 6, from 1, one
      "00000000"  // padding
      "f8254d5e"  // settled: check sum
      "28000000"  // size
      "02000000"  // kind, unused
      "00000000"  // first ordinal
      "060000000300000002000000"  // segment 6, from 3, two
      "070000000500000001000000";  // segment 7, from 5, one
  EXPECT_EQ(written, expected);
  EXPECT_EQ(place.segment, segment);
  EXPECT_EQ(place.position, (512 + 40) / 8);
  EXPECT_EQ(place.first_ordinal, 5U);
  EXPECT_EQ(place.size_bytes, 67U);
}

TEST(Format, WritesReturnsSo) {
  Submission submission;
  submission.add_returned(LogPlace{6, 3, 0, 0}, 1, {2, true});
  submission.add_returned(LogPlace{6, 9, 0, 0}, 0, {1, false});
  submission.place_at(segment, 512, 5);
  submission.finish(segment_seed(counting_node(), segment), 512, 3);
  std::vector<iovec> pieces;
  submission.append_pieces(pieces);
  ASSERT_EQ(pieces.size(), 1U);
  const std::span bytes(static_cast<const std::byte*>(pieces[0].iov_base), pieces[0].iov_len);
  EXPECT_EQ(hex(bytes.subspan(sizeof(FrameHeader))),
      "8a6732f4"  // check sum
      "28000000"  // size
      "07000000"  // kind, unused
      "00000000"  // first ordinal
      "060000000400000005000000"  // segment 6, 4: back twice, and out
      "060000000900000002000000");  // segment 6, 9: back once
}

TEST(Format, WritesASealSo) {
  const FrameHeader seal =
      empty_frame(counting_node(), segment, 1024, 960, 3, FrameHeader::seal_flag);
  EXPECT_EQ(hex(bytes_of(seal)),
      "4c46524d"  // magic
      "28000000"  // size
      "80000000"  // position / 8
      "78000000"  // durable up to / 8
      "00000000"  // records
      "03000000"  // epoch
      "01000000"  // flags
      "07000000"  // segment
      "00000000"  // unused
      "b3c41bcd");  // check sum
}

TEST(Format, WritesAnIndexSo) {
  SegmentIndex index;
  const auto add = [&](std::uint32_t ordinal, std::uint32_t position, std::uint32_t size,
                       MessageHeader header, std::vector<std::uint64_t> queues) {
    header.queue_count = static_cast<std::uint32_t>(queues.size());
    index.add(ordinal, position, size, {header, std::as_bytes(std::span(queues)), {}});
  };
  add(5, 69, 67, {1'700'000'000'000, 60'000, 11, 0}, {42, 1ull << 32});
  add(7, 100, 300, {1'699'999'999'999, no_expiration, 200, 0}, {1});
  const std::string expected =
      "4c5652544944580a"  // magic
      "02000000"  // format
      "07000000"  // segment
      "02000000"  // generation
      "985c6009"  // body's check sum
      "1e00000000000000"  // body's size
      "0200000000000000"  // messages
      "baeaed19"  // the segment header's check sum
      "18de1e5a"  // check sum
      "05"  // first ordinal
      "45"  // position / 8
      "43"  // size
      "0b"  // size of the body
      "80a0abfef962"  // published at
      "e1d403"  // expiration + 1
      "02"  // queues
      "2a"  // 42
      "8080808010"  // 4294967296
      "02"  // first ordinal: 2 more
      "1f"  // position / 8: 31 more
      "ac02"  // size
      "c801"  // size of the body
      "01"  // published at: 1 less
      "00"  // no expiration
      "01"  // queues
      "01";  // 1
  EXPECT_EQ(hex(index.file_bytes(segment_header())), expected);
}

TEST(Format, WritesACheckpointSo) {
  Checkpoint checkpoint;
  checkpoint.segment = 9;
  checkpoint.epoch = 3;
  checkpoint.state.definitions() = {{"a", "first"}, {"b", ""}};
  SegmentState& state = checkpoint.state.segments()[4];
  state.reference_count = 3;
  state.live_count = 2;
  state.end_position = 1000;
  state.live_size_bytes = 160;
  state.settled.set(1, 1);
  state.delivered.set(2, 1);
  state.return_counts = {{0, 300}, {2, 1}};
  // Nothing is alive in it, so it is left out.
  checkpoint.state.segments()[5].reference_count = 0;
  const std::string expected =
      "4c565254434b500a"  // magic
      "02000000"  // format
      "09000000"  // segment
      "03000000"  // epoch
      "853fae19"  // body's check sum
      "2c00000000000000"  // body's size
      "00000000"  // unused
      "c59ae5d8"  // check sum
      "02"  // definitions
      "0161"  // a
      "056669727374"  // first
      "0162"  // b
      "00"  // nothing
      "01"  // segments
      "04"  // number
      "03"  // references
      "02"  // alive
      "e807"  // end
      "a001"  // size of what is alive
      "08"  // size of
      "0200000000000000"  // the settled bits
      "08"  // size of
      "0400000000000000"  // the delivered bits
      "02"  // of so many it is known how often they came back
      "00"  // the first
      "ac02"  // 300 times
      "02"  // two further
      "01";  // once
  EXPECT_EQ(hex(encode_checkpoint(checkpoint, counting_node())), expected);
}

TEST(Format, NamesFilesSo) {
  EXPECT_EQ(segment_name(12), "0000000012.seg");
  EXPECT_EQ(index_name(4'294'967'295), "4294967295.idx");
  EXPECT_EQ(checkpoint_name(1), "checkpoint-0000000001");
  EXPECT_EQ(checkpoint_copy_name(1), "checkpoint-0000000001.copy");
}

TEST(Format, FindsNumbersInNames) {
  EXPECT_EQ(number_in_segment_name("0000000012.seg"), 12U);
  EXPECT_EQ(number_in_index_name("4294967294.idx"), 4'294'967'294U);
  EXPECT_EQ(number_in_checkpoint_name("checkpoint-0000000012"), 12U);
  EXPECT_EQ(number_in_checkpoint_copy_name("checkpoint-0000000012.copy"), 12U);
  for (const char* name : {"12.seg", "0000000012.seg.new", "00000000012.seg", "000000001x.seg",
                           "-000000012.seg", " 000000012.seg", "4294967296.seg", ".seg", "seg", "",
                           "spare-0000000012.seg", "0000000012.SEG", "0000000000.seg",
                           "4294967295.seg"}) {
    EXPECT_FALSE(number_in_segment_name(name)) << name;
  }
  for (const char* name : {"checkpoint-", "checkpoint-12", "checkpoint-0000000012.new",
                           "checkpoint-0000000012.copy", "Checkpoint-0000000012",
                           "checkpoint-0000000000"}) {
    EXPECT_FALSE(number_in_checkpoint_name(name)) << name;
  }
  EXPECT_FALSE(number_in_checkpoint_copy_name("checkpoint-0000000012"));
  EXPECT_FALSE(number_in_checkpoint_copy_name("checkpoint-0000000012.copy.new"));
}

// ---- what is read is not believed ----------------------------------------------------------

class RecordReading : public ::testing::Test {
 protected:
  static std::vector<std::byte> record_of(std::string_view payload) {
    RecordHeader header;
    header.kind = RecordKind::define;
    header.size_bytes = static_cast<std::uint32_t>(sizeof(header) + payload.size());
    std::vector<std::byte> bytes(header.size_bytes);
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::memcpy(bytes.data() + sizeof(header), payload.data(), payload.size());
    header.checksum = crc32c(99, std::span(bytes).subspan(4));
    std::memcpy(bytes.data(), &header, sizeof(header));
    return bytes;
  }
};

TEST_F(RecordReading, BelievesARightRecord) {
  auto bytes = record_of("payload");
  bytes.resize(bytes.size() + 100);
  const auto record = read_record(bytes, 99);
  ASSERT_TRUE(record);
  EXPECT_EQ(read_text(record->payload), "payload");
  EXPECT_EQ(record->header.kind, RecordKind::define);
}

TEST_F(RecordReading, BelievesNoOther) {
  const auto right = record_of("payload");
  EXPECT_FALSE(read_record(right, 98));
  for (std::size_t size = 0; size < right.size(); ++size) {
    EXPECT_FALSE(read_record(std::span(right).first(size), 99)) << size;
  }
  for (std::size_t position = 0; position < right.size(); ++position) {
    auto bytes = right;
    bytes[position] ^= std::byte{1};
    EXPECT_FALSE(read_record(bytes, 99)) << position;
  }
  EXPECT_FALSE(read_record(std::vector<std::byte>(100), 0));
}

TEST(Format, SeedsDifferBySegmentAndNode) {
  NodeId other = counting_node();
  other[15] = std::byte{0};
  EXPECT_NE(segment_seed(counting_node(), 1), segment_seed(counting_node(), 2));
  EXPECT_NE(segment_seed(counting_node(), 1), segment_seed(other, 1));
}

TEST(Format, TakesNoMessageApartThatIsTooShort) {
  MessageHeader header;
  header.queue_count = 2;
  std::vector<std::byte> payload(sizeof(header) + 16 + 3);
  std::memcpy(payload.data(), &header, sizeof(header));
  const auto message = read_message(payload);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->queues.size(), 16U);
  EXPECT_EQ(message->bytes.size(), 3U);
  for (std::size_t size = 0; size < sizeof(header) + 16; ++size) {
    EXPECT_FALSE(read_message(std::span(payload).first(size))) << size;
  }
  header.queue_count = UINT32_MAX;
  std::memcpy(payload.data(), &header, sizeof(header));
  EXPECT_FALSE(read_message(payload));
}

TEST(Format, TakesNoDefinitionApartThatIsTooShort) {
  std::string payload = std::string("\x03\0\0\0", 4) + "keyvalue";
  const auto definition = read_definition(bytes_of_text(payload));
  ASSERT_TRUE(definition);
  EXPECT_EQ(definition->key, "key");
  EXPECT_EQ(definition->value, "value");
  for (std::size_t size = 0; size < 7; ++size) {
    EXPECT_FALSE(read_definition(bytes_of_text(payload).first(size))) << size;
  }
  payload[3] = '\x7F';
  EXPECT_FALSE(read_definition(bytes_of_text(payload)));
}

TEST(Format, LeavesOutARestThatIsNoRun) {
  const std::array<std::uint32_t, 7> numbers{1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(read_runs(std::as_bytes(std::span(numbers))),
            (std::vector<ReferenceRun>{{1, 2, 3}, {4, 5, 6}}));
  EXPECT_TRUE(read_runs({}).empty());
}

TEST(Format, ContinuesRuns) {
  std::vector<ReferenceRun> runs;
  for (const LogReference& reference : {LogReference{1, 5}, {1, 6}, {1, 8}, {2, 9}, {2, 10}}) {
    add_reference(runs, reference);
  }
  EXPECT_EQ(runs, (std::vector<ReferenceRun>{{1, 5, 2}, {1, 8, 1}, {2, 9, 2}}));
}

}  // namespace
}  // namespace leveret::storage
