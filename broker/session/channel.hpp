/// One AMQP channel: what its client asks is checked here, asked of the core, and answered.
///
/// A method that another shard may have to answer leaves the connection waiting: no further
/// frame of it is parsed until the answer is there, so a channel has one question open at most.
///
/// Owner:  one ConnectionSession.   Thread: that connection's shard.
/// Spec:   AMQP 0-9-1 channel, exchange, queue, basic, tx; RabbitMQ's confirm and extensions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/endpoint.hpp"
#include "broker/core/firehose.hpp"
#include "broker/core/connection_status.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/session/ack_timeouts.hpp"
#include "broker/session/confirm_tracker.hpp"
#include "broker/session/delivery_ledger.hpp"
#include "broker/session/immediate_publishes.hpp"
#include "broker/session/publish_assembler.hpp"
#include "broker/session/route_cache.hpp"
#include "protocol/generated/methods.hpp"

namespace leveret::broker {

class ConnectionSession;

/// Which method a method frame holds; {0, 0} when it is too short to say.
protocol::MethodId peek_method_id(std::span<const std::byte> payload);

class Channel final : public Endpoint, private AckTimeouts::Owner {
 public:
  Channel(ConnectionSession& connection, std::uint16_t number);
  ~Channel();

  std::uint16_t number() const { return number_; }
  ChannelStatus status() const;

  /// Takes a frame of this channel. A body frame may come in pieces; the last one `ends` it.
  void on_method(std::span<const std::byte> payload);
  void on_header(std::span<const std::byte> payload);
  void on_body(std::span<const std::byte> bytes, bool ends);

  /// We have said channel.close and wait for the client's answer: all else is ignored.
  bool closing() const { return closing_; }
  /// Both sides have said channel.close: the client may open the number again even if it does not
  /// answer ours.
  bool closed_by_both() const { return closed_by_both_; }
  /// Gives back what the channel holds: consumers, deliveries, everything unfinished.
  void release();
  /// Releases, and closes the channel from our side.
  void close_with(const protocol::AmqpError& error);

  /// Whether the connection can take deliveries has changed.
  void set_outbox_full(bool full);

  // ---- AMQP methods ----
  template <class Method>
  void on(const Method&) {
    fail(protocol::AmqpError::command_invalid("unimplemented method"), Method::id);
  }
  void on(const protocol::channel::Open& method);
  void on(const protocol::channel::Flow& method);
  void on(const protocol::channel::Close& method);
  void on(const protocol::channel::CloseOk& method);
  void on(const protocol::access::Request& method);
  void on(const protocol::exchange::Declare& method);
  void on(const protocol::exchange::Delete& method);
  void on(const protocol::exchange::Bind& method);
  void on(const protocol::exchange::Unbind& method);
  void on(const protocol::queue::Declare& method);
  void on(const protocol::queue::Bind& method);
  void on(const protocol::queue::Unbind& method);
  void on(const protocol::queue::Purge& method);
  void on(const protocol::queue::Delete& method);
  void on(const protocol::basic::Qos& method);
  void on(const protocol::basic::Consume& method);
  void on(const protocol::basic::Cancel& method);
  void on(const protocol::basic::Publish& method);
  void on(const protocol::basic::Get& method);
  void on(const protocol::basic::Ack& method);
  void on(const protocol::basic::Nack& method);
  void on(const protocol::basic::Reject& method);
  void on(const protocol::basic::Recover& method);
  void on(const protocol::basic::RecoverAsync& method);
  void on(const protocol::confirm::Select& method);
  void on(const protocol::tx::Select& method);
  void on(const protocol::tx::Commit& method);
  void on(const protocol::tx::Rollback& method);

  // ---- the event exchange ----
  void tell_opened();
  void tell_closed();

  // ---- Endpoint ----
  using Endpoint::receive;
  void receive(Deliver&& message) override;
  void receive(const PublishVerdict& message) override;
  void receive(QueueReply&& message) override;
  void receive(GetReply&& message) override;
  void receive(const ConsumerCancelled& message) override;
  void receive(ReplyVerdict&& message) override;
  void receive(TopologyReply&& message) override;
  bool on_direct_reply(const ReplyToken& token, const MessageRef& message) override;
  bool has_reply_consumer(const ReplyToken& token) const override;
  void on_committed(PublishSeq seq) override;
  void on_end_of_turn() override;

 private:
  using AmqpError = protocol::AmqpError;
  using MethodId = protocol::MethodId;

