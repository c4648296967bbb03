#include "broker/admin/api_definitions.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/definitions_export.hpp"

namespace leveret::admin {

namespace json = boost::json;

namespace {

/// With a name of its own, if the client wants to keep it as a file.
Reply file_reply(const Call& call, const json::object& file) {
  Reply reply = json_reply(file);
  const std::string* name = call.target.find("download");
  if (name == nullptr) return reply;
  std::string quoted;
  for (const char character : *name) {
    // What would end the quotation, or the line.
    const bool is_harmless = static_cast<unsigned char>(character) >= ' ' && character != '"' &&
                             character != '\\' && character != '\x7f';
    quoted += is_harmless ? character : '_';
  }
  reply.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + quoted + "\"");
  return reply;
}

std::string joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += (text.empty() ? "" : "; ") + sentence;
  return text;
}

Awaitable<Reply> import_file(Call& call, json::object file) {
  auto parsed = broker::parse_definitions(file);
  if (!parsed) co_return bad_request(joined(parsed.error()));
  const std::vector<std::string> problems = co_await import(call, std::move(*parsed));
  co_return problems.empty() ? empty_reply(204) : bad_request(joined(problems));
}

}  // namespace

Awaitable<Reply> get_definitions(Call& call) {
  const std::string all;
  const auto topology = co_await take_topology(call, all);
  co_return file_reply(call, export_definitions(call, topology));
}

Awaitable<Reply> get_vhost_definitions(Call& call) {
  const std::string& vhost = call.names[0];
  if (call.find_vhost(vhost) == nullptr) co_return bad_request("vhost_not_found");
  const auto topology = co_await take_topology(call, vhost);
  co_return file_reply(call, export_vhost_definitions(call, vhost, topology));
}

Awaitable<Reply> post_definitions(Call& call) {
  co_return co_await import_file(call, std::move(call.body));
}

Awaitable<Reply> post_vhost_definitions(Call& call) {
  const std::string& vhost = call.names[0];
  if (call.find_vhost(vhost) == nullptr) {
    co_return error_reply(404, "not_found", "vhost_not_found");
  }
  json::object file;
  for (const char* section : {"parameters", "policies", "queues", "exchanges", "bindings"}) {
    json::value* list = call.body.if_contains(section);
    if (list == nullptr) continue;
    if (json::array* entries = list->if_array()) {
      for (json::value& entry : *entries) {
        if (json::object* members = entry.if_object()) (*members)["vhost"] = vhost;
      }
    }
    file[section] = std::move(*list);
  }
  co_return co_await import_file(call, std::move(file));
}

}  // namespace leveret::admin
