#include "broker/core/definitions_file.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <algorithm>
#include <optional>
#include <utility>

#include "broker/core/json_arguments.hpp"
#include "broker/core/parameter_keys.hpp"

namespace leveret::broker {

namespace {

namespace json = boost::json;

constexpr std::size_t problems_max = 50;
constexpr std::size_t name_max_bytes = 255;
constexpr std::size_t depth_max = 64;

/// rabbitmqctl 3.10 exports what was set by command line as lists of names with values:
/// [["max-length", 100]] is {"max-length": 100}.
void make_objects_of_pairs(json::value& value) {
  if (auto* object = value.if_object()) {
    for (auto& member : *object) make_objects_of_pairs(member.value());
    return;
  }
  auto* list = value.if_array();
  if (list == nullptr) return;
  for (json::value& one : *list) make_objects_of_pairs(one);
  const auto is_pair = [](const json::value& one) {
    const auto* pair = one.if_array();
    return pair != nullptr && pair->size() == 2 && pair->front().is_string();
  };
  if (list->empty() || !std::ranges::all_of(*list, is_pair)) return;
  json::object object;
  for (const json::value& one : *list) {
    object[one.get_array().front().get_string()] = one.get_array().back();
  }
  value = std::move(object);
}

/// One object of the file. Says what is wrong with it, and gives something harmless then.
class Entry {
 public:
  Entry(const json::object& object, std::string place, std::vector<std::string>& problems)
      : object_(object), place_(std::move(place)), problems_(problems) {}

  void complain(const std::string& what) const {
    if (problems_.size() < problems_max) problems_.push_back(place_ + ": " + what);
  }

  std::string text(std::string_view key) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) {
      complain("'" + std::string(key) + "' is missing");
      return {};
    }
    return text_of(key, *value);
  }
  std::string text_or(std::string_view key, std::string_view absent) const {
    const json::value* value = object_.if_contains(key);
    return value == nullptr ? std::string(absent) : text_of(key, *value);
  }
  /// A name that AMQP can carry.
  std::string name(std::string_view key) const {
    std::string text = this->text(key);
    if (text.size() > name_max_bytes) complain("'" + std::string(key) + "' is too long");
    return text;
  }

  bool flag(std::string_view key, bool absent = false) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return absent;
    if (!value->is_bool()) complain("'" + std::string(key) + "' is not true or false");
    return value->is_bool() && value->get_bool();
  }

  protocol::FieldTable arguments() const {
    const json::value* value = object_.if_contains("arguments");
    // An empty table of Erlang's is exported as an empty list by some versions.
    if (value == nullptr || (value->is_array() && value->get_array().empty())) return {};
    if (!value->is_object()) {
      complain("'arguments' is not an object");
      return {};
    }
    auto table = table_of_json(value->get_object());
    if (table) return std::move(*table);
    complain("'arguments': " + table.error());
    return {};
  }

  /// Null when there is none.
  const json::value* find(std::string_view key) const { return object_.if_contains(key); }

 private:
  std::string text_of(std::string_view key, const json::value& value) const {
    if (value.is_string()) return std::string(value.get_string());
    complain("'" + std::string(key) + "' is not a text");
    return {};
  }

  const json::object& object_;
  const std::string place_;
  std::vector<std::string>& problems_;
};

class Reader {
 public:
  explicit Reader(const json::object& file) : file_(file) {}

