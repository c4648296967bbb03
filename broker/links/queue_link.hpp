/// Federation of a queue: brings messages of the upstream's queue here while somebody here waits
/// for them and there are none.
///
/// Owner: the LinkManager.   Thread: that of the links.
/// Peer:  rabbit_federation_queue_link: its names, arguments and headers.
#pragma once

#include <string>

#include "broker/core/federation_definition.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/links/link.hpp"

namespace leveret::links {

class QueueLink final : public Link {
 public:
  /// `policy` is the policy's name.
  QueueLink(boost::asio::io_context& context, LinkHost& host, broker::QueueDefinitionRef queue,
            broker::FederationUpstream upstream, const std::string& policy, bool is_hungry);

  void on_hunger(broker::QueueRef queue, bool is_hungry) override;

 private:
  void set_up() override;
  void on_delivery(const Delivery& delivery) override;
  void on_disconnected() override;
  /// Consumes or stops to, as it is needed.
  void adjust();

  broker::QueueDefinitionRef queue_;
  broker::FederationUpstream upstream_;
  bool is_hungry_;
  bool is_ready_ = false;      ///< All is declared.
  bool is_consuming_ = false;  ///< Or the last call was to make it so.
  bool is_calling_ = false;    ///< To consume, or to cancel.
};

}  // namespace leveret::links
