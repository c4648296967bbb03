#include "protocol/frame_parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "protocol/frame_writer.hpp"
#include "tests/unit/protocol/bytes_of_text.hpp"

namespace leveret::protocol {
namespace {

/// A frame with its payload, bodies put together from their pieces.
struct Whole {
  FrameType type;
  std::uint16_t channel;
  std::string payload;
  bool operator==(const Whole&) const = default;
};

void PrintTo(const Whole& frame, std::ostream* out) {
  *out << static_cast<int>(frame.type) << '/' << frame.channel << '/' << frame.payload.size();
}

Bytes frame_bytes(int type, int channel, const Bytes& payload, int end = 0xCE) {
  Bytes memory(frame_head_bytes);
  WireWriter writer(memory);
  writer.write_u8(static_cast<std::uint8_t>(type));
  writer.write_u16(static_cast<std::uint16_t>(channel));
  writer.write_u32(static_cast<std::uint32_t>(payload.size()));
  return memory + payload + bytes({end});
}

Bytes frame_bytes(const Whole& frame) {
  return frame_bytes(static_cast<int>(frame.type), frame.channel, bytes(frame.payload));
}

/// Collects what a parser gives, and checks how pieces of bodies follow each other.
struct Collector {
  std::vector<Whole> frames;
  std::optional<AmqpError> error;
  bool in_body = false;

  void take_all(FrameParser& parser) {
    for (;;) {
      auto next = parser.next();
      if (!next) {
        error = next.error();
        return;
      }
      if (!*next) return;
      take(**next);
    }
  }

  void take(const Frame& frame) {
    EXPECT_EQ(frame.starts, !in_body);
    EXPECT_TRUE(frame.type == FrameType::body || frame.ends);
    const std::string payload(text_of(frame.payload));
    if (frame.starts) {
      frames.push_back({frame.type, frame.channel, payload});
    } else {
      EXPECT_EQ(frame.channel, frames.back().channel);
      frames.back().payload += payload;
    }
    in_body = !frame.ends;
  }
};

/// Feeds pieces, each from memory that is gone when the next one comes.
class Pieces {
 public:
  explicit Pieces(std::uint32_t frame_max = 131072) : parser_(frame_max) {}

  void feed(std::span<const std::byte> piece) {
    const auto copy = std::make_unique<std::byte[]>(piece.size());
    std::copy(piece.begin(), piece.end(), copy.get());
    parser_.feed({copy.get(), piece.size()});
    collector_.take_all(parser_);
  }

  Collector& collector() { return collector_; }
  FrameParser& parser() { return parser_; }

 private:
  FrameParser parser_;
  Collector collector_;
};

const std::vector<Whole>& conversation() {
  static const std::vector<Whole> frames{
      {FrameType::method, 1, std::string("\0\x3c\0\x28 a publish", 14)},
      {FrameType::header, 1, std::string(14, 'h')},
      {FrameType::body, 1, "a body of some length"},
      {FrameType::body, 1, ""},
      {FrameType::body, 1, "b"},
      {FrameType::body, 2, "bo"},
      {FrameType::heartbeat, 0, ""},
      {FrameType::method, 65535, "\1\2\3\4"},
      {FrameType::body, 3, std::string("\xCE\xCE\0\xCE", 4)},
  };
  return frames;
}

Bytes stream_of(const std::vector<Whole>& frames) {
  Bytes stream;
  for (const Whole& frame : frames) stream = std::move(stream) + frame_bytes(frame);
  return stream;
}

TEST(FrameParser, GivesViewsOfWholeFrames) {
  const Bytes stream = stream_of(conversation());
  FrameParser parser(4096);
  parser.feed(stream);
  std::size_t at = 0;
  for (const Whole& expected : conversation()) {
    const auto frame = parser.next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->type, expected.type);
    EXPECT_EQ((*frame)->channel, expected.channel);
    EXPECT_EQ((*frame)->payload.data(), stream.data() + at + frame_head_bytes);
    EXPECT_EQ((*frame)->payload.size(), expected.payload.size());
    EXPECT_TRUE((*frame)->starts);
    EXPECT_TRUE((*frame)->ends);
    at += frame_overhead_bytes + expected.payload.size();
  }
  EXPECT_FALSE(*parser.next());
  EXPECT_EQ(parser.held_bytes(), 0u);
  EXPECT_FALSE(parser.has_input());
}

TEST(FrameParser, GivesTheSameFramesAtEverySplit) {
  const Bytes stream = stream_of(conversation());
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    Pieces pieces;
    pieces.feed(std::span(stream).first(split));
    pieces.feed(std::span(stream).subspan(split));
    EXPECT_EQ(pieces.collector().frames, conversation()) << "split at " << split;
    EXPECT_FALSE(pieces.collector().error);
    EXPECT_EQ(pieces.parser().held_bytes(), 0u) << "split at " << split;
  }
}