  Result<DefinitionsFile, std::vector<std::string>> read() {
    each("vhosts", [this](const Entry& entry) { read_vhost(entry); });
    each("users", [this](const Entry& entry) { read_user(entry); });
    each("permissions", [this](const Entry& entry) {
      add(SetPermissions{{entry.text("user"), entry.text("vhost"), entry.text("configure"),
                          entry.text("write"), entry.text("read")}});
    });
    each("topic_permissions", [this](const Entry& entry) {
      add(SetTopicPermissions{{entry.text("user"), entry.text("vhost"), entry.text("exchange"),
                               {entry.text("write"), entry.text("read")}}});
    });
    each("parameters", [this](const Entry& entry) {
      add_parameter({entry.text("vhost"), entry.text("component"), entry.text("name")}, entry);
    });
    each("global_parameters", [this](const Entry& entry) {
      add_parameter({std::nullopt, std::string(global_parameters), entry.text("name")}, entry);
    });
    each("policies", [this](const Entry& entry) { read_policy(entry); });
    each("exchanges", [this](const Entry& entry) { read_exchange(entry); });
    each("queues", [this](const Entry& entry) { read_queue(entry); });
    each("bindings", [this](const Entry& entry) { read_binding(entry); });
    if (!problems_.empty()) return tl::unexpected(std::move(problems_));
    return std::move(result_);
  }

 private:
  void add(DefinitionChange change) { result_.changes.push_back(std::move(change)); }

  template <class Read>
  void each(std::string_view section, Read&& read_one) {
    const json::value* list = file_.if_contains(section);
    if (list == nullptr) return;
    if (!list->is_array()) {
      problems_.push_back(std::string(section) + ": not a list");
      return;
    }
    std::size_t index = 0;
    for (const json::value& one : list->get_array()) {
      const std::string place = std::string(section) + "[" + std::to_string(index++) + "]";
      if (problems_.size() >= problems_max) return;
      if (!one.is_object()) {
        problems_.push_back(place + ": not an object");
      } else {
        read_one(Entry(one.get_object(), place, problems_));
      }
    }
  }

  void add_parameter(ParameterKey key, const Entry& entry) {
    const json::value* given = entry.find("value");
    if (given == nullptr) return entry.complain("'value' is missing");
    json::value value = *given;
    make_objects_of_pairs(value);
    add(PutParameter{{std::move(key), json::serialize(value)}});
  }

  void read_vhost(const Entry& entry) {
    const std::string name = entry.name("name");
    add(AddVhost{name});
    if (entry.find("tracing") != nullptr) add(TraceVhost{name, entry.flag("tracing")});
    // RabbitMQ has had these beside the name, and in a table of their own.
    json::object metadata;
    if (const json::value* given = entry.find("metadata"); given != nullptr) {
      if (given->is_object()) metadata = given->get_object();
    }
    for (const char* key : {"description", "tags", "default_queue_type"}) {
      const json::value* value = entry.find(key);
      if (value != nullptr && !metadata.contains(key)) metadata.emplace(key, *value);
    }
    if (!metadata.empty()) {
      add(PutParameter{{vhost_metadata_key(name), json::serialize(metadata)}});
    }
  }

  void read_user(const Entry& entry) {
    User user;
    user.name = entry.name("name");
    user.tags = read_tags(entry);
    read_password(entry, user);
    const std::string name = user.name;
    add(PutUser{std::move(user)});
    const json::value* limits = entry.find("limits");
    if (limits != nullptr && limits->is_object() && !limits->get_object().empty()) {
      add(PutParameter{{user_limits_key(name), json::serialize(*limits)}});
    }
  }

  void read_password(const Entry& entry, User& user) {
    const std::string hash = entry.text_or("password_hash", "");
    const std::string algorithm_name =
        entry.text_or("hashing_algorithm", "rabbit_password_hashing_sha256");
    const auto algorithm = parse_hash_algorithm(algorithm_name);
    if (!algorithm) {
      return entry.complain("'hashing_algorithm' is unknown: " + algorithm_name);
    }
    if (entry.find("password_hash") == nullptr && entry.find("password") != nullptr) {
      const std::string password = entry.text("password");
      // Without a password nobody can log in with one.
      if (!password.empty()) user.password_hash = PasswordHash::of(password, *algorithm);
      return;
    }
    auto parsed = PasswordHash::parse(hash, *algorithm);
    if (!parsed) return entry.complain("'password_hash': " + parsed.error());
    user.password_hash = std::move(*parsed);
  }

