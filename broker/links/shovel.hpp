/// A shovel: moves messages of a queue, or of an exchange, to another broker or elsewhere here.
///
/// Owner: the LinkManager.   Thread: that of the links.   Peer: rabbit_amqp091_shovel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/core/durable_definitions.hpp"
#include "broker/core/shovel_definition.hpp"
#include "broker/links/link.hpp"

namespace leveret::links {

class Shovel final : public Link {
 public:
  /// `key` is that of its parameter. `cluster_name` is what this broker calls itself.
  Shovel(boost::asio::io_context& context, LinkHost& host, broker::ParameterKey key,
         broker::ShovelDefinition definition, std::string cluster_name);

 private:
  void set_up() override;
  void on_delivery(const Delivery& delivery) override;
  void on_settled(std::uint64_t count) override;

  /// Declares a durable queue, if there is none of that name.
  void ensure_queue(ClientConnection& connection, const std::string& queue,
                    const protocol::FieldTable& arguments, std::function<void()> then);
  void prepare_source();
  void bind_source();
  void count_queue();
  void begin(std::optional<std::uint64_t> message_count);
  void count_done(std::uint64_t count);
  std::vector<std::byte> properties_of(const Delivery& delivery);
  protocol::FieldTable forward_header() const;

  broker::ParameterKey key_;
  broker::ShovelDefinition definition_;
  std::string cluster_name_;
  bool changes_properties_ = false;
  std::string queue_;  ///< That it consumes from.
  /// How many messages it still takes, and how many have to be settled until it has done its work.
  std::optional<std::uint64_t> left_to_take_, left_to_settle_;
};

}  // namespace leveret::links