TEST(FrameParser, GivesTheSameFramesOneByteAtATime) {
  const Bytes stream = stream_of(conversation());
  Pieces pieces;
  for (const std::byte& byte : stream) pieces.feed({&byte, 1});
  EXPECT_EQ(pieces.collector().frames, conversation());
  EXPECT_EQ(pieces.parser().held_bytes(), 0u);
}

std::vector<Whole> random_frames(std::mt19937& random, std::size_t count) {
  std::vector<Whole> frames;
  for (std::size_t i = 0; i < count; ++i) {
    constexpr std::array types{FrameType::method, FrameType::header, FrameType::body,
                               FrameType::body, FrameType::heartbeat};
    const FrameType type = types[random() % types.size()];
    std::size_t size = random() % (random() % 8 == 0 ? 5000 : 40);
    if (type == FrameType::method) size = std::max(size, method_id_bytes);
    if (type == FrameType::header) size = std::max(size, content_header_head_bytes);
    if (type == FrameType::heartbeat) size = 0;
    std::string payload(size, '\0');
    for (char& character : payload) character = static_cast<char>(random() % 3 ? random() : 0xCE);
    frames.push_back({type, static_cast<std::uint16_t>(random()), payload});
  }
  return frames;
}

// Goal: any splits, with the caller sometimes stopping early and parking the rest.
TEST(FrameParser, GivesTheSameFramesAtRandomSplits) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    const auto frames = random_frames(random, 40);
    const Bytes stream = stream_of(frames);
    FrameParser parser(131072);
    Collector collector;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size_max = std::size_t{1} << (random() % 13);
      const std::size_t size = std::min(1 + random() % size_max, stream.size() - at);
      const auto piece = std::make_unique<std::byte[]>(size);
      std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), size, piece.get());
      at += size;
      parser.feed({piece.get(), size});
      if (random() % 3 == 0) {
        for (auto taken = random() % 4; taken > 0; --taken) {
          const auto frame = parser.next();
          ASSERT_TRUE(frame);
          if (!*frame) break;
          collector.take(**frame);
        }
        parser.park();
      } else {
        collector.take_all(parser);
      }
    }
    collector.take_all(parser);
    ASSERT_EQ(collector.frames, frames);
    EXPECT_FALSE(collector.in_body);
    EXPECT_FALSE(parser.has_input());
    EXPECT_EQ(parser.held_bytes(), 0u);
  }
}

