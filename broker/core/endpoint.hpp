/// Who the core talks to without knowing sessions: a channel or a connection of this shard.
///
/// Owner: the session.   Thread: its shard.
#pragma once

#include "broker/core/shard_message.hpp"

namespace leveret::broker {

class Endpoint {
 public:
  virtual void receive(Deliver&&) {}
  virtual void receive(const PublishVerdict&) {}
  virtual void receive(QueueReply&&) {}
  virtual void receive(GetReply&&) {}
  virtual void receive(const ConsumerCancelled&) {}
  virtual void receive(ReplyVerdict&&) {}
  virtual void receive(TopologyReply&&) {}
  virtual void receive(const ResourceAlarm&) {}
  virtual void receive(const Shutdown&) {}
  /// A virtual host has gone. Who is in it has to leave.
  virtual void receive(const VhostRemoved&) {}

  /// A direct reply for this channel's reply consumer. False: it is no longer there.
  virtual bool on_direct_reply(const ReplyToken&, const MessageRef&) { return false; }
  /// True when this token's reply consumer is alive.
  virtual bool has_reply_consumer(const ReplyToken&) const { return false; }
  /// The log holds this publish now.
  virtual void on_committed(PublishSeq) {}
  /// Called at the end of a turn in which request_end_of_turn() was called for this endpoint.
  virtual void on_end_of_turn() {}
  /// A shard whose inbox was full has room again.
  virtual void on_inbox_drained() {}

 protected:
  ~Endpoint() = default;
};

}  // namespace leveret::broker
