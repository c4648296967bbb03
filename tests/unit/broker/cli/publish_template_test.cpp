#include "broker/cli/publish_template.hpp"

#include <gtest/gtest.h>

#include <string>

#include "protocol/frame_parser.hpp"

namespace leveret::cli {
namespace {

constexpr std::uint32_t frame_max_bytes = 4096;

/// What the frames of a template, sent through a connection that is never opened, hold.
struct Decoded {
  std::string routing_key;
  std::string properties;
  std::string body;
  std::size_t body_frame_count = 0;

  void on(const protocol::basic::Publish& method) { routing_key = method.routing_key; }
  template <class Method>
  void on(const Method&) {
    ADD_FAILURE() << "not a publish";
  }
};

class NoEvents final : public ClientEvents {
 public:
  void on_failed(const std::string& why) override { ADD_FAILURE() << why; }
};

Decoded decode(std::span<const std::byte> bytes) {
  Decoded decoded;
  protocol::FrameParser parser(frame_max_bytes);
  parser.feed(bytes);
  while (true) {
    const auto frame = parser.next();
    EXPECT_TRUE(frame.has_value());
    if (!frame || !*frame) return decoded;
    if ((*frame)->type == protocol::FrameType::method) {
      EXPECT_TRUE(protocol::dispatch_method((*frame)->payload, decoded).has_value());
    } else if ((*frame)->type == protocol::FrameType::header) {
      constexpr std::size_t head_bytes = 12;  // Class, weight, size of the body.
      const auto payload = (*frame)->payload.subspan(head_bytes);
      decoded.properties.assign(reinterpret_cast<const char*>(payload.data()), payload.size());
    } else if ((*frame)->type == protocol::FrameType::body) {
      const auto payload = (*frame)->payload;
      decoded.body.append(reinterpret_cast<const char*>(payload.data()), payload.size());
      ++decoded.body_frame_count;
    }
  }
}

Decoded published(PublishTemplate& frames, const MessageStamp& stamp) {
  boost::asio::io_context context;
  NoEvents events;
  ClientConnection connection(context, {}, events);
  frames.append_to(connection, stamp);
  return decode(connection.pending());
}

MessageStamp stamp_of(const Decoded& decoded) {
  return MessageStamp::read(std::as_bytes(std::span(decoded.body)));
}

TEST(PublishTemplate, PutsTheStampAtTheBeginningOfTheBody) {
  protocol::basic::Publish method;
  method.routing_key = "key";
  PublishTemplate frames(method, {}, 16, frame_max_bytes);
  const Decoded decoded = published(frames, {3, 4, 5, 6});
  EXPECT_EQ(decoded.routing_key, "key");
  EXPECT_EQ(decoded.body.size(), 16u);
  EXPECT_EQ(stamp_of(decoded).producer, 3);
  EXPECT_EQ(stamp_of(decoded).sequence, 5u);
  EXPECT_EQ(stamp_of(decoded).time_ns, 6u);
}

TEST(PublishTemplate, CutsLargeBodiesIntoFrames) {
  PublishTemplate frames({}, {}, 10'000, frame_max_bytes);
  const Decoded decoded = published(frames, {1, 2, 3, 4});
  EXPECT_EQ(decoded.body.size(), 10'000u);
  EXPECT_EQ(decoded.body_frame_count, 3u);
  EXPECT_EQ(stamp_of(decoded).sequence, 3u);
}

TEST(PublishTemplate, ChangesTheEndOfTheRoutingKey) {
  protocol::basic::Publish method;
  method.routing_key = "key.00000000";
  PublishTemplate frames(method, {}, 16, frame_max_bytes);
  frames.set_key_number(0x12abCDEF);
  EXPECT_EQ(published(frames, {}).routing_key, "key.12abcdef");
}

TEST(PublishTemplate, TakesVariantsInTurn) {
  const auto priority_of = [](const Decoded& decoded) {
    return protocol::BasicProperties::decode(std::as_bytes(std::span(decoded.properties)))
        ->priority;
  };
  protocol::basic::Publish method;
  protocol::BasicProperties properties;
  method.routing_key = "first";
  PublishTemplate frames(method, properties, 16, frame_max_bytes);
  method.routing_key = "another";
  properties.priority = std::uint8_t{7};
  frames.add_variant(method, properties);
  for (const std::uint32_t sequence : {0u, 1u, 2u, 7u}) {
    const Decoded decoded = published(frames, {0, 0, sequence, 0});
    const bool even = sequence % 2 == 0;
    EXPECT_EQ(decoded.routing_key, even ? "first" : "another");
    EXPECT_EQ(priority_of(decoded), even ? std::nullopt : properties.priority);
    EXPECT_EQ(decoded.body.size(), 16u);
    EXPECT_EQ(stamp_of(decoded).sequence, sequence);
  }
}

}  // namespace
}  // namespace leveret::cli
