/// Puts a message together from the frames of basic.publish: method, header, bodies.
///
/// Owner:  one Channel.   Thread: that channel's shard.
/// Spec:   AMQP 0-9-1 section 4.2.6, content framing.
#pragma once

#include <boost/intrusive_ptr.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/message.hpp"
#include "broker/core/reply_token.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/generated/methods.hpp"

namespace leveret::broker {

class PublishAssembler {
 public:
  enum class Awaiting : std::uint8_t { method, header, body };
  Awaiting awaiting() const { return awaiting_; }

  /// Notes the method. Requires: awaiting a method.
  void start(const protocol::basic::Publish& method);

  /// Takes a content header frame's payload. `reply_name`, when not empty, replaces a reply_to
  /// that is exactly amq.rabbitmq.reply-to; the BCC header is taken out of what is delivered.
  /// Errors: 501, 505 of RabbitMQ's for headers that do not fit; 502 for properties that cannot be
  /// read; 406 for a message too large.
  Result<void, protocol::AmqpError> add_header(std::span<const std::byte> payload,
                                               std::string_view reply_name,
                                               std::uint64_t message_size_max_bytes);

  /// Takes (a piece of) a body frame. Error: 501 when there is more than the header promised.
  Result<void, protocol::AmqpError> add_body(std::span<const std::byte> bytes);

  /// All frames are there.
  bool complete() const {
    return awaiting_ == Awaiting::body && message_->body_missing_bytes() == 0;
  }

  /// Whether it goes straight to who has asked something, by its direct reply-to address.
  bool is_reply() const {
    return exchange_.empty() && routing_key_.starts_with(reply_to_queue_name);
  }

  /// The message, and what its publisher asks.
  struct Publish {
    MessageRef message;
    bool mandatory = false;
    bool immediate = false;
    protocol::BasicProperties properties;  ///< Views into the message.
    /// Keys of CC and BCC, which add to the routing key.
    std::vector<std::string> extra_routing_keys;
    /// CC or BCC is no array. Raised when the message would have been routed, not before.
    std::optional<protocol::AmqpError> bad_extra_routing_keys;
  };
  /// Gives what was put together; valid until the next start() or release(). Requires: complete().
  const Publish& finish();
  /// Lets go of the message.
  void release() { publish_.message.reset(); }

 private:
  /// The parts of a message that is not delivered as it came.
  struct Rewritten {
    std::vector<std::byte> properties;
    std::vector<std::byte> blind_keys;
  };
  Result<void, protocol::AmqpError> make_message(std::span<const std::byte> properties,
                                                 std::uint64_t body_size,
                                                 std::span<const std::byte> blind_keys = {});
  bool rewrite(protocol::BasicProperties properties, std::string_view reply_name,
               Rewritten& rewritten);

  Awaiting awaiting_ = Awaiting::method;
  std::string exchange_;
  std::string routing_key_;
  Publish publish_;
  boost::intrusive_ptr<Message> message_;
};

}  // namespace leveret::broker
