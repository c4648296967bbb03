#include "broker/admin/api_users.hpp"

#include <boost/json/array.hpp>
#include <set>
#include <utility>

#include "broker/admin/body.hpp"
#include "broker/admin/definition_json.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::PasswordHash;
using broker::User;

namespace {

/// Tags are a text with commas, or a list of texts.
Result<std::vector<std::string>, std::string> read_tags(const json::object& body) {
  const json::value* given = body.if_contains("tags");
  if (given == nullptr) return tl::unexpected(missing("tags"));
  return texts_of("tags", *given);
}

/// A password, its hash, or neither: then nobody can log in with one.
Result<PasswordHash, std::string> read_password(const json::object& body) {
  const auto password = text_in(body, "password");
  const auto hash = text_in(body, "password_hash");
  const auto algorithm_text = text_in(body, "hashing_algorithm");
  for (const auto* text : {&password, &hash, &algorithm_text}) {
    if (!*text) return tl::unexpected(text->error());
  }
  const auto algorithm =
      broker::parse_hash_algorithm(algorithm_text->value_or("rabbit_password_hashing_sha256"));
  if (!algorithm) {
    return tl::unexpected("Unknown hashing_algorithm '" + **algorithm_text + "'");
  }
  if (*password && *hash) {
    return tl::unexpected(std::string("Give either password or password_hash, not both"));
  }
  if (*password) {
    if ((*password)->empty()) return tl::unexpected(std::string("The password must not be empty"));
    return PasswordHash::of(**password, *algorithm);
  }
  return PasswordHash::parse(hash->value_or(""), *algorithm);
}

}  // namespace

Awaitable<Reply> get_whoami(Call& call) {
  const Caller& caller = call.caller;
  co_return json_reply(json::object{
      {"name", caller.name}, {"tags", json::array(caller.tags.begin(), caller.tags.end())}});
}

Awaitable<Reply> list_users(Call& call) {
  json::array list;
  call.users().for_each_user(
      [&](const User& user) { list.push_back(user_json(*call.definitions, user)); });
  co_return list_reply(call, std::move(list), Paging::never);
}

Awaitable<Reply> list_users_without_permissions(Call& call) {
  std::set<std::string> permitted;
  call.users().for_each_permissions(
      [&](const std::string& user, const std::string&, const broker::Permissions&) {
        permitted.insert(user);
      });
  json::array list;
  call.users().for_each_user([&](const User& user) {
    if (!permitted.contains(user.name)) list.push_back(user_json(*call.definitions, user));
  });
  co_return list_reply(call, std::move(list), Paging::never);
}

Awaitable<Reply> get_user(Call& call) {
  const User* user = call.users().find(call.names[0]);
  if (user == nullptr) co_return not_found();
  co_return object_reply(call, user_json(*call.definitions, *user));
}

Awaitable<Reply> put_user(Call& call) {
  User user;
  user.name = call.names[0];
  if (auto problem = check_name(user.name)) co_return bad_request(*problem);
  auto tags = read_tags(call.body);
  if (!tags) co_return bad_request(tags.error());
  auto hash = read_password(call.body);
  if (!hash) co_return bad_request(hash.error());
  user.tags = std::move(*tags);
  user.password_hash = std::move(*hash);
  const bool existed = call.users().find(user.name) != nullptr;
  broker::DefinitionChange wanted = broker::PutUser{std::move(user)};
  const ChangeOutcome outcome = co_await change(call, std::move(wanted));
  co_return outcome ? put_reply(existed) : changed_reply(outcome);
}

Awaitable<Reply> delete_user(Call& call) {
  if (call.users().find(call.names[0]) == nullptr) co_return not_found();
  broker::DefinitionChange wanted = broker::DeleteUser{call.names[0]};
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

Awaitable<Reply> delete_users(Call& call) {
  const json::value* given = call.body.if_contains("users");
  if (given == nullptr) co_return bad_request(missing("users"));
  const auto names = texts_of("users", *given);
  if (!names) co_return bad_request(names.error());
  // All or none of those that are named wrongly.
  for (const std::string& name : *names) {
    if (call.users().find(name) != nullptr) continue;
    co_return bad_request("There is no user '" + name + "'");
  }
  for (const std::string& name : *names) {
    broker::DefinitionChange wanted = broker::DeleteUser{name};
    const ChangeOutcome outcome = co_await change(call, std::move(wanted));
    if (!outcome) co_return changed_reply(outcome);
  }
  co_return empty_reply(204);
}

}  // namespace leveret::admin
