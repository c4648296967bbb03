/// Federation of an exchange: brings here what is published to the upstream's exchange and matches
/// the bindings that this one has.
///
/// The upstream keeps a queue for us, `federation: X -> us`, bound to an internal exchange; our
/// bindings are made between its exchange and that one. The internal exchange is made anew with
/// each connection, in turn by two names, so that old bindings go while none is missing.
///
/// Owner: the LinkManager.   Thread: that of the links.
/// Peer:  rabbit_federation_exchange_link: its names, arguments and headers, as both brokers may be
///        RabbitMQ.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/federation_definition.hpp"
#include "broker/core/topology_delta.hpp"
#include "broker/links/federation_headers.hpp"
#include "broker/links/link.hpp"

namespace leveret::links {

class ExchangeLink final : public Link {
 public:
  /// `policy` is the policy's name. `bindings` are those that the exchange has.
  ExchangeLink(boost::asio::io_context& context, LinkHost& host, std::string cluster_name,
               broker::ExchangeDefinition exchange, broker::FederationUpstream upstream,
               const std::string& policy, const std::vector<broker::BindingDefinition>& bindings);

  void add_binding(const broker::BindingDefinition& binding) override;
  void remove_binding(const broker::BindingDefinition& binding) override;
  void forget_destination(bool is_queue, const std::string& name) override;

 private:
  /// What is bound alike, and to whom.
  struct Binding {
    std::string routing_key;
    protocol::FieldTable arguments;
    std::set<std::pair<bool, std::string>> destinations;  ///< True: a queue.
  };
  using BindingId = std::pair<std::string, std::string>;  ///< Routing key, arguments encoded.

  void set_up() override;
  void on_delivery(const Delivery& delivery) override;
  void on_disconnected() override { is_bound_ = false; }
  bool tries_again_at_once() override;
  void clean_up(std::function<void()> done) override;

  // In the order of setting up.
  void declare_queue();
  void ensure_exchange();
  void choose_suffix();
  void declare_internal_exchange();
  void declare_counting_exchange();
  void declare_fanout();
  void bind_all();

  void send_binding(const Binding& binding, bool is_bound);
  std::string internal_exchange(char suffix) const { return queue_ + " " + suffix; }
  FederationPlace here() const { return {cluster_name_, exchange_.vhost}; }

  const std::string cluster_name_;
  broker::ExchangeDefinition exchange_;
  broker::FederationUpstream upstream_;
  std::map<BindingId, Binding> bindings_;
  std::string queue_;  ///< The upstream's, for us.
  FederationPlace upstream_place_;
  char suffix_ = 'A';
  std::uint16_t command_channel_ = ClientConnection::message_channel;
  bool is_bound_ = false;  ///< Changes of bindings are sent on.
  bool is_declaring_ = false;
  /// The upstream has no exchanges that look at hops; they are counted here.
  bool upstream_knows_no_federation_ = false;
};

/// The URI of a virtual host of this very broker.
std::string local_uri(const std::string& vhost);

/// What a federation link of an exchange or a queue of this broker leads from and to.
LinkEnds federation_ends(LinkKind kind, const std::string& vhost, const std::string& name,
                         const broker::FederationUpstream& upstream, const std::string& policy);

}  // namespace leveret::links
