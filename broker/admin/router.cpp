#include "broker/admin/router.hpp"

#include <algorithm>

namespace leveret::admin {

namespace {

/// The names that the path's variables stand for, or nothing when it is another path.
std::optional<std::vector<std::string>> match_path(std::string_view path,
                                                   std::span<const std::string> segments) {
  std::vector<std::string> names;
  std::size_t at = 0;
  while (!path.empty()) {
    const std::size_t size = std::min(path.find('/'), path.size());
    const std::string_view expected = path.substr(0, size);
    path.remove_prefix(std::min(size + 1, path.size()));
    if (at == segments.size()) return std::nullopt;
    const std::string& segment = segments[at++];
    if (expected.front() == ':') {
      names.push_back(segment);
    } else if (segment != expected) {
      return std::nullopt;
    }
  }
  if (at != segments.size()) return std::nullopt;
  return names;
}

std::optional<Reply> refuse_vhost(const Call& call, bool looks_only) {
  if (call.names.empty()) return std::nullopt;
  const std::string& vhost = call.names.front();
  if (call.find_vhost(vhost) == nullptr) return not_found();
  if (call.may_enter(vhost) || (looks_only && call.caller.is_administrator())) return std::nullopt;
  return not_authorised("User not authorised to access virtual host");
}

}  // namespace

Match find_route(std::span<const Route> routes, Verb verb,
                 std::span<const std::string> segments) {
  Match match;
  for (const Route& route : routes) {
    auto names = match_path(route.path, segments);
    if (!names) continue;
    if (std::find(match.verbs.begin(), match.verbs.end(), route.verb) == match.verbs.end()) {
      match.verbs.push_back(route.verb);
    }
    if (route.verb == verb && match.route == nullptr) {
      match.route = &route;
      match.names = std::move(*names);
    }
  }
  return match;
}

std::optional<Reply> refuse(const Route& route, const Call& call) {
  const Caller& caller = call.caller;
  if (route.audience == Audience::anybody) return std::nullopt;
  if (!caller.may_manage()) return not_authorised("Not management user");
  switch (route.audience) {
    case Audience::anybody:
    case Audience::management: return std::nullopt;
    case Audience::monitoring:
      if (caller.may_monitor()) return std::nullopt;
      return not_authorised("Not monitor user");
    case Audience::administrator:
      if (caller.is_administrator()) return std::nullopt;
      return not_authorised("Not administrator user");
    case Audience::vhost: return refuse_vhost(call, route.verb == Verb::get);
    case Audience::policymaker:
      if (!caller.may_make_policies()) return not_authorised("Not policymaker user");
      return refuse_vhost(call, true);
  }
  return std::nullopt;
}

}  // namespace leveret::admin
