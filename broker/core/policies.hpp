/// All policies of the node, by vhost, and which of them is for what.
///
/// Owner:  the TopologyController.   Thread: shard 0.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/matched_policies.hpp"
#include "broker/core/policy.hpp"

namespace leveret::broker {

class Policies {
 public:
  /// Adds a policy, or puts it in the place of the one of that name. False: it says the same as
  /// that one, which stays.
  bool put(std::string_view vhost, PolicyKind kind, Policy policy);
  /// Whether there was one.
  bool remove(std::string_view vhost, PolicyKind kind, std::string_view name);
  void remove_vhost(std::string_view vhost);

  /// The policies for a queue or exchange: of those that match the one with the highest priority
  /// of either kind. RabbitMQ leaves it open which of two with the same priority that is; here it
  /// is the first by name, so that it does not change with a restart.
  MatchedPolicies match_queue(std::string_view vhost, std::string_view name, QueueType type) const;
  MatchedPolicies match_exchange(std::string_view vhost, std::string_view name) const;

  bool empty() const { return vhosts_.empty(); }
  std::vector<std::string> vhosts() const;

 private:
  /// The best first.
  using Ranked = std::vector<PolicyRef>;
  struct OfVhost {
    Ranked policies, operator_policies;
    Ranked& of(PolicyKind kind) {
      return kind == PolicyKind::user ? policies : operator_policies;
    }
  };
  const OfVhost* find(std::string_view vhost) const;

  std::map<std::string, OfVhost, std::less<>> vhosts_;
};

}  // namespace leveret::broker
