#include "protocol/frame_writer.hpp"

#include <gtest/gtest.h>

#include "tests/unit/protocol/bytes_of_text.hpp"

namespace leveret::protocol {
namespace {

TEST(FrameWriter, WritesMethodFrames) {
  const basic::Ack ack{.delivery_tag = 258, .multiple = true};
  ASSERT_EQ(method_frame_size(ack), 21u);
  Bytes memory(21);
  WireWriter writer(memory);
  write_method_frame(writer, 7, ack);
  EXPECT_EQ(hex(memory), "01" "0007" "0000000d" "003c0050" "0000000000000102" "01" "ce");
}

TEST(FrameWriter, WritesContentHeaders) {
  const Bytes properties = bytes({0x10, 0x00, 2});
  ASSERT_EQ(header_frame_size(properties), 23u);
  Bytes memory(23);
  WireWriter writer(memory);
  write_header_frame(writer, 1, 0x1122334455, properties);
  EXPECT_EQ(hex(memory), "02" "0001" "0000000f" "003c" "0000" "0000001122334455" "100002" "ce");
}

TEST(FrameWriter, WritesBodiesAroundTheirPayload) {
  Bytes memory(11);
  WireWriter writer(memory);
  write_body_frame_head(writer, 513, 3);
  writer.write_bytes(bytes("abc"));
  write_frame_end(writer);
  EXPECT_EQ(hex(memory), "03" "0201" "00000003" "616263" "ce");
}

TEST(FrameWriter, KnowsTheFixedBytes) {
  EXPECT_EQ(hex(protocol_header), "414d515000000901");
  EXPECT_EQ(hex(heartbeat_frame), "08000000000000ce");
}

}  // namespace
}  // namespace leveret::protocol