  /// A list, or, from older versions, one text with commas.
  static std::vector<std::string> read_tags(const Entry& entry) {
    std::vector<std::string> tags;
    const auto add_tag = [&](std::string_view tag) {
      while (tag.starts_with(' ')) tag.remove_prefix(1);
      while (tag.ends_with(' ')) tag.remove_suffix(1);
      if (!tag.empty()) tags.emplace_back(tag);
    };
    const json::value* given = entry.find("tags");
    if (given == nullptr) return tags;
    if (given->is_array()) {
      for (const json::value& tag : given->get_array()) {
        if (!tag.is_string()) {
          entry.complain("'tags' is not a list of texts");
          return tags;
        }
        add_tag(tag.get_string());
      }
    } else {
      const std::string text = entry.text("tags");
      for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        add_tag(std::string_view(text).substr(begin, end - begin));
        begin = end + 1;
      }
    }
    return tags;
  }

  void read_policy(const Entry& entry) {
    json::object value;
    value["pattern"] = entry.text("pattern");
    value["apply-to"] = entry.text_or("apply-to", "all");
    const json::value* priority = entry.find("priority");
    value["priority"] = priority == nullptr ? json::value(0) : *priority;
    if (const json::value* definition = entry.find("definition")) {
      value["definition"] = *definition;
    } else {
      entry.complain("'definition' is missing");
    }
    add(PutParameter{{{entry.text("vhost"), "policy", entry.text("name")},
                      json::serialize(value)}});
  }

  void read_exchange(const Entry& entry) {
    ExchangeDefinition exchange;
    exchange.name = entry.name("name");
    exchange.vhost = entry.text("vhost");
    const std::string type = entry.text("type");
    exchange.durable = entry.flag("durable");
    exchange.auto_delete = entry.flag("auto_delete");
    exchange.internal = entry.flag("internal");
    exchange.arguments = entry.arguments();
    if (exchange.name.empty() || exchange.name.starts_with("amq.")) return;
    const auto parsed = parse_exchange_type(type);
    if (!parsed) return entry.complain("unknown exchange type '" + type + "'");
    exchange.type = *parsed;
    result_.exchanges.push_back(std::move(exchange));
  }

  void read_queue(const Entry& entry) {
    QueueDefinition queue;
    queue.name = entry.name("name");
    queue.vhost = entry.text("vhost");
    queue.durable = entry.flag("durable");
    queue.auto_delete = entry.flag("auto_delete");
    queue.arguments = entry.arguments();
    if (queue.name.empty()) entry.complain("'name' is empty");
    if (const json::value* type = entry.find("type");
        type != nullptr && queue.arguments.find("x-queue-type") == nullptr) {
      const std::string name = entry.text("type");
      if (name != "classic") {
        queue.arguments.set("x-queue-type", protocol::FieldValue::long_string(name));
      }
    }
    result_.queues.push_back(std::move(queue));
  }

  void read_binding(const Entry& entry) {
    BindingDefinition binding;
    binding.vhost = entry.text("vhost");
    binding.source = entry.name("source");
    binding.destination = entry.name("destination");
    binding.routing_key = entry.name("routing_key");
    binding.arguments = entry.arguments();
    const std::string kind = entry.text("destination_type");
    if (kind != "queue" && kind != "exchange") {
      return entry.complain("'destination_type' is neither queue nor exchange");
    }
    binding.to_queue = kind == "queue";
    if (!binding.source.empty()) result_.bindings.push_back(std::move(binding));
  }

  const json::object& file_;
  DefinitionsFile result_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<DefinitionsFile, std::vector<std::string>> parse_definitions(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = depth_max;
  const json::value file = json::parse(text, error, {}, options);
  if (error) return tl::unexpected(std::vector{"not JSON: " + error.message()});
  if (!file.is_object()) return tl::unexpected(std::vector<std::string>{"not a JSON object"});
  return parse_definitions(file.get_object());
}

Result<DefinitionsFile, std::vector<std::string>> parse_definitions(const json::object& file) {
  return Reader(file).read();
}

}  // namespace leveret::broker
