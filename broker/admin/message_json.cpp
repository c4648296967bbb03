#include "broker/admin/message_json.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <limits>
#include <utility>

#include "broker/admin/body.hpp"
#include "protocol/base64.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/utf8.hpp"

namespace leveret::admin {

namespace json = boost::json;
using protocol::BasicProperties;

namespace {

json::object properties_json(const std::vector<std::byte>& encoded) {
  json::object object;
  const auto properties = BasicProperties::decode(encoded);
  if (!properties) return object;
  const auto add_text = [&](const char* name, const std::optional<std::string_view>& text) {
    if (text) object[name] = protocol::valid_utf8(*text);
  };
  const auto add_number = [&](const char* name, const auto& number) {
    if (number) object[name] = *number;
  };
  add_text("content_type", properties->content_type);
  add_text("content_encoding", properties->content_encoding);
  if (properties->headers) {
    if (const auto headers = properties->headers->decode()) {
      object["headers"] = broker::json_of_table(*headers);
    }
  }
  add_number("delivery_mode", properties->delivery_mode);
  add_number("priority", properties->priority);
  add_text("correlation_id", properties->correlation_id);
  add_text("reply_to", properties->reply_to);
  add_text("expiration", properties->expiration);
  add_text("message_id", properties->message_id);
  add_number("timestamp", properties->timestamp);
  add_text("type", properties->type);
  add_text("user_id", properties->user_id);
  add_text("app_id", properties->app_id);
  add_text("cluster_id", properties->cluster_id);
  return object;
}

/// Texts of AMQP are at most this long.
constexpr std::size_t short_text_max_bytes = 255;

/// The properties as they are read, with the texts that the views look at.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  Result<std::vector<std::byte>, std::string> read() {
    BasicProperties properties;
    const std::pair<const char*, std::optional<std::string_view>*> texts[] = {
        {"content_type", &properties.content_type},
        {"content_encoding", &properties.content_encoding},
        {"correlation_id", &properties.correlation_id},
        {"reply_to", &properties.reply_to},
        {"expiration", &properties.expiration},
        {"message_id", &properties.message_id},
        {"type", &properties.type},
        {"user_id", &properties.user_id},
        {"app_id", &properties.app_id},
        {"cluster_id", &properties.cluster_id}};
    for (const auto& [name, place] : texts) *place = text(name);
    properties.delivery_mode = number<std::uint8_t>("delivery_mode");
    properties.priority = number<std::uint8_t>("priority");
    properties.timestamp = number<std::uint64_t>("timestamp");
    read_headers(properties);
    if (!problem_.empty()) return tl::unexpected(std::move(problem_));
    std::vector<std::byte> encoded(properties.encoded_size());
    protocol::WireWriter writer(encoded);
    properties.encode(writer);
    return encoded;
  }

 private:
  const json::value* find(const char* name) const {
    const json::value* value = object_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  void complain(const char* name, const char* what) {
    if (problem_.empty()) problem_ = "properties: '" + std::string(name) + "' " + what;
  }

  std::optional<std::string_view> text(const char* name) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
      complain(name, "is not a text");
      return std::nullopt;
    }
    const std::string_view text = value->get_string();
    if (text.size() > short_text_max_bytes) complain(name, "is longer than 255 bytes");
    return text;
  }

  template <class Number>
  std::optional<Number> number(const char* name) {
    const auto given = number_in(object_, name);
    if (given && !*given) return std::nullopt;
    if (!given || **given > std::numeric_limits<Number>::max()) {
      complain(name, "is not a number that it can be");
      return std::nullopt;
    }
    return static_cast<Number>(**given);
  }

  void read_headers(BasicProperties& properties) {
    const json::value* value = find("headers");
    if (value == nullptr) return;
    if (!value->is_object()) return complain("headers", "is not an object");
    const auto table = broker::table_of_json(value->get_object());
    if (!table) return complain("headers", table.error().c_str());
    headers_ = encode_table(*table);
    properties.headers = protocol::TableView{headers_};
  }

  const json::object& object_;
  std::vector<std::byte> headers_;
  std::string problem_;
};

}  // namespace

json::object got_message_json(const AmqpAnswer& message, bool auto_encoding,
                              std::optional<std::uint64_t> truncate_bytes) {
  std::string_view shown = message.body;
  if (truncate_bytes) shown = shown.substr(0, *truncate_bytes);
  const bool is_text = auto_encoding && protocol::is_utf8(shown);
  return {{"payload_bytes", message.body.size()},
          {"redelivered", message.redelivered},
          {"exchange", protocol::valid_utf8(message.exchange)},
          {"routing_key", protocol::valid_utf8(message.routing_key)},
          {"message_count", message.message_count},
          {"properties", properties_json(message.properties)},
          {"payload", is_text ? std::string(shown) : protocol::encode_base64(shown)},
          {"payload_encoding", is_text ? "string" : "base64"}};
}

Result<std::vector<std::byte>, std::string> read_properties(const json::object& object) {
  return Reader(object).read();
}

std::vector<std::byte> encode_table(const protocol::FieldTable& table) {
  constexpr std::size_t length_size = 4;
  std::vector<std::byte> bytes(length_size + table.encoded_size());
  protocol::WireWriter writer(bytes);
  table.encode(writer);
  bytes.erase(bytes.begin(), bytes.begin() + length_size);
  return bytes;
}

}  // namespace leveret::admin
