#include "storage/frame_scanner.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "storage/recovery.hpp"
#include "storage/submission.hpp"
#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::storage {
namespace {

constexpr NodeId node{std::byte{5}};
constexpr std::uint32_t segment = 3;

/// Frames in a file, one behind the other.
class FrameScannerTest : public ::testing::Test {
 protected:
  void add_frame(std::vector<std::string> keys, std::uint32_t of_segment = segment) {
    Submission submission;
    for (const std::string& key : keys) {
      submission.add_definition(RecordKind::undefine, key, "");
    }
    positions.push_back(bytes.size());
    submission.place_at(of_segment, bytes.size(), 0);
    submission.finish(segment_seed(node, of_segment), 512, 1);
    std::vector<iovec> pieces;
    submission.append_pieces(pieces);
    for (const iovec& piece : pieces) {
      const auto* begin = static_cast<const std::byte*>(piece.iov_base);
      bytes.insert(bytes.end(), begin, begin + piece.iov_len);
    }
  }
  void add_garbage(std::size_t size) { bytes.resize(bytes.size() + size, std::byte{0x4C}); }

  FrameScanner& scan() {
    disk.put("d/file", bytes);
    file = std::move(*disk.open("d/file", OpenMode::read));
    scanner.emplace(*file, bytes.size(), node, segment);
    return *scanner;
  }
  /// Keys of the next frame; nothing when there is none.
  std::optional<std::vector<std::string>> next() {
    const auto frame = scanner->next();
    EXPECT_TRUE(frame);
    if (!frame || !*frame) return std::nullopt;
    std::vector<std::string> keys;
    for (const RecordView& record : (*frame)->records) keys.emplace_back(read_text(record.payload));
    return keys;
  }

  std::vector<std::byte> bytes = std::vector<std::byte>(first_frame_position);
  std::vector<std::uint64_t> positions;
  FaultyDisk disk;
  std::unique_ptr<File> file;
  std::optional<FrameScanner> scanner;
  using Keys = std::optional<std::vector<std::string>>;
};

TEST_F(FrameScannerTest, ReadsOneAfterTheOther) {
  add_frame({"a", "bc"});
  add_frame({});
  add_frame({"def"});
  scan();
  EXPECT_EQ(next(), Keys({{"a", "bc"}}));
  EXPECT_EQ(scanner->position(), positions[1]);
  EXPECT_EQ(next(), Keys(std::vector<std::string>{}));
  EXPECT_EQ(next(), Keys({{"def"}}));
  EXPECT_EQ(scanner->position(), bytes.size());
  EXPECT_EQ(next(), std::nullopt);
  EXPECT_EQ(scanner->position(), bytes.size());
}

/// What the header of a frame says, said otherwise.
template <class Change>
void change_header(std::vector<std::byte>& bytes, std::uint64_t position, Change&& change) {
  auto header = read_struct<FrameHeader>(std::span(bytes).subspan(position));
  change(header);
  seal_header(header, segment_seed(node, segment));
  std::memcpy(bytes.data() + position, &header, sizeof(header));
}

// Goal: the next frame would begin where none can.
TEST_F(FrameScannerTest, BelievesNoFrameThatEndsBesideTheRaster) {
  add_frame({"a", "bc"});
  ASSERT_EQ(bytes.size() % 8, 0U);
  change_header(bytes, positions[0], [](FrameHeader& header) { header.size_bytes -= 3; });
  scan();
  EXPECT_EQ(next(), std::nullopt);
}

// Goal: a frame whose records are torn still tells what was safe before it.
TEST_F(FrameScannerTest, AsksTornFramesWhatWasSafe) {
  add_frame({"a"});
  add_frame({"b"});
  change_header(bytes, positions[1], [&](FrameHeader& header) {
    header.durable_upto = static_cast<std::uint32_t>(positions[1] / 8);
  });
  bytes.back() ^= std::byte{1};
  bytes[positions[1] + sizeof(FrameHeader)] ^= std::byte{1};
  scan();
  EXPECT_TRUE(next());
  EXPECT_EQ(scanner->durable_upto(), 512U);
  EXPECT_FALSE(*scanner->find_next(scanner->position()));
  EXPECT_EQ(scanner->durable_upto(), positions[1]);
}

// Goal: of what comes behind it a frame cannot know.
TEST_F(FrameScannerTest, BelievesNoFrameThatSpeaksOfWhatFollows) {
  add_frame({"a"});
  change_header(bytes, positions[0], [](FrameHeader& header) { header.durable_upto = 1000; });
  scan();
  const auto frame = scanner->next();
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->durable_upto(), positions[0]);
}

// Goal: frames and records longer than what is read at once.
TEST_F(FrameScannerTest, ReadsLongFrames) {
  const std::string long_key(3 << 20, 'x');
  for (int i = 0; i < 3; ++i) {
    add_frame({"short"});
    add_frame({long_key, "after"});
  }
  scan();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(next(), Keys({{"short"}}));
    EXPECT_EQ(next(), Keys({{long_key, "after"}}));
  }
}

