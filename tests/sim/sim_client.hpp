/// A client that does at random what clients do, and knows what it may hear.
///
/// It speaks only when its session listens and when it has read everything, so it always knows
/// what the broker has understood.
///
/// Owner:  one SimWorld.   Thread: the test's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/session/connection_session.hpp"
#include "broker/session/session_host.hpp"
#include "tests/session/frames.hpp"
#include "tests/sim/sim_world.hpp"

namespace leveret::broker {

class SimClient final : public SessionHost {
 public:
  SimClient(SimWorld& world, std::uint16_t shard, std::uint64_t number);

  std::uint16_t shard() const { return shard_; }
  std::uint64_t number() const { return number_; }
  /// Says something, or nothing.
  void act();
  bool resume();
  bool flush();
  void read_always() { reading_ = true; }
  /// The socket breaks.
  void drop();
  bool gone() const { return gone_; }

  // ---- when the world has come to rest ----
  void check_at_rest();
  /// Readers have got all that they may have of the stream, which ends there.
  void check_readers(StreamModel::Offset end);
  struct QueueView {
    std::uint64_t consumer_count = 0;
    /// Consumers that could take a message, by their tags, and what there is to say of them.
    std::map<std::string, std::string> hungry;
  };
  void add_to(const std::string& queue, QueueView& view) const;
  /// Whether a consumer of that tag is here, and does not want to go.
  bool has_staying(const std::string& tag) const;

  // ---- for the observer, who does one thing at a time ----
  void open();
  /// Declares what no client ever deletes, and the bindings. `settle` waits for an answer.
  void prepare(const std::function<void()>& settle);
  void declare(const SimQueue& queue);
  void inspect(const std::string& queue);
  void fetch(const std::string& queue);
  /// Reads a stream from its beginning; `settle` waits for the messages.
  void read_all(const SimQueue& stream, const std::function<void()>& settle);
  /// Publishes a message to the queue; what becomes of it is in the model when there is rest.
  MessageNumber publish_one(const SimQueue& queue);
  bool busy() const;
  std::uint32_t seen_ready_count() const { return ready_count_; }
  std::uint32_t seen_consumer_count() const { return consumer_count_; }
  bool fetched() const { return fetched_; }
  /// The last message that has come.
  MessageNumber last_number() const { return last_number_; }

  // ---- what the broker says ----
  template <class Method>
  void on(const Method&) {
    world_.complain("unexpected method " + std::string(protocol::method_name(Method::id)));
  }
  void on(const protocol::connection::Start&);
  void on(const protocol::connection::Tune&);
  void on(const protocol::connection::OpenOk&) { ready_ = true; }
  void on(const protocol::connection::CloseOk&) { gone_ = true; }
  void on(const protocol::channel::OpenOk&) { now_open(); }
  void on(const protocol::channel::Close& method);
  void on(const protocol::channel::CloseOk&);
  void on(const protocol::queue::DeclareOk& method);
  void on(const protocol::queue::BindOk&) { answered(); }
  void on(const protocol::exchange::DeclareOk&) { answered(); }
  void on(const protocol::queue::PurgeOk&) { answered(); }
  void on(const protocol::queue::DeleteOk&) { answered(); }
  void on(const protocol::basic::QosOk&) { answered(); }
  void on(const protocol::basic::ConsumeOk& method);
  void on(const protocol::basic::CancelOk& method);
  void on(const protocol::basic::Cancel& method);
  void on(const protocol::basic::RecoverOk&) { answered(); }
  void on(const protocol::basic::GetEmpty&) { fetched_ = false, answered(); }
  void on(const protocol::basic::GetOk& method);
  void on(const protocol::basic::Deliver& method);
  void on(const protocol::basic::Return&) { content_ = Content{}; }
  void on(const protocol::basic::Ack& method);
  void on(const protocol::basic::Nack& method);
  void on(const protocol::confirm::SelectOk&) { answered(); }
  void on(const protocol::tx::SelectOk&) { answered(); }
  void on(const protocol::tx::CommitOk&);
  void on(const protocol::tx::RollbackOk&) { answered(); }

