#include "broker/admin/api.hpp"

#include <boost/json/parse.hpp>
#include <utility>

#include "broker/admin/basic_authentication.hpp"
#include "broker/admin/router.hpp"
#include "protocol/utf8.hpp"

namespace leveret::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t body_depth_max = 64;

std::optional<Verb> parse_verb(std::string_view method) {
  if (method == "GET" || method == "HEAD") return Verb::get;
  if (method == "PUT") return Verb::put;
  if (method == "POST") return Verb::post;
  if (method == "DELETE") return Verb::remove;
  return std::nullopt;
}

std::string allowed_methods(const std::vector<Verb>& verbs) {
  std::string text;
  for (const Verb verb : verbs) {
    if (!text.empty()) text += ", ";
    switch (verb) {
      case Verb::get: text += "HEAD, GET"; break;
      case Verb::put: text += "PUT"; break;
      case Verb::post: text += "POST"; break;
      case Verb::remove: text += "DELETE"; break;
    }
  }
  return text + ", OPTIONS";
}

Reply unauthenticated(bool tried) {
  Reply reply = tried ? error_reply(401, "not_authorized", "Login failed") : empty_reply(401);
  reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Leveret\"");
  return reply;
}

/// Fills in who calls, or says why he may not.
std::optional<Reply> authenticate(const ApiRequest& request, Call& call) {
  if (!request.authorization) return unauthenticated(false);
  const auto credentials = parse_basic(*request.authorization);
  if (!credentials) return bad_request("The header Authorization is not to be understood");
  const broker::User* user = call.users().find(credentials->user);
  const auto warn = [&](std::string_view why) {
    call.broker.warn("HTTP access denied from " + request.peer_address + ": user '" +
                     protocol::valid_utf8(credentials->user) + "' - " + std::string(why));
  };
  if (user == nullptr || !user->password_hash.matches(credentials->password)) {
    warn("invalid credentials");
    return unauthenticated(true);
  }
  if (!broker::may_connect_from(user->name, request.is_from_loopback,
                                call.definitions->loopback_only_users)) {
    constexpr std::string_view why = "User can only log in via localhost";
    warn(why);
    return not_authorised(why);
  }
  call.caller = {user->name, user->tags};
  return std::nullopt;
}

/// Reads the body: an object, or nothing at all.
std::optional<Reply> read_body(const std::string& body, Call& call) {
  if (body.empty()) return std::nullopt;
  if (!protocol::is_utf8(body)) return bad_request("The body is not UTF-8");
  json::parse_options options;
  options.max_depth = body_depth_max;
  boost::system::error_code error;
  json::value parsed = json::parse(body, error, {}, options);
  if (error) return bad_request("The body is not JSON: " + error.message());
  if (!parsed.is_object()) return bad_request("The body is not a JSON object");
  call.body = std::move(parsed.get_object());
  return std::nullopt;
}

}  // namespace

Awaitable<Reply> answer(broker::ControlPort& broker, const NodeFacts& node, ApiRequest request) {
  auto target = parse_request_target(request.target);
  if (!target) co_return bad_request(target.error());
  if (target->segments.empty() || target->segments.front() != "api") co_return not_found();
  const auto verb = parse_verb(request.method);
  const auto below_api = std::span(target->segments).subspan(1);
  Match match = find_route(all_routes(), verb.value_or(Verb::get), below_api);
  if (match.verbs.empty()) co_return not_found();
  if (request.method == "OPTIONS" || !verb || match.route == nullptr) {
    Reply reply = empty_reply(request.method == "OPTIONS" ? 200 : 405);
    reply.headers.emplace_back("Allow", allowed_methods(match.verbs));
    co_return reply;
  }
  Call call{broker, node, *verb, std::move(*target), std::move(match.names)};
  call.reason = std::move(request.reason);
  call.definitions = co_await take_definitions(broker);
  if (match.route->audience != Audience::anybody) {
    if (auto refusal = authenticate(request, call)) co_return std::move(*refusal);
  }
  if (auto refusal = refuse(*match.route, call)) co_return std::move(*refusal);
  if (*verb != Verb::get) {
    if (auto refusal = read_body(request.body, call)) co_return std::move(*refusal);
  }
  const Handler handler = match.route->handler;
  co_return co_await handler(call);
}

}  // namespace leveret::admin
