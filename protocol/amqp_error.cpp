#include "protocol/amqp_error.hpp"

#include <string_view>

#include "protocol/limits.hpp"

namespace leveret::protocol {

std::string AmqpError::reply_text() const {
  std::string text(reply_name(code_));
  text += " - ";
  text += explanation_;
  if (text.size() <= short_string_max_bytes) return text;
  // RabbitMQ cuts here too, and adds the dots (rabbit_binary_generator.erl).
  constexpr std::string_view dots = "...";
  constexpr std::size_t end_max = short_string_max_bytes - dots.size();
  constexpr std::size_t character_max_bytes = 4;
  const auto continues_character = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  std::size_t end = end_max;
  while (end > end_max - character_max_bytes && continues_character(end)) --end;
  // Bytes that are no text have no better place to be cut.
  if (continues_character(end)) end = end_max;
  text.resize(end);
  text += dots;
  return text;
}

}  // namespace leveret::protocol
