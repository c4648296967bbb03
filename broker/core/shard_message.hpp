/// The closed list of what shards say to each other. Within one shard the same structs are
/// handed over by a direct call, so a broker of one shard is a broker of many without mailboxes.
///
/// Thread: made on the sender's shard, moved to the receiver's. Between two shards they arrive
/// in the order they were sent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/ack_timeout.hpp"
#include "broker/core/consumer_list.hpp"
#include "broker/core/definition_change.hpp"
#include "broker/core/ids.hpp"
#include "broker/core/queue_entry.hpp"
#include "broker/core/reply_token.hpp"
#include "broker/core/topology_delta.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// A receiver of answers: a channel, or a connection. Generation 0: nobody wants an answer.
using EndpointRef = ChannelRef;

// ---- to the home shard of a queue ----------------------------------------------------------

struct PublishToQueue {
  QueueRef queue;
  MessageRef message;
  std::optional<std::uint64_t> expiration_ms;
  ChannelRef publisher;
  PublishSeq seq{};  ///< 0: the publisher wants no verdict.
  std::uint32_t log_index = not_in_log;
  bool immediate = false;  ///< To be delivered at once, or not to be taken. It has a `seq`.
  /// For exchanges that keep something: the publisher is to have the message back, by ReplyVerdict,
  /// when it goes nowhere.
  bool mandatory = false;
};
/// The same for an exchange that is reached by way of others that keep something.
struct PublishToExchange {
  PublishToQueue publish;
  std::vector<StatefulExchangeId> passed;  ///< The message does not come to them again.
  StatefulRouteId route{};  ///< Who has seen it has had the message by another way.
};
/// A delivered message is done with: acknowledged, or rejected where nothing becomes of it.
struct Settle {
  QueueRef queue;
  ConsumerId consumer{};  ///< 0: it was fetched by basic.get.
  Position position{};
  std::uint64_t body_bytes = 0;
};
/// A delivered message was rejected for good, and goes on to a dead-letter exchange.
struct Reject {
  QueueRef queue;
  ConsumerId consumer{};  ///< 0: it was fetched by basic.get.
  QueueEntry entry;
};
/// Why a delivered message comes back.
enum class ReturnReason : std::uint8_t {
  not_seen,    ///< It did not get to the client.
  given_back,  ///< The client has had it and wants it back in the queue.
  lost,        ///< The client has had it and is gone.
};
/// A delivered message comes back to its place.
struct Requeue {
  QueueRef queue;
  ConsumerId consumer{};
  bool was_no_ack = false;  ///< It was never counted as unacknowledged.
  QueueEntry entry;
  ReturnReason reason = ReturnReason::not_seen;
};
struct AddConsumer {
  QueueRef queue;
  Consumer consumer;
};
struct RemoveConsumer {
  QueueRef queue;
  ConsumerId consumer{};
  EndpointRef reply_to;
};
struct UpdateConsumer {
  QueueRef queue;
  ConsumerId consumer{};
  std::uint32_t credit_limit = 0;
  bool blocked = false;
};
struct GetFromQueue {
  QueueRef queue;
  ChannelRef channel;
  bool no_ack = false;
};
struct PurgeQueue {
  QueueRef queue;
  EndpointRef reply_to;
};
/// Asks for the counts; as a (passive) declaration it also counts as a use of the queue.
struct InspectQueue {
  QueueRef queue;
  EndpointRef reply_to;
};
struct DeleteQueue {
  QueueRef queue;
  EndpointRef reply_to;
  bool if_unused = false;
  bool if_empty = false;
  std::string user{};  ///< Who wants it, for the event exchange; empty: the broker itself.
};

// ---- to a channel or connection ------------------------------------------------------------

struct Deliver {
  ChannelRef channel;
  ConsumerKey consumer_key{};
  ConsumerId consumer{};
  QueueRef queue;
  bool no_ack = false;
  QueueEntry entry;
  AckTimeout ack_timeout;
};
struct PublishVerdict {
  ChannelRef channel;
  PublishSeq seq{};
  Verdict verdict = Verdict::accepted;
};
struct QueueCounts {
  std::uint64_t ready_count = 0;
  std::uint64_t consumer_count = 0;
};
/// Why a queue did not do what it was asked.
struct QueueRefusal {
  bool gone = false;  ///< It is no longer there; otherwise `error` says what was wrong.
  protocol::AmqpError error;
};
struct QueueReply {
  EndpointRef endpoint;
  QueueRef queue;         ///< Set, as is the consumer, in the answer to AddConsumer.
  ConsumerId consumer{};
  Result<QueueCounts, QueueRefusal> outcome;
};
struct GetReply {
  ChannelRef channel;
  QueueRef queue;
  bool no_ack = false;
  std::optional<QueueEntry> entry;
  std::uint64_t ready_count = 0;
  AckTimeout ack_timeout;
};
/// The queue has gone and took the consumer with it.
struct ConsumerCancelled {
  ChannelRef channel;
  ConsumerKey consumer_key{};
};

