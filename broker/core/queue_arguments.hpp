/// Arguments of queue.declare: what they mean, which ones are refused, and when a second
/// declaration of a queue is the same as the first.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   queue.declare (50,10); rules, order of the checks and texts of RabbitMQ 3.10 to 3.13.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/ack_timeout.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// The bits of queue.declare that describe the queue.
struct QueueFlags {
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
};

/// What kind of queue it is: x-queue-type.
enum class QueueType : std::uint8_t { classic, quorum, stream };

/// What happens to a publish into a full queue.
enum class QueueOverflow : std::uint8_t { drop_head, reject_publish, reject_publish_dlx };

/// Whether a dead letter may be lost on its way: x-dead-letter-strategy.
enum class DeadLetterStrategy : std::uint8_t { at_most_once, at_least_once };

/// What the arguments of a declaration ask for; absent means that the feature is off.
struct QueueSettings {
  QueueType type = QueueType::classic;
  std::optional<std::uint64_t> expires_ms;      ///< x-expires, 1 ms to ten years.
  std::optional<std::uint64_t> message_ttl_ms;  ///< x-message-ttl, 0 ms to ten years.
  std::optional<std::uint64_t> max_length;      ///< x-max-length, ready messages.
  std::optional<std::uint64_t> max_length_bytes;
  std::optional<std::string> dead_letter_exchange;  ///< Empty: the default exchange.
  std::optional<std::string> dead_letter_routing_key;
  QueueOverflow overflow = QueueOverflow::drop_head;
  std::optional<std::uint8_t> max_priority;  ///< x-max-priority; 0 says no more than nothing.
  bool single_active_consumer = false;
  bool deduplicates = false;  ///< x-message-deduplication
  /// How long a delivery may stay unacknowledged: x-consumer-timeout. 0: no limit of its own.
  std::optional<std::uint64_t> consumer_timeout_ms;
  /// What happens then: x-consumer-timeout-action, which is Leveret's own.
  AckTimeoutAction consumer_timeout_action = AckTimeoutAction::close_channel;

  // ---- quorum queues ----
  /// How often a message may come back before the queue gives it up: x-delivery-limit.
  std::optional<std::uint32_t> delivery_limit;
  DeadLetterStrategy dead_letter_strategy = DeadLetterStrategy::at_most_once;

  // ---- streams ----
  std::optional<std::uint64_t> max_age_ms;                     ///< x-max-age.
  std::optional<std::uint64_t> stream_max_segment_size_bytes;  ///< At most three billion.
  std::optional<std::uint8_t> stream_filter_size_bytes;        ///< 16 to 255.

  /// Whether dead letters stay until all queues that they go to have them. As in RabbitMQ only
  /// where the queue does not drop its own messages to make room.
  bool keeps_dead_letters() const {
    return type == QueueType::quorum && dead_letter_exchange &&
           dead_letter_strategy == DeadLetterStrategy::at_least_once &&
           overflow == QueueOverflow::reject_publish;
  }
};

/// The type that the arguments of an existing queue ask for: classic unless they say otherwise.
QueueType queue_type_of(const protocol::FieldTable& arguments);

/// Checks that a queue of this type may be given its name by the server. Error: 406.
Result<void, protocol::AmqpError> check_server_named(const protocol::FieldTable& arguments);

/// Reads and checks the arguments of a new queue.
/// Errors: 406 precondition_failed, soft, for bad values, for arguments that only queues of
/// another type have, and for flags that this type cannot have: quorum queues and streams are
/// durable, and neither exclusive nor auto-delete; 540 not_implemented, hard, for valid ones that
/// Leveret cannot do yet. Arguments that nobody knows are accepted and mean nothing.
Result<QueueSettings, protocol::AmqpError> parse_queue_arguments(
    std::string_view queue, std::string_view vhost, const QueueFlags& flags,
    const protocol::FieldTable& arguments);

/// One declaration of a queue.
struct QueueDeclaration {
  QueueFlags flags;
  const protocol::FieldTable& arguments;
};

/// Checks that a second declaration says the same as the first; the connection is allowed to use
/// the queue if it is exclusive. Errors, both soft: 405 resource_locked when only one of the two is
/// exclusive; 406 precondition_failed for any other difference. The arguments of the second one
/// are not validated, only compared. Arguments that a queue of this type does not have, and the
/// widths of integers, make no difference; nor does durability between exclusive declarations.
Result<void, protocol::AmqpError> check_queue_equivalence(std::string_view queue,
                                                          std::string_view vhost,
                                                          const QueueDeclaration& existing,
                                                          const QueueDeclaration& received);

/// 405: the queue is exclusive to another connection, or was declared with another exclusive flag.
protocol::AmqpError locked_queue(std::string_view queue, std::string_view vhost);

}  // namespace leveret::broker
