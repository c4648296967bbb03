#include "broker/core/reply_token.hpp"

#include <openssl/rand.h>

#include <cstring>

#include "protocol/base/assert.hpp"

namespace leveret::broker {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// shard 2, slot index 4, slot generation 4, secret 16: 26 bytes are 208 bits, 35 characters.
using TokenBytes = std::array<std::uint8_t, 26>;
constexpr std::size_t text_size = (sizeof(TokenBytes) * 8 + 5) / 6;

template <class Integer>
void put(std::uint8_t*& out, Integer value) {
  for (std::size_t i = sizeof(Integer); i-- > 0;) {
    *out++ = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

template <class Integer>
Integer take(const std::uint8_t*& in) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>((std::uint64_t{value} << 8) | *in++);
  }
  return value;
}

}  // namespace

ReplyToken ReplyToken::generate(ChannelRef channel) {
  ReplyToken token{channel, {}};
  const int ok = RAND_bytes(token.secret.data(), static_cast<int>(token.secret.size()));
  LEVERET_ASSERT(ok == 1, "the system gives randomness");
  return token;
}

std::string ReplyToken::queue_name() const {
  TokenBytes bytes;
  std::uint8_t* out = bytes.data();
  put(out, static_cast<std::uint16_t>(channel.shard));
  put(out, channel.slot.index);
  put(out, channel.slot.generation);
  std::memcpy(out, secret.data(), secret.size());

  std::string name(reply_to_queue_name);
  name += '.';
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    for (bit_count += 8; bit_count >= 6; bit_count -= 6) {
      name += alphabet[(bits >> (bit_count - 6)) & 63];
    }
  }
  if (bit_count > 0) name += alphabet[(bits << (6 - bit_count)) & 63];
  return name;
}

std::optional<ReplyToken> ReplyToken::parse(std::string_view queue_name,
                                            std::uint16_t shard_count) {
  if (!queue_name.starts_with(reply_to_queue_name)) return std::nullopt;
  queue_name.remove_prefix(reply_to_queue_name.size());
  if (queue_name.size() != 1 + text_size || queue_name.front() != '.') return std::nullopt;
  queue_name.remove_prefix(1);

  TokenBytes bytes{};
  std::size_t filled = 0;
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char character : queue_name) {
    const std::size_t value = alphabet.find(character);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes[filled++] = static_cast<std::uint8_t>(bits >> bit_count);
    }
  }
  const std::uint32_t padding = bits & ((1u << bit_count) - 1);
  if (padding != 0) return std::nullopt;  // One token, one text.

  const std::uint8_t* in = bytes.data();
  ReplyToken token;
  token.channel.shard = ShardId{take<std::uint16_t>(in)};
  if (static_cast<std::uint16_t>(token.channel.shard) >= shard_count) return std::nullopt;
  token.channel.slot.index = take<std::uint32_t>(in);
  token.channel.slot.generation = take<std::uint32_t>(in);
  std::memcpy(token.secret.data(), in, token.secret.size());
  return token;
}

}  // namespace leveret::broker
