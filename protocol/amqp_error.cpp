#include "protocol/amqp_error.hpp"

#include "protocol/limits.hpp"

namespace leveret::protocol {

std::string AmqpError::reply_text() const {
  std::string text(reply_name(code_));
  text += " - ";
  text += explanation_;
  if (text.size() <= short_string_max_bytes) return text;
  std::size_t end = short_string_max_bytes;
  const auto continues_character = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (end > short_string_max_bytes - 4 && continues_character(end)) --end;
  text.resize(end);
  return text;
}

}  // namespace leveret::protocol
