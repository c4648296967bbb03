// What a channel does differently where the queue is a stream.

#include <utility>

#include "broker/core/resource_name.hpp"
#include "broker/session/channel.hpp"

namespace leveret::broker {

using protocol::AmqpError;

bool Channel::refused_by_stream(const QueueDefinition& queue, std::string_view what,
                                protocol::MethodId method) {
  if (queue.settings.type != QueueType::stream) return false;
  fail(AmqpError::not_implemented(std::string(what) + " not supported by stream queues " +
                                  queue_resource(queue.name, queue.vhost)),
       method);
  return true;
}

Result<std::shared_ptr<const StreamReading>, AmqpError> Channel::parse_reading(
    const QueueDefinition& queue, bool no_ack, const protocol::FieldTable& arguments) {
  if (queue.settings.type != QueueType::stream) return nullptr;
  const std::string resource = queue_resource(queue.name, queue.vhost);
  if (consumer_prefetch_ == 0) {
    return tl::unexpected(AmqpError::precondition_failed(
        "consumer prefetch count is not set for '" + resource + "'"));
  }
  if (no_ack) {
    return tl::unexpected(AmqpError::not_implemented(
        "automatic acknowledgement not supported by stream queues " + resource));
  }
  if (global_prefetch_ != 0) {
    return tl::unexpected(AmqpError::not_implemented(resource + " does not support global qos"));
  }
  auto reading = parse_stream_reading(resource, arguments);
  if (!reading) return tl::unexpected(std::move(reading.error()));
  return std::make_shared<const StreamReading>(std::move(*reading));
}

}  // namespace leveret::broker
