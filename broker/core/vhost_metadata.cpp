#include "broker/core/vhost_metadata.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <utility>

namespace leveret::broker {

namespace json = boost::json;

namespace {

Result<std::vector<std::string>, std::string> read_tags(const json::value& given) {
  std::vector<std::string> tags;
  if (const auto* text = given.if_string()) {
    const std::string_view all(*text);
    for (std::size_t begin = 0; begin < all.size();) {
      const std::size_t end = std::min(all.find(',', begin), all.size());
      if (end > begin) tags.emplace_back(all.substr(begin, end - begin));
      begin = end + 1;
    }
    return tags;
  }
  const auto* list = given.if_array();
  if (list == nullptr) return tl::unexpected<std::string>("tags should be a list");
  for (const json::value& tag : *list) {
    if (!tag.is_string()) return tl::unexpected<std::string>("tags should be texts");
    tags.emplace_back(tag.get_string());
  }
  return tags;
}

}  // namespace

Result<VhostMetadata, std::string> parse_vhost_metadata(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error) return tl::unexpected("not JSON: " + error.message());
  if (!value.is_object()) return tl::unexpected<std::string>("vhost metadata should be an object");
  const json::object& object = value.get_object();
  VhostMetadata metadata;
  const auto read_text = [&](const char* name, std::string& to) {
    const json::value* given = object.if_contains(name);
    if (given == nullptr || given->is_null()) return true;
    if (given->is_string()) to = std::string(given->get_string());
    return given->is_string();
  };
  if (!read_text("description", metadata.description)) {
    return tl::unexpected<std::string>("description should be a text");
  }
  if (!read_text("default_queue_type", metadata.default_queue_type)) {
    return tl::unexpected<std::string>("default_queue_type should be a text");
  }
  std::string& type = metadata.default_queue_type;
  // RabbitMQ exports the node's default so.
  if (type == "undefined") type.clear();
  if (!type.empty() && type != "classic" && type != "quorum" && type != "stream") {
    return tl::unexpected("Unsupported default queue type '" + type + "'");
  }
  if (const json::value* tags = object.if_contains("tags")) {
    auto list = read_tags(*tags);
    if (!list) return tl::unexpected(std::move(list.error()));
    metadata.tags = std::move(*list);
  }
  return metadata;
}

}  // namespace leveret::broker