TEST_F(FrameScannerTest, ReadsThousandsOfFrames) {
  for (int i = 0; i < 50'000; ++i) add_frame({std::to_string(i)});
  scan();
  for (int i = 0; i < 50'000; ++i) ASSERT_EQ(next(), Keys({{std::to_string(i)}}));
  EXPECT_EQ(next(), std::nullopt);
}

TEST_F(FrameScannerTest, BelievesOnlyAFrameThatIsWholeAndInItsPlace) {
  add_frame({"key"});
  const auto right = bytes;
  for (std::uint64_t at = first_frame_position; at < right.size(); ++at) {
    bytes = right;
    bytes[at] ^= std::byte{1};
    scan();
    const bool is_padding = at >= right.size() - 5;
    EXPECT_EQ(next().has_value(), is_padding) << at;
    bytes = right;
    bytes.resize(at);
    scan();
    EXPECT_EQ(next(), std::nullopt) << at;
  }
  // The same bytes elsewhere.
  bytes.insert(bytes.begin() + first_frame_position, 64, std::byte{0});
  scan().seek(first_frame_position + 64);
  EXPECT_EQ(next(), std::nullopt);
}

// Goal: what a recycled file holds of its former life is not there.
TEST_F(FrameScannerTest, DoesNotSeeFramesOfAnotherSegment) {
  add_frame({"new"});
  add_frame({"old"}, segment - 1);
  scan();
  EXPECT_EQ(next(), Keys({{"new"}}));
  EXPECT_EQ(next(), std::nullopt);
  EXPECT_FALSE(*scanner->find_next(scanner->position()));
}

TEST_F(FrameScannerTest, BelievesAsManyRecordsAsTheHeaderSays) {
  for (const int difference : {-1, 1}) {
    bytes.resize(first_frame_position);
    add_frame({"one", "two"});
    auto header = read_struct<FrameHeader>(std::span(bytes).subspan(first_frame_position));
    header.record_count += static_cast<std::uint32_t>(difference);
    seal_header(header, segment_seed(node, segment));
    std::memcpy(bytes.data() + first_frame_position, &header, sizeof(header));
    scan();
    EXPECT_EQ(next(), std::nullopt);
  }
}

TEST_F(FrameScannerTest, FindsTheNextFrameBehindDamage) {
  add_frame({"one"});
  add_garbage(123 * 8);
  add_frame({"two"});
  add_garbage(3 << 20);
  add_frame({"three"});
  scan();
  EXPECT_TRUE(*scanner->find_next(first_frame_position));
  EXPECT_EQ(scanner->position(), positions[0]);
  EXPECT_EQ(next(), Keys({{"one"}}));
  EXPECT_TRUE(*scanner->find_next(scanner->position() + 8));
  EXPECT_EQ(scanner->position(), positions[1]);
  EXPECT_EQ(next(), Keys({{"two"}}));
  EXPECT_TRUE(*scanner->find_next(scanner->position()));
  EXPECT_EQ(scanner->position(), positions[2]);
  EXPECT_EQ(next(), Keys({{"three"}}));
  const std::uint64_t end = scanner->position();
  EXPECT_FALSE(*scanner->find_next(end));
  EXPECT_FALSE(*scanner->find_next(end + 100'000));
  EXPECT_EQ(scanner->position(), end);
}

// Goal: bytes of a message may look like a frame.
TEST_F(FrameScannerTest, IsNotDeceivedByWhatLooksLikeAFrame) {
  FrameHeader header;
  header.size_bytes = 1 << 30;
  header.segment = segment;
  const std::string looks(reinterpret_cast<const char*>(&header), sizeof(header));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += looks;
  add_garbage(8);
  const std::uint64_t begin = bytes.size();
  bytes.resize(begin + many.size());
  std::memcpy(bytes.data() + begin, many.data(), many.size());
  add_frame({"right"});
  scan();
  EXPECT_TRUE(*scanner->find_next(first_frame_position));
  EXPECT_EQ(scanner->position(), positions[0]);
}

TEST_F(FrameScannerTest, LooksInFilesThatAreTooShort) {
  for (const std::size_t size : {0, 1, 39, 511, 512, 513, 551}) {
    bytes.assign(size, std::byte{0});
    scan();
    EXPECT_EQ(next(), std::nullopt) << size;
    EXPECT_FALSE(*scanner->find_next(0)) << size;
    EXPECT_FALSE(*scanner->find_next(first_frame_position)) << size;
  }
}

TEST_F(FrameScannerTest, SaysThatTheFileCannotBeRead) {
  add_frame({"one"});
  scan();
  disk.fail({.call = DiskCall::read, .for_ever = true});
  const auto frame = scanner->next();
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, EIO);
  EXPECT_FALSE(scanner->find_next(0));
}

}  // namespace
}  // namespace leveret::storage