  /// A consumer of this channel, as the client knows it.
  struct ChannelConsumer {
    std::string tag;
    ConsumerKey key{};
    QueueRef queue;
    ConsumerId id{};  ///< 0 while the queue has not answered.
    std::uint32_t credit_limit = 0;
    bool no_ack = false;
    bool blocked = false;  ///< What the queue has been told last.
    std::string queue_name;  ///< For events, which come when the queue may have gone; or empty.
    /// Set for readers of a stream: stands for delivered messages in the ledger, which need not
    /// be kept.
    MessageRef stream_mark;
  };
  /// What the queue has to know about a consumer, and nobody else.
  struct ConsumerTerms {
    bool exclusive = false;
    std::int32_t priority = 0;
    std::shared_ptr<const StreamReading> reading;  ///< Null: the queue is not a stream.
  };
  /// What a consumer was asked for with, as events tell it.
  struct ConsumerRequest {
    bool exclusive = false;
    std::uint32_t prefetch_count = 0;
    protocol::FieldTable arguments = {};
  };
  struct ReplyConsumer {
    std::string tag;
    ReplyToken token;
    std::string queue_name;
  };
  /// What becomes of a delivered message.
  enum class Settlement : std::uint8_t { acknowledge, reject, requeue, lose };
  /// What a transaction holds back until it is committed.
  struct Transaction {
    struct HeldPublish {
      MessageRef message;
      bool mandatory = false;
      bool immediate = false;
      bool persistent = false;
      std::optional<std::uint64_t> expiration_ms;
      std::vector<RouteTarget> targets;
      std::vector<ReplyToken> reply_targets;
    };
    struct HeldSettlement {
      Unsettled delivery;
      Settlement settlement{};
    };
    std::vector<HeldPublish> publishes;
    std::vector<HeldSettlement> settlements;
    std::size_t settled_consumed_count = 0;  ///< Those of `settlements` that came to a consumer.
    std::uint64_t missing_verdict_count = 0;
    bool committing = false;  ///< commit-ok waits for the missing verdicts.
    bool rejected = false;
  };
  /// Where a message goes and what is known of its publish.
  struct RoutedPublish {
    const MessageRef& message;
    bool mandatory = false;
    bool immediate = false;
    bool persistent = false;
    std::optional<std::uint64_t> expiration_ms;
    std::span<const RouteTarget> targets;
    std::span<const ReplyToken> reply_targets;
  };

  ShardState& shard();
  ChannelRef ref() const;
  void fail(const AmqpError& error, MethodId method);
  template <class Method>
  void write(const Method& method);  // In connection_session.hpp.
  bool allowed(const Result<void, AmqpError>& check, MethodId method);
  void ask(std::function<void(QueueReply&&)> then);
  void ask_topology(TopologyOperation operation, std::function<void(TopologyReply&&)> then);
  /// Answers about something that is there already, or gone already. When it is durable, that must
  /// be in the log before anybody hears so.
  void answer_when_committed(bool is_durable, std::function<void()> answer);
  bool awaits_answer() const { return on_queue_reply_ || on_topology_reply_; }
  /// Goes on with what had to wait, unless the answer has led to another question.
  void end_asking();
  bool resolve_queue_name(std::string_view given, MethodId method, std::string& name);
  /// The queue, if it exists and this connection may use it; otherwise fails the channel.
  const QueueDefinition* find_usable_queue(std::string_view name, MethodId method);
  /// Whether a queue of that name belongs to another connection.
  bool is_locked(std::string_view name);
  Vhost& vhost();
  // Requires: some virtual host is traced. Does nothing unless it is this one.
  void tell_firehose(const Message& published);
  void tell_firehose(const QueueEntry& delivered, QueueRef queue);
  TracedClient traced_client() const;
  // session_events.cpp
  /// What people call it: "address:port (connection_name) (1)".
  std::string full_name() const;
  std::string process_id() const;
  void tell_consumer_created(const ChannelConsumer& consumer, const ConsumerRequest& request);
  void tell_consumer_deleted(const ChannelConsumer& consumer, std::string_view user);
  Facts facts_of(const ChannelConsumer& consumer) const;

  // channel_exchange.cpp, channel_queue.cpp
  void declare_exchange(const protocol::exchange::Declare& method);
  bool may_bind(const BindingDefinition& binding, MethodId method);
  bool may_be_durable(const BindingDefinition& binding);
  bool check_binding_ends(const BindingDefinition& binding, MethodId method);
  void change_binding(bool bind, const BindingDefinition& binding, MethodId method,
                      std::function<void()> answer);
  template <class Method>
  void change_exchange_binding(bool bind, const Method& method, std::function<void()> answer);
  template <class Method>
  void change_queue_binding(bool bind, const Method& method, std::function<void()> answer);
  void add_default_type(const protocol::queue::Declare& method, protocol::FieldTable& arguments);
  void declare_reply_to(const protocol::queue::Declare& method);
  void declare_passively(std::string_view name, bool nowait);
  void declare_queue(QueueDefinition wanted, bool nowait, bool ask_again);
  void create_queue(QueueDefinition wanted, bool nowait);
  bool may_dead_letter(const QueueDefinition& wanted);
  void answer_declare(const QueueDefinition& existing, bool nowait,
                      std::function<void()> when_gone);

