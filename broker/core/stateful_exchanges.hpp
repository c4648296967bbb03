/// The exchanges that keep something and have their home on one shard; and the verdicts on what
/// they pass on, joined for those who have published it.
///
/// Owner: one ShardState, which makes it when it is first needed.   Thread: that shard.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/endpoint.hpp"
#include "broker/core/stateful_exchange.hpp"

namespace leveret::broker {

class StatefulExchanges final : public Endpoint {
 public:
  explicit StatefulExchanges(ShardState& shard);
  ~StatefulExchanges();

  /// Adds an exchange that has its home here.
  StatefulExchange& open(const ExchangeDefinition& definition);
  /// Follows a change of the topology, which has been applied.
  void on_delta(const TopologyDelta& delta);

  void take(PublishToQueue&& publish) { take(PublishToExchange{std::move(publish), {}, {}}); }
  void take(PublishToExchange&& passed_on);
  /// Goes on with what has been put off, a turn's share of it. False: there is more.
  bool work();

  /// Null when there is none of that id, or name.
  StatefulExchange* find(StatefulExchangeId id);
  StatefulExchange* find(std::string_view vhost, std::string_view name);
  /// Calls visit(exchange) for all that have their home here.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (const auto& [id, exchange] : exchanges_) visit(*exchange);
  }

  /// What somebody has published, and wants to hear of.
  struct Asked {
    ChannelRef publisher;
    PublishSeq seq{};     ///< 0: only, if at all, that it went nowhere.
    MessageRef returned;  ///< Set: to be handed back when no exchange has a place for it.
  };
  /// Waits for `count` verdicts, or the log, on behalf of the publisher, who gets one. They are to
  /// be given to ref(), under the number that is returned.
  PublishSeq join(Asked asked, std::size_t count);
  ChannelRef ref() const;
  Slot slot() const { return slot_; }

  using Endpoint::receive;
  void receive(const PublishVerdict& message) override;
  void receive(ReplyVerdict&& message) override;
  void on_committed(PublishSeq seq) override;

 private:
  friend class StatefulExchange;

  struct Joined {
    Asked asked;
    std::size_t missing_count = 0;
    bool routed = false;
    bool rejected = false, undelivered = false, accepted = false;  ///< Of some queue.
  };

  /// A message on its way from an exchange to where that has routed it.
  struct Onward {
    const MessageRef& message;
    const RoutableMessage& read;
    std::span<const RouteTarget> targets;
    const PublishToQueue* publish = nullptr;  ///< Whose verdict it is; null: nobody's.
    std::vector<StatefulExchangeId> passed;
    StatefulRouteId route{};          ///< 0: it begins here.
    std::uint64_t keeper_number = 0;  ///< The exchange that keeps a reference, too; 0: none.
    bool is_fresh = false;            ///< Nobody else knows the message.
  };
  struct Sent {
    MessageRef message;                       ///< As it was sent.
    bool has_room = true;                     ///< No shard that got some of it is behind.
    std::uint32_t keeper_index = not_in_log;  ///< The reference of who keeps one.
  };

  Sent send_on(const Onward& onward);
  void send_to(const RouteTarget& target, PublishToQueue&& publish, const Onward& onward,
               StatefulRouteId route);
  StatefulRouteId next_route();
  void accept(const PublishToQueue& publish);
  /// It went nowhere.
  void hand_back(const PublishToQueue& publish);
  void note(PublishSeq seq, std::optional<Verdict> verdict);
  void close(StatefulExchangeId id);
  void work_later(StatefulExchange& exchange);

  ShardState& shard_;
  Slot slot_;
  boost::unordered_flat_map<StatefulExchangeId, std::unique_ptr<StatefulExchange>> exchanges_;
  using Name = std::pair<std::string, std::string>;  ///< Of the vhost, and its own.
  boost::unordered_flat_map<Name, StatefulExchangeId> by_name_;
  boost::unordered_flat_map<PublishSeq, Joined> joined_;
  std::uint64_t last_seq_ = 0;
  std::uint64_t last_route_ = 0;
  std::vector<StatefulExchangeId> busy_, working_;
  std::vector<std::uint64_t> durable_numbers_;  ///< Working memory of send_on().
};

}  // namespace leveret::broker
