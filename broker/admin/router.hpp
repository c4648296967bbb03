/// Which handler a request goes to, and who may use it.
///
/// Thread: immutable, any.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// Who may use a route. Whatever is not `anybody` needs a login.
enum class Audience : std::uint8_t {
  anybody,
  management,     ///< Whoever has one of RabbitMQ's tags.
  monitoring,     ///< The tags monitoring and administrator.
  administrator,
  /// The tags of `management`, and permissions in the virtual host that the route names `:vhost`;
  /// an administrator may always look.
  vhost,
  /// The tag administrator; or policymaker, and permissions in the route's `:vhost` if it has one.
  policymaker,
};

using Handler = Awaitable<Reply> (*)(Call& call);

struct Route {
  Verb verb;
  /// Segments below /api; one that begins with a colon takes any name: "queues/:vhost/:queue".
  std::string_view path;
  Audience audience;
  Handler handler;
};

/// All there are, of all resources.
std::span<const Route> all_routes();

/// What is found at a path.
struct Match {
  const Route* route = nullptr;  ///< Null: nothing takes this verb.
  std::vector<std::string> names;
  std::vector<Verb> verbs;  ///< Those that are taken; empty: there is no such path.
};
/// `segments` are those below /api. Routes that come first go before others.
Match find_route(std::span<const Route> routes, Verb verb, std::span<const std::string> segments);

/// Why the caller may not use the route, if so. A virtual host that does not exist is 404.
std::optional<Reply> refuse(const Route& route, const Call& call);

}  // namespace leveret::admin