 private:
  struct Held {
    std::string queue;
    MessageNumber message = 0;
    std::string tag;  ///< Empty: fetched by basic.get.
  };
  /// Where a reader of a stream begins.
  enum class Start : std::uint8_t { first, last, next, offset };
  struct Consumer {
    std::string queue;
    bool no_ack = false;
    std::uint32_t prefetch = 0;
    std::uint32_t held_count = 0;
    std::optional<Start> start{};  ///< Of a reader.
    /// What a reader has to get next, as soon as that can be known.
    std::optional<StreamModel::Offset> next_offset{};
  };
  enum class Outcome : std::uint8_t { acknowledged, requeued, rejected };
  struct Settled {
    std::uint64_t delivery_tag = 0;
    Held held;
    Outcome outcome{};
  };
  struct Channel {
    bool closing = false;
    bool waits = false;
    bool confirming = false;
    bool transactional = false;
    std::uint16_t prefetch = 0;
    std::uint16_t global_prefetch = 0;
    std::string wanted_queue, wanted_tag;
    bool wanted_no_ack = false;
    Start wanted_start{};
    StreamModel::Offset wanted_offset = 0;
    std::map<std::string, Consumer> consumers;
    std::map<std::uint64_t, Held> held;
    std::uint64_t last_seq = 0;
    std::map<std::uint64_t, MessageNumber> unconfirmed;
    std::vector<std::pair<std::string, MessageNumber>> tx_publishes;
    std::vector<Settled> tx_settled;
    std::uint64_t commit = 0;  ///< The one that is not answered, as the model knows it.
  };
  /// The message whose frames come.
  struct Content {
    std::string queue;  ///< Empty: it was returned.
    std::string tag;
    std::uint64_t delivery_tag = 0;
    bool no_ack = false;
    bool redelivered = false;
    std::optional<std::int64_t> delivery_count{};
    std::optional<std::int64_t> offset{};
    std::uint64_t body_size_bytes = 0;
    std::string body{};  ///< As far as it has come.
  };

  void flush_later() override {}
  void close_after_flush() override { closing_ = true; }
  void input_interest_changed() override { interest_changed_ = true; }
  void log(SessionEvent event) override { world_.note("  log: " + event.text); }

  void say(const Frames& frames, std::uint16_t channel);
  void ask(Channel& channel, const Frames& frames);
  void hear(std::span<const std::byte> bytes);
  void on_header(std::span<const std::byte> payload);
  void on_body(std::span<const std::byte> body);
  void on_message(MessageNumber number, const Content& content);
  void on_stream_message(MessageNumber number, const Content& content);
  void note_held(MessageNumber number, const Content& content);
  void check_delivery_count(const Copy& copy, const Content& content, const std::string& what);
  template <class Visit>
  void take_verdicts(std::uint64_t tag, bool multiple, Visit&& visit);
  Channel& channel() { return channels_.at(current_); }
  void answered() { channel().waits = false; }
  void now_open() { channel().waits = false; }

  // sim_acts.cpp
  void act_on(Channel& channel);
  void open_channel();
  void publish(Channel& channel);
  MessageNumber send(Channel& channel, const std::string& exchange,
                     const std::vector<std::string>& queues);
  void start_consuming(Channel& channel);
  void start_reading(Channel& channel, const SimQueue& stream);
  void stop_consuming(Channel& channel);
  void settle_one(Channel& channel);
  void settle(Channel& channel, std::uint64_t tag, Outcome outcome);
  void set_prefetch(Channel& channel);
  void get(Channel& channel);
  void change_queue(Channel& channel);
  void change_mode(Channel& channel);
  void end_transaction(Channel& channel);
  void recover_all(Channel& channel);
  void close_channel(Channel& channel);
  /// What the client had goes back, what it held back is nothing.
  void give_up(Channel& channel);
  const SimQueue& any_queue(const Channel& channel);
  bool may_fail(const Channel& channel) const;
  bool global_limit_reached(const Channel& channel) const;

  SimWorld& world_;
  std::uint16_t shard_;
  std::uint64_t number_;
  protocol::FrameParser parser_{131072};
  std::map<std::uint16_t, Channel> channels_;
  std::uint16_t current_ = 0;  ///< The channel of the frame that is heard, or of what is done.
  Content content_;
  bool ready_ = false;
  bool reading_ = true;
  bool interest_changed_ = false;
  bool closing_ = false;
  bool dropped_ = false;
  bool gone_ = false;
  bool fetched_ = false;
  MessageNumber last_number_ = 0;
  std::uint32_t ready_count_ = 0;
  std::uint32_t consumer_count_ = 0;
  std::unique_ptr<ConnectionSession> session_;
};

}  // namespace leveret::broker
