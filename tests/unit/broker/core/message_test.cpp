#include "broker/core/message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "protocol/bytes.hpp"

namespace leveret::broker {
namespace {

using protocol::bytes_of;
using protocol::text_of;

TEST(Message, HoldsWhatItWasMadeOf) {
  const auto message = Message::create("exchange", "key", bytes_of("properties"), 4);
  message->append_body(bytes_of("bo"));
  EXPECT_EQ(message->body_missing_bytes(), 2U);
  message->append_body(bytes_of("dy"));
  EXPECT_EQ(message->exchange(), "exchange");
  EXPECT_EQ(message->routing_key(), "key");
  EXPECT_EQ(text_of(message->properties()), "properties");
  EXPECT_EQ(text_of(message->body()), "body");
  EXPECT_EQ(message->body_size(), 4U);
  EXPECT_EQ(message->body_missing_bytes(), 0U);
}

TEST(Message, KeepsKeysThatNobodySees) {
  const std::vector<std::string_view> keys{"one", "", std::string_view("\0x", 2)};
  const auto message =
      Message::create("exchange", "key", bytes_of("properties"), 4, write_blind_keys(keys));
  message->append_body(bytes_of("body"));
  EXPECT_EQ(text_of(message->properties()), "properties");
  EXPECT_EQ(text_of(message->body()), "body");
  EXPECT_EQ(read_blind_keys(message->blind_keys()), keys);

  std::vector<std::byte> kept;
  for (const auto part : message->log_parts()) {
    kept.insert(kept.end(), part.begin(), part.end());
  }
  const auto again = Message::parse(kept);
  ASSERT_TRUE(again);
  EXPECT_EQ(read_blind_keys(again->blind_keys()), keys);
  EXPECT_EQ(text_of(again->properties()), "properties");
  EXPECT_EQ(text_of(again->body()), "body");
  for (std::size_t size = 0; size < kept.size() - 4; ++size) {
    EXPECT_FALSE(Message::parse(std::span(kept).first(size))) << size;
  }
}

TEST(Message, MayBeEmptyThroughout) {
  const auto message = Message::create("", "", {}, 0);
  message->append_body({});
  EXPECT_EQ(message->exchange(), "");
  EXPECT_EQ(message->routing_key(), "");
  EXPECT_TRUE(message->properties().empty());
  EXPECT_TRUE(message->body().empty());
}

TEST(Message, TellsItsPriority) {
  const auto priority = [](std::string_view properties) {
    return Message::create("e", "k", bytes_of(properties), 0)->priority();
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(priority("\x00\x00"sv), 0U);
  EXPECT_EQ(priority("\x08\x00\xFF"sv), 255U);
  EXPECT_EQ(priority("\x98\x00\x01t\x02\x07"sv), 7U) << "behind content type and delivery mode";
  EXPECT_EQ(priority(""sv), 0U);
}

// Goal: bodies are whole on both sides of the size from which they have a block of their own.
TEST(Message, KeepsBodiesOfAllSizes) {
  for (const std::size_t size : {Message::inline_body_max_bytes - 1, Message::inline_body_max_bytes,
                                 Message::inline_body_max_bytes + 1, std::size_t{1'000'000}}) {
    std::string body(size, ' ');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 26);
    const auto message = Message::create("e", std::string(255, 'k'), bytes_of("p"), size);
    for (std::size_t at = 0; at < size; at += 70'001) {
      message->append_body(bytes_of(std::string_view(body).substr(at, 70'001)));
    }
    EXPECT_EQ(text_of(message->body()), body);
    EXPECT_EQ(message->routing_key(), std::string(255, 'k'));
  }
}

// Goal: a header that promises much costs nothing before the bytes come.
TEST(Message, GrowsWithWhatArrives) {
  const auto message = Message::create("", "q", {}, 128 * 1024 * 1024);
  EXPECT_LT(message->memory_bytes(), 1000U);
  const std::string piece(100'000, 'x');
  message->append_body(bytes_of(piece));
  EXPECT_GE(message->memory_bytes(), piece.size());
  EXPECT_LT(message->memory_bytes(), 10 * piece.size());
}

TEST(Message, LivesAsLongAsSomebodyHoldsIt) {
  MessageMemory::flush();
  const std::uint64_t before = MessageMemory::used_bytes();
  MessageRef first = Message::create("", "q", {}, 10'000);
  MessageRef second = first;
  MessageMemory::flush();
  const std::uint64_t cost = first->memory_bytes();
  EXPECT_GE(cost, 10'000U);
  EXPECT_EQ(MessageMemory::used_bytes(), before + cost);
  first.reset();
  MessageMemory::flush();
  EXPECT_EQ(MessageMemory::used_bytes(), before + cost);
  second.reset();
  MessageMemory::flush();
  EXPECT_EQ(MessageMemory::used_bytes(), before);
}

// Goal: messages go from shard to shard; the sum is right once both have ended their turns.
TEST(Message, IsAccountedForWhereverItEnds) {
  MessageMemory::flush();
  const std::uint64_t before = MessageMemory::used_bytes();
  std::vector<MessageRef> messages;
  for (int i = 0; i < 100; ++i) messages.push_back(Message::create("", "q", {}, 1000));
  MessageMemory::flush();
  EXPECT_GT(MessageMemory::used_bytes(), before + 100'000);
  std::thread other([taken = std::move(messages)]() mutable {
    taken.clear();
    MessageMemory::flush();
  });
  other.join();
  EXPECT_EQ(MessageMemory::used_bytes(), before);
}

TEST(Message, IsReleasedByManyThreadsOnce) {
  MessageRef message = Message::create("", "q", {}, 100);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = message] {
      for (int round = 0; round < 10'000; ++round) {
        const MessageRef another = copy;
        EXPECT_EQ(another->body_size(), 100U);
      }
    });
  }
  message.reset();
  for (std::thread& thread : threads) thread.join();
}

TEST(MessageDeathTest, NeverGrowsPastItsHeadersSize) {
  const auto message = Message::create("", "q", {}, 1);
  EXPECT_DEATH(message->append_body(bytes_of("ab")), "never grows past");
}

}  // namespace
}  // namespace leveret::broker
