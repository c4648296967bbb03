#include "broker/core/message.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "protocol/basic_properties.hpp"

namespace leveret::broker {

namespace {
// What malloc adds to a block, about.
constexpr std::uint64_t allocation_overhead_bytes = 16;
}  // namespace

thread_local std::int64_t MessageMemory::unflushed_bytes_ = 0;
std::atomic<std::int64_t> MessageMemory::used_bytes_{0};

void MessageMemory::flush() {
  if (unflushed_bytes_ == 0) return;
  used_bytes_.fetch_add(unflushed_bytes_, std::memory_order_relaxed);
  unflushed_bytes_ = 0;
}

std::uint64_t MessageMemory::used_bytes() {
  // A message freed on another shard than it was made on can make the sum lag below zero.
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, used_bytes_.load(std::memory_order_relaxed)));
}

boost::intrusive_ptr<Message> Message::create(std::string_view exchange,
                                              std::string_view routing_key,
                                              std::span<const std::byte> properties,
                                              std::uint64_t body_size,
                                              std::span<const std::byte> blind_keys) {
  LEVERET_ASSERT(exchange.size() <= 255 && routing_key.size() <= 255, "names are short strings");
  LEVERET_ASSERT(blind_keys.size() <= blind_keys_max_bytes, "too many are refused before");
  const bool is_inline = body_size <= inline_body_max_bytes;
  const std::size_t head_size =
      exchange.size() + routing_key.size() + properties.size() + blind_keys.size();
  const std::size_t total = sizeof(Message) + head_size + (is_inline ? body_size : 0);
  void* memory = std::malloc(total);
  LEVERET_ASSERT(memory != nullptr, "the machine has memory for a message");

  auto* message = new (memory) Message;
  message->sizes_.exchange = static_cast<std::uint8_t>(exchange.size());
  message->sizes_.routing_key = static_cast<std::uint8_t>(routing_key.size());
  message->sizes_.properties = static_cast<std::uint32_t>(properties.size());
  message->sizes_.blind_keys = static_cast<std::uint16_t>(blind_keys.size());
  message->body_size_ = body_size;
  message->body_is_inline_ = is_inline;
  char* head = message->head();
  head = std::copy(exchange.begin(), exchange.end(), head);
  head = std::copy(routing_key.begin(), routing_key.end(), head);
  if (!properties.empty()) std::memcpy(head, properties.data(), properties.size());
  head += properties.size();
  if (!blind_keys.empty()) std::memcpy(head, blind_keys.data(), blind_keys.size());
  head += blind_keys.size();
  if (is_inline) {
    message->body_ = reinterpret_cast<std::byte*>(head);
    message->body_capacity_ = body_size;
  }
  message->account(total + allocation_overhead_bytes);
  return boost::intrusive_ptr<Message>(message);
}

boost::intrusive_ptr<Message> Message::parse(std::span<const std::byte> bytes) {
  Sizes sizes;
  if (bytes.size() < sizeof(sizes)) return nullptr;
  std::memcpy(&sizes, bytes.data(), sizeof(sizes));
  bytes = bytes.subspan(sizeof(sizes));
  const std::size_t head_size = sizes.sum();
  if (head_size > bytes.size()) return nullptr;
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const auto rest = bytes.first(head_size).subspan(std::size_t{sizes.exchange} + sizes.routing_key);
  auto message = create({text, sizes.exchange}, {text + sizes.exchange, sizes.routing_key},
                        rest.first(sizes.properties), bytes.size() - head_size,
                        rest.subspan(sizes.properties));
  message->append_body(bytes.subspan(head_size));
  return message;
}

std::uint8_t Message::priority() const {
  const auto decoded = protocol::BasicProperties::decode(properties());
  return decoded ? decoded->priority.value_or(0) : 0;
}

Message::~Message() {
  if (!body_is_inline_) std::free(body_);
}

void intrusive_ptr_release(const Message* message) noexcept {
  // Acquire-release: the last owner must see what all others did with the message.
  if (message->reference_count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  MessageMemory::unflushed_bytes_ -= static_cast<std::int64_t>(message->memory_bytes_);
  auto* dead = const_cast<Message*>(message);
  dead->~Message();
  std::free(dead);
}

void Message::account(std::uint64_t bytes) {
  memory_bytes_ += bytes;
  MessageMemory::unflushed_bytes_ += static_cast<std::int64_t>(bytes);
}

void Message::reserve_body(std::uint64_t needed_bytes) {
  if (needed_bytes <= body_capacity_) return;
  // Growing with what arrives: a header that promises 128 MiB costs nothing by itself.
  const std::uint64_t capacity =
      std::min(body_size_, std::max<std::uint64_t>({needed_bytes, body_capacity_ * 2, 256 * 1024}));
  auto* block = static_cast<std::byte*>(std::realloc(body_, capacity));
  LEVERET_ASSERT(block != nullptr, "the machine has memory for a message body");
  account(capacity - body_capacity_);
  body_ = block;
  body_capacity_ = capacity;
}

void Message::append_body(std::span<const std::byte> bytes) {
  LEVERET_ASSERT(bytes.size() <= body_missing_bytes(), "a body never grows past its header's size");
  if (bytes.empty()) return;
  reserve_body(body_filled_ + bytes.size());
  std::memcpy(body_ + body_filled_, bytes.data(), bytes.size());
  body_filled_ += bytes.size();
}

std::vector<std::byte> write_blind_keys(std::span<const std::string_view> keys) {
  std::vector<std::byte> written;
  for (const std::string_view key : keys) {
    const std::size_t size = std::min<std::size_t>(key.size(), UINT16_MAX);
    written.push_back(static_cast<std::byte>(size & 0xff));
    written.push_back(static_cast<std::byte>(size >> 8));
    const auto bytes = std::as_bytes(std::span(key)).first(size);
    written.insert(written.end(), bytes.begin(), bytes.end());
  }
  return written;
}

std::vector<std::string_view> read_blind_keys(std::span<const std::byte> blind_keys) {
  std::vector<std::string_view> keys;
  while (blind_keys.size() >= 2) {
    const std::size_t size = std::to_integer<std::size_t>(blind_keys[0]) |
                             std::to_integer<std::size_t>(blind_keys[1]) << 8;
    blind_keys = blind_keys.subspan(2);
    if (size > blind_keys.size()) break;  // No log of ours has that.
    keys.emplace_back(reinterpret_cast<const char*>(blind_keys.data()), size);
    blind_keys = blind_keys.subspan(size);
  }
  return keys;
}

}  // namespace leveret::broker
