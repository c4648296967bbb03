#include "broker/session/outbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "protocol/bytes.hpp"

namespace leveret::broker {
namespace {

using protocol::bytes_of;
using protocol::text_of;

MessageRef message_of(const std::string& body) {
  auto message = Message::create("", "q", {}, body.size());
  message->append_body(bytes_of(body));
  return message;
}

/// What is pending, looked at through as many pieces as there are.
std::string pending(const Outbox& outbox) {
  std::vector<std::span<const std::byte>> pieces(1000);
  const std::size_t count = outbox.gather(pieces);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += text_of(pieces[i]);
  return text;
}

std::size_t piece_count(const Outbox& outbox) {
  std::array<std::span<const std::byte>, 1000> pieces;
  return outbox.gather(pieces);
}

void write(Outbox& outbox, std::string_view text) {
  const auto room = outbox.reserve(text.size());
  if (!text.empty()) std::memcpy(room.data(), text.data(), text.size());
}

TEST(Outbox, IsEmptyAtFirst) {
  const Outbox outbox;
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.pending_bytes(), 0U);
  EXPECT_EQ(piece_count(outbox), 0U);
}

TEST(Outbox, KeepsTheOrder) {
  Outbox outbox;
  outbox.append(bytes_of("one "));
  write(outbox, "two ");
  const std::string body(5000, 'b');
  const MessageRef message = message_of(body);
  outbox.append_shared(message, message->body());
  write(outbox, " three");
  EXPECT_EQ(outbox.pending_bytes(), 4 + 4 + 5000 + 6U);
  EXPECT_EQ(pending(outbox), "one two " + body + " three");
}

// Goal: small things go out in one piece, and one after a body does not need a new chunk.
TEST(Outbox, JoinsWhatLiesTogether) {
  Outbox outbox;
  for (int i = 0; i < 100; ++i) write(outbox, "frame");
  EXPECT_EQ(piece_count(outbox), 1U);
  const MessageRef message = message_of(std::string(5000, 'b'));
  outbox.append_shared(message, message->body());
  write(outbox, "end");
  write(outbox, "next");
  EXPECT_EQ(piece_count(outbox), 3U);
}

TEST(Outbox, HoldsAMessageUntilItIsSent) {
  Outbox outbox;
  MessageMemory::flush();
  const std::uint64_t before = MessageMemory::used_bytes();
  {
    const MessageRef message = message_of(std::string(10'000, 'b'));
    outbox.append_shared(message, message->body().first(6000));
    outbox.append_shared(message, message->body().subspan(6000));
  }
  outbox.consume(9999);
  MessageMemory::flush();
  EXPECT_GT(MessageMemory::used_bytes(), before);
  EXPECT_EQ(pending(outbox), "b");
  outbox.consume(1);
  MessageMemory::flush();
  EXPECT_EQ(MessageMemory::used_bytes(), before);
}

TEST(Outbox, GivesAsManyPiecesAsAreAskedFor) {
  Outbox outbox;
  const MessageRef message = message_of(std::string(5000, 'b'));
  for (int i = 0; i < 5; ++i) {
    write(outbox, "f");
    outbox.append_shared(message, message->body());
  }
  std::array<std::span<const std::byte>, 3> pieces;
  EXPECT_EQ(outbox.gather(pieces), 3U);
  EXPECT_EQ(text_of(pieces[0]), "f");
  EXPECT_EQ(pieces[1].size(), 5000U);
  EXPECT_EQ(text_of(pieces[2]), "f");
}

TEST(Outbox, ReservesRoomInOnePieceWhateverTheSize) {
  Outbox outbox;
  write(outbox, "small");
  const std::string large(100'000, 'l');
  EXPECT_EQ(outbox.reserve(large.size()).size(), large.size());
  outbox.consume(5);
  EXPECT_EQ(outbox.pending_bytes(), large.size());
}

TEST(OutboxDeathTest, ForgetsOnlyWhatItHas) {
  Outbox outbox;
  write(outbox, "abc");
  EXPECT_DEATH(outbox.consume(4), "only bytes that were in the outbox");
}

TEST(Outbox, KeepsNothingForNoBytes) {
  Outbox outbox;
  EXPECT_TRUE(outbox.reserve(0).empty());
  EXPECT_TRUE(outbox.empty());
  write(outbox, "after");
  EXPECT_EQ(outbox.pending_bytes(), 5U);
}

TEST(Outbox, AgreesWithAString) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Outbox outbox;
  std::string expected;
  char next = 'a';
  const auto some = [&](std::size_t size) {
    std::string text(size, ' ');
    for (char& character : text) {
      character = next;
      next = next == 'z' ? 'a' : static_cast<char>(next + 1);
    }
    return text;
  };
  for (int round = 0; round < 5000; ++round) {
    switch (random() % 4) {
      case 0: {
        const std::string text = some(random() % 200);
        write(outbox, text);
        expected += text;
        break;
      }
      case 1: {
        const std::string text = some(random() % 40 == 0 ? random() % 40'000 : random() % 3000);
        outbox.append(bytes_of(text));
        expected += text;
        break;
      }
      case 2: {
        const std::string text = some(random() % 9000);
        const MessageRef message = message_of(text);
        outbox.append_shared(message, message->body());
        expected += text;
        break;
      }
      case 3: {
        const std::size_t most = random() % 4 == 0 ? expected.size() : std::min<std::size_t>(
                                                         expected.size(), 5000);
        const std::size_t size = random() % (most + 1);
        outbox.consume(size);
        expected.erase(0, size);
        break;
      }
    }
    ASSERT_EQ(outbox.pending_bytes(), expected.size());
    ASSERT_EQ(outbox.empty(), expected.empty());
    if (round % 20 == 0) {
      ASSERT_TRUE(pending(outbox) == expected.substr(0, pending(outbox).size())) << round;
    }
  }
  std::array<std::span<const std::byte>, 3> pieces;
  while (!outbox.empty()) {
    const std::size_t count = outbox.gather(pieces);
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += text_of(pieces[i]);
    ASSERT_FALSE(text.empty());
    ASSERT_TRUE(expected.starts_with(text));
    outbox.consume(text.size());
    expected.erase(0, text.size());
  }
  EXPECT_EQ(expected, "");
}

}  // namespace
}  // namespace leveret::broker
