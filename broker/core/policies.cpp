#include "broker/core/policies.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace leveret::broker {

namespace {

template <class Matches>
PolicyRef first_of(const std::vector<PolicyRef>& ranked, Matches matches) {
  const auto place = std::ranges::find_if(ranked, matches);
  return place == ranked.end() ? nullptr : *place;
}

bool comes_before(const PolicyRef& left, const PolicyRef& right) {
  if (left->priority() != right->priority()) return left->priority() > right->priority();
  return left->name() < right->name();
}

auto by_name(std::string_view name) {
  return [name](const PolicyRef& policy) { return policy->name() == name; };
}

}  // namespace

bool Policies::put(std::string_view vhost, PolicyKind kind, Policy policy) {
  Ranked& ranked = vhosts_[std::string(vhost)].of(kind);
  const auto old = std::ranges::find_if(ranked, by_name(policy.name()));
  if (old != ranked.end()) {
    if ((*old)->is_same_as(policy)) return false;
    ranked.erase(old);
  }
  auto added = std::make_shared<const Policy>(std::move(policy));
  const auto place = std::ranges::upper_bound(ranked, added, comes_before);
  ranked.insert(place, std::move(added));
  return true;
}

bool Policies::remove(std::string_view vhost, PolicyKind kind, std::string_view name) {
  const auto place = vhosts_.find(vhost);
  if (place == vhosts_.end()) return false;
  OfVhost& of_vhost = place->second;
  if (std::erase_if(of_vhost.of(kind), by_name(name)) == 0) return false;
  if (of_vhost.policies.empty() && of_vhost.operator_policies.empty()) vhosts_.erase(place);
  return true;
}

void Policies::remove_vhost(std::string_view vhost) {
  if (const auto place = vhosts_.find(vhost); place != vhosts_.end()) vhosts_.erase(place);
}

const Policies::OfVhost* Policies::find(std::string_view vhost) const {
  const auto place = vhosts_.find(vhost);
  return place == vhosts_.end() ? nullptr : &place->second;
}

MatchedPolicies Policies::match_queue(std::string_view vhost, std::string_view name,
                                      QueueType type) const {
  const OfVhost* of_vhost = find(vhost);
  if (of_vhost == nullptr) return {};
  const auto is_for = [&](const PolicyRef& policy) { return policy->is_for_queue(name, type); };
  return {first_of(of_vhost->policies, is_for), first_of(of_vhost->operator_policies, is_for)};
}

MatchedPolicies Policies::match_exchange(std::string_view vhost, std::string_view name) const {
  const OfVhost* of_vhost = find(vhost);
  if (of_vhost == nullptr) return {};
  const auto is_for = [&](const PolicyRef& policy) { return policy->is_for_exchange(name); };
  return {first_of(of_vhost->policies, is_for), first_of(of_vhost->operator_policies, is_for)};
}

std::vector<std::string> Policies::vhosts() const {
  std::vector<std::string> names;
  for (const auto& [name, of_vhost] : vhosts_) names.push_back(name);
  return names;
}

}  // namespace leveret::broker
