/// Settles messages where they came from by what becomes of them where they went.
///
/// Owner: one Link, for one pair of connections.   Thread: that of the links.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "broker/core/link_settings.hpp"
#include "broker/links/client_connection.hpp"

namespace leveret::links {

class MessageTransfer {
 public:
  /// Both connections are open; that of the destination confirms, if `mode` needs it to.
  MessageTransfer(broker::LinkAckMode mode, std::shared_ptr<ClientConnection> source,
                  std::shared_ptr<ClientConnection> destination)
      : mode_(mode), source_(std::move(source)), destination_(std::move(destination)) {}

  /// Publishes what was delivered under `tag`. Stops reading the source while the destination has
  /// no room; resume() is to be called when it has.
  void forward(std::uint64_t tag, std::string_view exchange, std::string_view routing_key,
               std::span<const std::byte> properties, std::span<const std::byte> body);
  /// Acknowledges what goes nowhere.
  void drop(std::uint64_t tag);
  /// The destination has confirmed, or refused. Returns how many messages that settles.
  std::uint64_t on_confirm(std::uint64_t seq, bool multiple, bool accepted);
  void resume() {
    if (destination_->has_room()) source_->resume_reading();
  }

  std::uint64_t unconfirmed_count() const { return unconfirmed_count_; }

 private:
  struct Unconfirmed {
    std::uint64_t tag;
    bool is_settled = false;
  };

  broker::LinkAckMode mode_;
  std::shared_ptr<ClientConnection> source_, destination_;
  std::uint64_t first_seq_ = 1;  ///< Of the front.
  std::deque<Unconfirmed> unconfirmed_;
  std::uint64_t unconfirmed_count_ = 0;
};

}  // namespace leveret::links