// Goal: a large body is passed on as it comes; the parser holds none of it.
TEST(FrameParser, DoesNotGatherBodies) {
  const std::string body(100'000, 'x');
  const Bytes stream = frame_bytes({FrameType::body, 1, body});
  Pieces pieces;
  for (std::size_t at = 0; at < stream.size(); at += 1000) {
    pieces.feed(std::span(stream).subspan(at, std::min<std::size_t>(1000, stream.size() - at)));
    EXPECT_LE(pieces.parser().held_bytes(), 16u);
  }
  EXPECT_EQ(pieces.collector().frames, (std::vector<Whole>{{FrameType::body, 1, body}}));
}

// Goal: a message must not be complete before its last frame is known to be right.
TEST(FrameParser, KeepsTheLastByteOfABodyUntilItsEndOctetCame) {
  const Bytes stream = frame_bytes({FrameType::body, 1, "abc"});
  Pieces pieces;
  pieces.feed(std::span(stream).first(stream.size() - 1));
  EXPECT_EQ(pieces.collector().frames, (std::vector<Whole>{{FrameType::body, 1, "ab"}}));
  EXPECT_TRUE(pieces.collector().in_body);
  EXPECT_TRUE(pieces.parser().has_input());
  pieces.feed(std::span(stream).last(1));
  EXPECT_EQ(pieces.collector().frames, (std::vector<Whole>{{FrameType::body, 1, "abc"}}));
  EXPECT_FALSE(pieces.collector().in_body);
}

// Goal: what is left of the input is copied, and the memory for it given back afterwards.
TEST(FrameParser, HoldsOnlyWhatIsCutOff) {
  const Bytes stream = stream_of(conversation());
  FrameParser parser(4096);
  EXPECT_EQ(parser.held_bytes(), 0u);
  parser.feed(std::span(stream).first(10));
  EXPECT_FALSE(*parser.next());
  EXPECT_TRUE(parser.has_input());
  EXPECT_GE(parser.held_bytes(), 10u);
  EXPECT_LE(parser.held_bytes(), 32u);
  parser.feed(std::span(stream).subspan(10));
  Collector collector;
  collector.take_all(parser);
  EXPECT_EQ(collector.frames, conversation());
  EXPECT_EQ(parser.held_bytes(), 0u);
}

TEST(FrameParser, GivesBackTheMemoryOfABusyTime) {
  FrameParser parser(131072);
  const Bytes busy = frame_bytes(1, 1, Bytes(100'000, std::byte{1}));
  parser.feed(busy);
  parser.park();
  EXPECT_GE(parser.held_bytes(), busy.size());
  const Bytes quiet = frame_bytes(1, 1, bytes("quiet"));
  ASSERT_TRUE(*parser.next());
  parser.feed(std::span(quiet).first(5));
  EXPECT_FALSE(*parser.next());
  EXPECT_LE(parser.held_bytes(), 100u);
}

TEST(FrameParserDeathTest, RefusesMoreInputBeforeTheFirstIsUsedUp) {
  const Bytes stream = stream_of(conversation());
  FrameParser parser(4096);
  parser.feed(stream);
  EXPECT_DEATH(parser.feed(stream), "used up or parked");
}

/// What the parser says about a stream, fed whole and one byte at a time.
AmqpError error_of(const Bytes& stream, std::uint32_t frame_max = 131072) {
  Pieces whole(frame_max);
  whole.feed(stream);
  Pieces single(frame_max);
  for (const std::byte& byte : stream) {
    single.feed({&byte, 1});
    if (single.collector().error) break;
  }
  const AmqpError none = AmqpError::internal_error("there was no error");
  EXPECT_EQ(whole.collector().error.value_or(none), single.collector().error.value_or(none));
  return whole.collector().error.value_or(none);
}

// The texts below are what RabbitMQ 3.10 answered to the same bytes.
TEST(FrameParser, RefusesABadEndOctet) {
  EXPECT_EQ(error_of(frame_bytes(3, 1, bytes("text"), 1)).reply_text(),
            "FRAME_ERROR - type 3, all octets = <<\"text\">>: {invalid_frame_end_marker,1}");
  EXPECT_EQ(error_of(frame_bytes(3, 1, bytes("printable text that is longer than that"), 1))
                .reply_text(),
            "FRAME_ERROR - type 3, first 16 octets = <<\"printable text t\">>: "
            "{invalid_frame_end_marker,1}");
  EXPECT_EQ(error_of(frame_bytes(8, 0, {}, 1)).reply_text(),
            "FRAME_ERROR - type 8, all octets = <<>>: {invalid_frame_end_marker,1}");
  EXPECT_EQ(error_of(frame_bytes(1, 1, bytes({0, 50, 0, 10}) + bytes("abcdefghijklmnopqr"), 0))
                .reply_text(),
            "FRAME_ERROR - type 1, first 16 octets = "
            "<<0,50,0,10,97,98,99,100,101,102,103,104,105,106,107,\n"
            "                            108>>: {invalid_frame_end_marker,0}");
}

// Goal: a body of which the end is bad is never given whole, however it comes.
TEST(FrameParser, DoesNotCompleteABodyWithABadEndOctet) {
  const Bytes stream = frame_bytes(3, 1, bytes("text"), 0);
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    Pieces pieces;
    pieces.feed(std::span(stream).first(split));
    pieces.feed(std::span(stream).subspan(split));
    ASSERT_TRUE(pieces.collector().error);
    std::string given;
    for (const Whole& frame : pieces.collector().frames) given += frame.payload;
    EXPECT_LT(given.size(), 4u) << "split at " << split;
  }
}

TEST(FrameParser, RefusesFramesThatAreTooLarge) {
  EXPECT_EQ(error_of(bytes({1, 0, 1, 0, 3, 13, 64})).reply_text(),
            "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,200000,131064}");
  EXPECT_EQ(error_of(bytes({3, 0, 1, 255, 255, 255, 255}), 4096).reply_text(),
            "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,4294967295,4088}");
}

// Goal: RabbitMQ lets a payload be larger by the overhead that some clients forget.
TEST(FrameParser, LetsPassEightBytesMoreThanTheLimit) {
  Pieces pieces(4096);
  pieces.feed(frame_bytes(1, 1, Bytes(4096, std::byte{1})));
  EXPECT_EQ(pieces.collector().frames.size(), 1u);
  EXPECT_EQ(error_of(frame_bytes(1, 1, Bytes(4097, std::byte{1})), 4096).reply_text(),
            "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,4097,4088}");
}

TEST(FrameParser, KeepsToTheLimitThatWasNegotiated) {
  const Bytes large = frame_bytes(1, 1, Bytes(8000, std::byte{1}));
  EXPECT_EQ(error_of(large, 4096).code(), ReplyCode::frame_error);
  Pieces pieces(4096);
  pieces.parser().set_frame_max(8192);
  pieces.feed(large);
  EXPECT_EQ(pieces.collector().frames.size(), 1u);
  pieces.parser().set_frame_max(0);
  pieces.feed(frame_bytes(1, 1, Bytes(1'000'000, std::byte{1})));
  EXPECT_EQ(pieces.collector().frames.size(), 2u);
}

TEST(FrameParser, RefusesWhatIsNoFrame) {
  EXPECT_EQ(error_of(frame_bytes(0, 0, bytes({97, 98, 1}))).reply_text(),
            "FRAME_ERROR - type 0, all octets = <<97,98,1>>: unknown_frame");
  EXPECT_EQ(error_of(frame_bytes(9, 1, bytes("abc"))).reply_text(),
            "FRAME_ERROR - type 9, all octets = <<\"abc\">>: unknown_frame");
  EXPECT_EQ(error_of(frame_bytes(1, 1, bytes({0, 50, 0}))).reply_text(),
            "FRAME_ERROR - type 1, all octets = <<0,50,0>>: unknown_frame");
  EXPECT_EQ(error_of(frame_bytes(2, 1, bytes({0, 60, 0, 0, 0}))).reply_text(),
            "FRAME_ERROR - type 2, all octets = <<0,60,0,0,0>>: unknown_frame");
  EXPECT_EQ(error_of(frame_bytes(8, 0, bytes("abc"))).reply_text(),
            "FRAME_ERROR - type 8, all octets = <<\"abc\">>: unknown_frame");
  for (const int type : {4, 5, 6, 7, 10, 65, 206, 255}) {
    EXPECT_EQ(error_of(frame_bytes(type, 1, {})).code(), ReplyCode::frame_error) << type;
  }
}

// Goal: after an error nothing is read or kept, however much the peer goes on sending.
TEST(FrameParser, ThrowsAwayWhatFollowsAnError) {
  Pieces pieces;
  pieces.feed(frame_bytes(9, 1, bytes("abc")) + stream_of(conversation()));
  ASSERT_TRUE(pieces.collector().error);
  pieces.collector().error.reset();
  for (int i = 0; i < 100; ++i) {
    pieces.feed(stream_of(conversation()));
    pieces.parser().park();
  }
  EXPECT_FALSE(pieces.collector().error);
  EXPECT_TRUE(pieces.collector().frames.empty());
  EXPECT_EQ(pieces.parser().held_bytes(), 0u);
}

// Goal: no bytes at all make the parser look or write where it must not (run with the sanitizers),
// and the way they are split changes nothing.
TEST(FrameParser, SurvivesRandomBytes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int error_count = 0;
  for (int round = 0; round < 2000; ++round) {
    Bytes stream = stream_of(random_frames(random, 6));
    for (auto changes = random() % 3; changes > 0; --changes) {
      stream[random() % stream.size()] = static_cast<std::byte>(random());
    }
    Pieces whole;
    whole.feed(stream);
    Pieces split;
    for (std::size_t at = 0; at < stream.size() && !split.collector().error;) {
      const std::size_t size = std::min(1 + random() % 100, stream.size() - at);
      split.feed(std::span(stream).subspan(at, size));
      at += size;
    }
    ASSERT_EQ(whole.collector().error, split.collector().error);
    if (whole.collector().error) {
      ++error_count;
    } else {
      ASSERT_EQ(whole.collector().frames, split.collector().frames);
    }
  }
  EXPECT_GT(error_count, 100);
}

}  // namespace
}  // namespace leveret::protocol
