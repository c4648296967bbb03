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

/// The virtual host that the route is about, or null.
const std::string* vhost_of(const Route& route, const Call& call) {
  std::size_t index = 0;
  std::string_view path = route.path;
  for (std::size_t at = path.find(':'); at != path.npos; at = path.find(':')) {
    path.remove_prefix(at);
    if (path == ":vhost" || path.starts_with(":vhost/")) return &call.names[index];
    path.remove_prefix(1);
    ++index;
  }
  return nullptr;
}

/// Something that goes into a virtual host that does not exist misses it, which RabbitMQ says in
/// other words than that the thing itself is not there.
Reply no_vhost(Verb verb) {
  const bool is_made = verb == Verb::put || verb == Verb::post;
  return is_made ? error_reply(404, "not_found", "vhost_not_found") : not_found();
}

std::optional<Reply> refuse_vhost(const Route& route, const Call& call) {
  const std::string* vhost = vhost_of(route, call);
  if (vhost == nullptr) return std::nullopt;
  if (call.find_vhost(*vhost) == nullptr) return no_vhost(route.verb);
  if (call.may_enter(*vhost)) return std::nullopt;
  if (call.caller.is_administrator() && route.verb == Verb::get) return std::nullopt;
  return not_authorised("User not authorised to access virtual host");
}

std::optional<Reply> refuse_policymaker(const Route& route, const Call& call) {
  const Caller& caller = call.caller;
  const std::string* vhost = vhost_of(route, call);
  const bool is_missing = vhost != nullptr && call.find_vhost(*vhost) == nullptr;
  const bool may = caller.is_administrator() ||
                   (caller.may_make_policies() &&
                    (vhost == nullptr || is_missing || call.may_enter(*vhost)));
  if (!may) return not_authorised("User not authorised to access object");
  if (is_missing) return no_vhost(route.verb);
  return std::nullopt;
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
    case Audience::vhost: return refuse_vhost(route, call);
    case Audience::policymaker: return refuse_policymaker(route, call);
  }
  return std::nullopt;
}

}  // namespace leveret::admin