// ---- direct reply-to -----------------------------------------------------------------------

struct PublishToReply {
  ReplyToken token;
  MessageRef message;
  ChannelRef publisher;
  PublishSeq seq{};         ///< 0: no verdict is wanted.
  bool mandatory = false;   ///< Hand the message back when the requester has gone.
};
/// Asks whether a requester is still there; answered by QueueReply.
struct InspectReplyTarget {
  ReplyToken token;
  EndpointRef reply_to;
};
/// An answer to a mandatory or confirmed PublishToReply.
struct ReplyVerdict {
  ChannelRef channel;
  PublishSeq seq{};
  MessageRef undeliverable;  ///< Set when the requester has gone and the message was mandatory.
};

// ---- topology: to shard 0, and back --------------------------------------------------------

struct DeclareQueue { QueueDefinitionRef definition; };
struct DeclareExchange { ExchangeDefinition definition; };
struct DeleteExchange { std::string vhost, name; bool if_unused = false; };
struct Bind { BindingDefinition binding; };
struct Unbind { BindingDefinition binding; };
/// Counts a connection against the limits of node, vhost and user.
struct AdmitConnection { std::string user; std::string vhost; };
struct ReleaseConnection { std::string user; std::string vhost; };
/// Counts a channel of the user's, and checks it against his limit; otherwise it is open already.
struct AdmitChannel { std::string user; bool is_checked = false; };
struct ReleaseChannels { std::string user; std::uint64_t count = 1; };
/// What the configuration says about users. It is not stored, but virtual hosts are.
struct ReplaceUsers {
  std::shared_ptr<const Users> users;
  std::vector<std::string> vhosts;  ///< Those that must exist afterwards.
  std::string event_vhost{};        ///< Gets the event exchange; empty: none does.
};
struct ChangeDefinition { DefinitionChange change; };
/// Answered when the log has all that was decided before.
struct AwaitDefinitions {};
/// Sent by a queue's home once the queue is no more; the answer carries `counts`.
struct ForgetQueue { QueueDefinitionRef definition; QueueCounts counts; };

using TopologyOperation =
    std::variant<DeclareQueue, DeclareExchange, DeleteExchange, Bind, Unbind, AdmitConnection,
                 ReleaseConnection, AdmitChannel, ReleaseChannels, ReplaceUsers, ChangeDefinition,
                 AwaitDefinitions, ForgetQueue>;

struct TopologyRequest {
  EndpointRef requester;
  TopologyOperation operation;
  std::string user{};  ///< Who asks, for the event exchange; empty: the broker itself.
};
/// Sent when every shard has applied what the request changed, and the log has it as far as it is
/// durable; or at once when it is refused.
struct TopologyReply {
  EndpointRef requester;
  QueueRef reserved;  ///< DeclareQueue: the place that was kept for the queue at its home.
  /// The queue that bears the name now (DeclareQueue), otherwise without meaning.
  Result<QueueRef, protocol::AmqpError> outcome;
};
struct ApplyDelta {
  std::uint64_t number = 0;
  std::shared_ptr<const TopologyDelta> delta;
  bool is_logged = false;  ///< The log has something of it, or will have.
};
struct DeltaApplied {
  std::uint64_t number = 0;
};
/// The log has what there was to be written of this delta and of those before.
struct DeltaCommitted {
  std::uint64_t number = 0;
};

// ---- node-wide conditions ------------------------------------------------------------------

/// What the node is short of; publishers wait while it is.
struct ResourceAlarm {
  bool memory = false;
  bool disk = false;
  bool active() const { return memory || disk; }
  bool operator==(const ResourceAlarm&) const = default;
};
/// The sender's inbox has room again: those who waited for it may go on.
struct InboxDrained { ShardId shard{}; };
/// Close everything: connection.close to all clients.
struct Shutdown {};

using ShardMessage =
    std::variant<PublishToQueue, PublishToExchange, Settle, Reject, Requeue, AddConsumer,
                 RemoveConsumer, UpdateConsumer, GetFromQueue, PurgeQueue, InspectQueue,
                 DeleteQueue, Deliver, PublishVerdict, QueueReply, GetReply, ConsumerCancelled,
                 PublishToReply, InspectReplyTarget, ReplyVerdict, TopologyRequest, TopologyReply,
                 ApplyDelta, DeltaApplied, DeltaCommitted, ResourceAlarm, InboxDrained, Shutdown>;

}  // namespace leveret::broker
