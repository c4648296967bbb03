// What people who look at connections are told of them.

#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"

namespace leveret::broker {

std::optional<ConnectionStatus> ConnectionSession::status() const {
  if (state_ != State::open) return std::nullopt;
  ConnectionStatus status;
  status.id = id_;
  status.shard = shard_.own();
  status.user = user_;
  status.vhost = vhost_;
  status.client_name = client_name_;
  status.mechanism = mechanism_;
  status.peer_address = peer_.address;
  status.peer_port = peer_.port;
  status.local_address = peer_.local_address;
  status.local_port = peer_.local_port;
  status.is_internal = peer_.is_internal;
  status.is_blocked = blocked_;
  status.connected_at_ms = static_cast<std::uint64_t>(connected_at_);
  status.heartbeat_s = heartbeat_s_;
  status.frame_max_bytes = frame_max_bytes_;
  status.channel_max = channel_max_;
  status.client_properties = decoded_client_properties();
  status.pending_bytes = outbox_.pending_bytes();
  for (const auto& [number, channel] : channels_) status.channels.push_back(channel->status());
  return status;
}

ChannelStatus Channel::status() const {
  ChannelStatus status;
  status.number = number_;
  status.is_confirming = confirms_ != nullptr;
  status.is_transactional = transaction_ != nullptr;
  status.prefetch_count = consumer_prefetch_;
  status.global_prefetch_count = global_prefetch_;
  status.unacked_count = ledger_.size();
  if (confirms_ != nullptr) status.unconfirmed_count = confirms_->open_count();
  if (transaction_ != nullptr) {
    status.uncommitted_count = transaction_->publishes.size();
    status.uncommitted_ack_count = transaction_->settlements.size();
  }
  for (const ChannelConsumer& consumer : consumers_) {
    const QueueRecord* queue = connection_.shard().topology().find_queue(consumer.queue);
    status.consumers.push_back({consumer.tag, queue == nullptr ? "" : queue->definition->name,
                                consumer.no_ack, consumer.credit_limit});
  }
  if (reply_consumer_ != nullptr) {
    status.consumers.push_back({reply_consumer_->tag, reply_consumer_->queue_name, true, 0});
  }
  return status;
}

}  // namespace leveret::broker
