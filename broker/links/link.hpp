/// A link between two brokers: two connections, messages from one to the other, and the way back to
/// that when something fails.
///
/// A link begins to connect when it is started. When either connection fails it drops both, and
/// begins anew after a delay. What was not acknowledged is delivered again then.
///
/// Owner: the LinkManager.   Thread: that of the links.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/ids.hpp"
#include "broker/core/link_settings.hpp"
#include "broker/core/topology_delta.hpp"
#include "broker/links/client_connection.hpp"
#include "broker/links/link_host.hpp"
#include "broker/core/link_status.hpp"
#include "broker/links/message_transfer.hpp"

namespace leveret::links {

using broker::LinkKind;
using broker::LinkState;
using broker::LinkStatus;

/// What a link connects, and how.
struct LinkEnds {
  LinkKind kind = LinkKind::shovel;
  std::string vhost;  ///< That it belongs to.
  std::string name;
  std::string upstream;  ///< Of federation: the upstream's name.
  std::vector<std::string> source_uris, destination_uris;
  std::string usual_vhost = "/";  ///< Where a URI says none.
  std::string connection_name;
  broker::LinkAckMode ack_mode = broker::LinkAckMode::on_confirm;
  std::optional<std::chrono::milliseconds> reconnect_delay;  ///< None: it fails once.
};

class Link {
 public:
  Link(boost::asio::io_context& context, LinkHost& host, LinkEnds ends);
  virtual ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start() { connect(); }
  /// Takes no more messages, waits for what is under way as long as that is reasonable, and closes.
  /// `for_good`: what it has made for itself elsewhere is not needed any more, either.
  /// `stopped` is called once; the link may be destroyed then, but not within.
  void stop(bool for_good, std::function<void()> stopped);
  LinkStatus status() const;

  // ---- what happens to the exchange or queue that is federated ----
  virtual void add_binding(const broker::BindingDefinition&) {}
  virtual void remove_binding(const broker::BindingDefinition&) {}
  /// A queue, or else an exchange, has gone with all bindings that lead there.
  virtual void forget_destination(bool /*is_queue*/, const std::string& /*name*/) {}
  /// A queue is hungry, or no longer. Most links do not care.
  virtual void on_hunger(broker::QueueRef /*queue*/, bool /*is_hungry*/) {}

 protected:
  // ---- what a kind of link does ----
  /// Both connections are open, confirms are on. run() has to be called when all is prepared.
  virtual void set_up() = 0;
  virtual void on_delivery(const Delivery& delivery) = 0;
  /// So many messages have been settled by the destination.
  virtual void on_settled(std::uint64_t /*count*/) {}
  /// Called when a link has been stopped for good and its last message is through. `done` has to
  /// be called, if the connections last.
  virtual void clean_up(std::function<void()> done) { done(); }
  /// Both connections were open, and are gone.
  virtual void on_disconnected() {}
  /// Asked after a failure: it was a question, and the link begins anew with what it knows now.
  virtual bool tries_again_at_once() { return false; }

  // ---- what it may use ----
  ClientConnection& source() { return *source_.connection; }
  ClientConnection& destination() { return *destination_.connection; }
  const std::string& source_uri() const { return source_.uri; }
  const std::string& destination_uri() const { return destination_.uri; }
  const LinkEnds& ends() const { return ends_; }
  LinkHost& host() { return host_; }
  MessageTransfer& transfer() { return *transfer_; }
  bool is_open() const { return transfer_.has_value(); }
  bool is_stopping() const { return stopped_ != nullptr; }
  /// Calls; an error is the link's.
  template <class Method, class Then>
  void require(ClientConnection& connection, const Method& method, Then then) {
    connection.call(ClientConnection::message_channel, method, std::move(then));
  }
  /// Begins to consume: the last step of setting up, or later.
  void consume(const std::string& queue, const std::string& tag,
               const protocol::FieldTable& arguments, OnAnswer then);
  /// All is prepared.
  void run();
  void count_forwarded() { ++forwarded_count_; }
  /// Something went wrong: both connections are dropped.
  void fail(const std::string& why);
  void log(LinkLogLevel level, const std::string& text);
  /// Finishes for good: no connections, no retry.
  void finish(const std::string& why);

 private:
  /// One of the two connections, with the URIs that were not tried yet.
  struct Side final : ClientEvents {
    explicit Side(Link& owner) : link(owner) {}
    void on_open() override { link.on_side_open(*this); }
    void on_delivery(const Delivery& delivery) override { link.take(delivery); }
    void on_confirm(std::uint64_t tag, bool multiple, bool accepted) override {
      link.take_confirm(tag, multiple, accepted);
    }
    void on_cancelled() override { link.fail("the queue that it consumed from has gone"); }
    void on_room() override { link.on_room(); }
    void on_failed(const std::string& why) override { link.on_side_failed(*this, why); }

    Link& link;
    std::shared_ptr<ClientConnection> connection;
    std::vector<std::string> untried;
    std::string uri;  ///< Without credentials.
  };

  /// Calls it after a delay, unless something else is put in its place, or the link goes.
  void call_after(std::chrono::milliseconds delay, std::function<void()> call);
  void cancel_call() { ++timer_number_; }
  void connect();
  void connect_side(Side& side);
  void on_side_open(Side& side);
  void on_side_failed(Side& side, const std::string& why);
  void take(const Delivery& delivery);
  void take_confirm(std::uint64_t tag, bool multiple, bool accepted);
  void on_room();
  void disconnect();
  void drain();
  void check_drained();
  void close_all();

  boost::asio::io_context& context_;
  LinkHost& host_;
  LinkEnds ends_;
  Side source_{*this}, destination_{*this};
  boost::asio::steady_timer timer_;
  LinkState state_ = LinkState::starting;
  std::string last_error_;
  std::optional<MessageTransfer> transfer_;
  std::function<void()> stopped_;
  bool stops_for_good_ = false;
  bool is_cleaning_up_ = false;
  std::uint64_t timer_number_ = 0;  ///< Of the timer that counts; earlier ones come too late.
  std::shared_ptr<int> alive_ = std::make_shared<int>();  ///< Handlers look whether it is.
  bool is_closing_ = false;
  std::uint64_t forwarded_count_ = 0, settled_count_ = 0, restart_count_ = 0;
};

}  // namespace leveret::links
