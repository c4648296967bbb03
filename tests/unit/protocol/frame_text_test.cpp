#include "protocol/frame_text.hpp"

#include <gtest/gtest.h>

#include "tests/unit/protocol/bytes_of_text.hpp"

namespace leveret::protocol {
namespace {

// The expected texts are what RabbitMQ 3.10 answers.
TEST(FrameText, ShowsTextAsText) {
  EXPECT_EQ(describe_frame(3, bytes("text")), "type 3, all octets = <<\"text\">>");
  EXPECT_EQ(describe_frame(3, bytes("sixteen letters!")),
            "type 3, all octets = <<\"sixteen letters!\">>");
  EXPECT_EQ(describe_frame(3, bytes("seventeen letters")),
            "type 3, first 16 octets = <<\"seventeen letter\">>");
  EXPECT_EQ(describe_frame(8, {}), "type 8, all octets = <<>>");
}

TEST(FrameText, EscapesWhatErlangEscapes) {
  EXPECT_EQ(describe_frame(3, bytes("a\"b\\c\n\r\t\b\v\f\x1B")),
            "type 3, all octets = <<\"a\\\"b\\\\c\\n\\r\\t\\b\\v\\f\\e\">>");
  EXPECT_EQ(describe_frame(3, bytes("a\xE9")), "type 3, all octets = <<\"a\xE9\">>");
}

TEST(FrameText, ShowsOtherBytesAsNumbers) {
  EXPECT_EQ(describe_frame(1, bytes({0, 50, 0})), "type 1, all octets = <<0,50,0>>");
  EXPECT_EQ(describe_frame(3, bytes("a\x7F")), "type 3, all octets = <<97,127>>");
  EXPECT_EQ(describe_frame(3, bytes({'a', 0x9F})), "type 3, all octets = <<97,159>>");
}

TEST(FrameText, BreaksLinesWhereErlangDoes) {
  EXPECT_EQ(describe_frame(9, bytes({157, 32, 193, 232, 246, 231, 158, 50, 183, 95, 183, 170, 212,
                                     30, 130, 1, 1})),
            "type 9, first 16 octets = <<157,32,193,232,246,231,158,50,183,95,183,170,212,\n"
            "                            30,130,1>>");
  // The last number has no comma, so it may end a column further right.
  EXPECT_EQ(describe_frame(200, bytes({227, 40, 129, 146, 103, 170, 126, 138, 12, 6, 245, 63, 108,
                                       83, 82, 59})),
            "type 200, all octets = <<227,40,129,146,103,170,126,138,12,6,245,63,108,83,82,\n"
            "                         59>>");
}

TEST(FrameText, BreaksTheEndMarkerWhereErlangDoes) {
  EXPECT_EQ(frame_end_error(3, bytes({91, 39, 8, 89, 91, 11, 3, 91, 18}), std::byte{197})
                .explanation(),
            "type 3, all octets = <<91,39,8,89,91,11,3,91,18>>: {invalid_frame_end_marker,\n"
            "                                                    197}");
  EXPECT_EQ(frame_end_error(3, bytes({18, 43}), std::byte{157}).explanation(),
            "type 3, all octets = <<18,43>>: {invalid_frame_end_marker,157}");
  // Behind a broken line there is room again.
  EXPECT_EQ(frame_end_error(200,
                            bytes({227, 40, 129, 146, 103, 170, 126, 138, 12, 6, 245, 63, 108, 83,
                                   82, 59}),
                            std::byte{169})
                .explanation(),
            "type 200, all octets = <<227,40,129,146,103,170,126,138,12,6,245,63,108,83,82,\n"
            "                         59>>: {invalid_frame_end_marker,169}");
}

// Goal: a method of many bytes does not make a text of many kilobytes first.
TEST(FrameText, ShowsNoMoreArgumentsThanAReplyTextHolds) {
  const AmqpError error = arguments_error({50, 10}, Bytes(100'000));
  EXPECT_LT(error.explanation().size(), 600u);
  EXPECT_EQ(error.reply_text().size(), 255u);
  EXPECT_TRUE(error.reply_text().starts_with("FRAME_ERROR - cannot decode <<0,0,0,"));
  EXPECT_TRUE(error.reply_text().ends_with(",0,0,..."));
}

}  // namespace
}  // namespace leveret::protocol