  // channel_publish.cpp
  void finish_publish();
  /// The exchange to publish to, if this may be done at all; otherwise fails the channel.
  ExchangeRecord* find_publishable_exchange(const Message& message);
  bool check_properties(const PublishAssembler::Publish& publish,
                        std::optional<std::uint64_t>& expiration_ms);
  void collect_reply_targets(const PublishAssembler::Publish& publish,
                             std::vector<ReplyToken>& targets);
  void route(const PublishAssembler::Publish& publish, ExchangeRecord& exchange);
  void deliver_to_targets(const RoutedPublish& publish);
  void return_message(const MessageRef& message, protocol::ReplyCode code);
  PublishSeq open_immediate(const RoutedPublish& publish, PublishSeq seq);
  void settle_immediate(PublishSeq seq, Verdict verdict);
  void settle_publish(PublishSeq seq, Verdict verdict);
  void request_end_of_turn();
  void finish_commit();

  // channel_stream.cpp
  /// Fails with 540 when the queue is a stream, which cannot do `what`.
  bool refused_by_stream(const QueueDefinition& queue, std::string_view what, MethodId method);
  /// Null for other queues. Errors: 406 for a missing prefetch and bad arguments, 540 for what a
  /// reader of a stream may not ask for.
  Result<std::shared_ptr<const StreamReading>, AmqpError> parse_reading(
      const QueueDefinition& queue, bool no_ack, const protocol::FieldTable& arguments);

  // channel_consume.cpp
  void consume_replies(const protocol::basic::Consume& method);
  bool check_consumer_tag(std::string_view tag, MethodId method);
  static Result<std::int32_t, AmqpError> parse_consumer_arguments(
      const QueueDefinition& queue, const protocol::FieldTable& arguments);
  void consume(const QueueDefinition& queue, ChannelConsumer consumer, ConsumerTerms terms,
               ConsumerRequest request, bool nowait);
  ChannelConsumer* find_consumer(ConsumerKey key);
  void end_cancel(const std::string& tag, bool nowait);
  /// The queue has dropped the consumer.
  void lose_consumer(ConsumerKey key);
  void requeue(QueueRef queue, ConsumerId consumer, bool no_ack, QueueEntry entry,
               ReturnReason reason);
  template <class Method>
  void write_counted(const Method& method, const QueueEntry& entry);
  /// The client has got a message: it is settled at once, or the client's to settle.
  void note_delivered(std::uint64_t delivery_tag, bool no_ack, QueueRef queue, ConsumerId consumer,
                      QueueEntry entry);
  bool global_limit_reached() const;
  std::uint32_t effective_credit_limit(const ChannelConsumer& consumer) const;
  void update_blocked(ChannelConsumer& consumer, bool limit_changed);
  void update_all_blocked();
  void settle_tag(std::uint64_t tag, bool multiple, Settlement settlement, MethodId method);
  void settle_delivery(Unsettled&& delivery, Settlement settlement);
  /// Consumers that the shared limit held back go on, if it has room again.
  void note_room();
  bool recover(bool requeue_them, MethodId method);

  // channel_ack_timeout.cpp
  void watch_delivery(std::uint64_t delivery_tag, const AckTimeout& timeout);
  State state_of(std::uint64_t delivery_tag) const override;
  void on_ack_timeout() override;

  ConnectionSession& connection_;
  Slot slot_;
  std::uint16_t number_;
  bool opened_ = false;
  bool closing_ = false;
  bool closed_by_both_ = false;
  bool released_ = false;
  bool outbox_full_ = false;
  bool global_full_ = false;
  bool end_of_turn_requested_ = false;
  bool getting_ = false;
  std::uint16_t consumer_prefetch_ = 0;  ///< For consumers made from now on; 0 = no limit.
  std::uint16_t global_prefetch_ = 0;    ///< For all consumers together; 0 = no limit.
  std::uint32_t last_consumer_key_ = 0;
  std::string last_queue_name_;
  std::vector<ChannelConsumer> consumers_;
  std::vector<ConsumerKey> lost_while_asking_;  ///< Told after the answer that is awaited.
  DeliveryLedger ledger_;
  std::unique_ptr<PublishAssembler> assembler_;
  std::unique_ptr<RouteCache> route_cache_;
  std::unique_ptr<ConfirmTracker> confirms_;
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<ImmediatePublishes> immediates_;  ///< Null while there have been none.
  std::unique_ptr<AckTimeouts> ack_timeouts_;       ///< Null while no limit has applied.
  std::unique_ptr<ReplyConsumer> reply_consumer_;
  /// Set while an answer is awaited.
  std::function<void(QueueReply&&)> on_queue_reply_;
  std::function<void(TopologyReply&&)> on_topology_reply_;
};

}  // namespace leveret::broker
