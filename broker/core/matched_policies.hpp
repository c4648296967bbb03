/// The policies that are for a queue or an exchange.
///
/// Thread: immutable, any.
#pragma once

#include <memory>

namespace leveret::broker {

class Policy;

struct MatchedPolicies {
  std::shared_ptr<const Policy> policy;           ///< Null: none.
  std::shared_ptr<const Policy> operator_policy;  ///< Null: none.

  bool empty() const { return policy == nullptr && operator_policy == nullptr; }
  /// The very same objects, not only the same words.
  bool operator==(const MatchedPolicies&) const = default;
};

}  // namespace leveret::broker
