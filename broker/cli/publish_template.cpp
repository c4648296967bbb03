#include "broker/cli/publish_template.hpp"

#include <algorithm>
#include <cstring>

namespace leveret::cli {

PublishTemplate::PublishTemplate(const protocol::basic::Publish& method,
                                 const protocol::BasicProperties& properties,
                                 std::uint64_t body_size, std::uint32_t frame_max_bytes)
    : body_size_(body_size) {
  add_variant(method, properties);
  // The key is followed by one octet of bits and the frame's end.
  key_end_offset_ = protocol::method_frame_size(method) - 2;

  const std::uint64_t payload_max = frame_max_bytes - protocol::frame_overhead_bytes;
  const std::uint64_t frame_count = (body_size + payload_max - 1) / payload_max;
  body_frames_.resize(body_size + frame_count * protocol::frame_overhead_bytes);
  protocol::WireWriter writer(body_frames_);
  for (std::uint64_t left = body_size; left > 0;) {
    const std::uint64_t payload = std::min(left, payload_max);
    protocol::write_body_frame_head(writer, ClientConnection::load_channel,
                                    static_cast<std::uint32_t>(payload));
    writer.write_bytes(std::vector<std::byte>(payload));
    protocol::write_frame_end(writer);
    left -= payload;
  }
}

void PublishTemplate::add_variant(const protocol::basic::Publish& method,
                                  const protocol::BasicProperties& properties) {
  std::vector<std::byte> encoded(properties.encoded_size());
  protocol::WireWriter properties_writer(encoded);
  properties.encode(properties_writer);
  std::vector<std::byte>& head = heads_.emplace_back();
  head.resize(protocol::method_frame_size(method) + protocol::header_frame_size(encoded));
  protocol::WireWriter writer(head);
  protocol::write_method_frame(writer, ClientConnection::load_channel, method);
  protocol::write_header_frame(writer, ClientConnection::load_channel, body_size_, encoded);
}

void PublishTemplate::append_to(ClientConnection& connection, const MessageStamp& stamp) const {
  const std::vector<std::byte>& head = heads_[stamp.sequence % heads_.size()];
  std::byte* place = connection.grow(head.size() + body_frames_.size()).data();
  std::memcpy(place, head.data(), head.size());
  place += head.size();
  std::memcpy(place, body_frames_.data(), body_frames_.size());
  stamp.write(place + protocol::frame_head_bytes);
}

void PublishTemplate::set_key_number(std::uint32_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 1; i <= key_digit_count; ++i, number >>= 4) {
    heads_.front()[key_end_offset_ - i] = static_cast<std::byte>(digits[number & 0xF]);
  }
}

}  // namespace leveret::cli
