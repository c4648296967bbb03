#include "broker/core/policy.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <utility>
#include <vector>

#include "broker/core/json_term.hpp"
#include "broker/core/policy_keys.hpp"

namespace leveret::broker {

namespace {

namespace json = boost::json;
using protocol::AmqpError;

/// What a policy is for: apply-to.
struct Target {
  std::string_view name;
  QueueTypes queue_types;
  bool for_exchanges = false;
};
constexpr std::array targets{
    Target{"all", QueueTypes::all(), true},
    Target{"queues", QueueTypes::all()},
    Target{"classic_queues", QueueTypes::only(QueueType::classic)},
    Target{"quorum_queues", QueueTypes::only(QueueType::quorum)},
    Target{"streams", QueueTypes::only(QueueType::stream)},
    Target{"exchanges", QueueTypes::none(), true},
};

constexpr std::array<std::string_view, 4> terms{"priority", "pattern", "apply-to", "definition"};

/// The terms of a policy, taken apart; and all that is wrong with them.
class PolicyReader {
 public:
  PolicyReader(PolicyKind kind, std::string_view name, const json::object& object)
      : kind_(kind), name_(name), object_(object) {}

  std::optional<double> priority() {
    const json::value* value = needed("priority");
    if (value == nullptr) return std::nullopt;
    if (value->is_number()) return value->to_number<double>();
    complain("priority should be a number, actually was " + json_term_text(*value));
    return std::nullopt;
  }

  std::optional<PermissionPattern> pattern() {
    const json::value* value = needed("pattern");
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
      complain("pattern should be a binary but was " + json_term_text(*value));
      return std::nullopt;
    }
    const json::string& text = value->get_string();
    // Among permissions the empty pattern is something special, here it is found everywhere.
    auto compiled =
        PermissionPattern::compile(text.empty() ? std::string_view(".*") : std::string_view(text));
    if (compiled) return std::move(*compiled);
    complain("pattern should be regular expression but is invalid: " + compiled.error());
    return std::nullopt;
  }

  const Target* target() {
    const json::value* value = object_.if_contains("apply-to");
    if (value == nullptr) return &targets.front();
    if (value->is_string()) {
      const auto found = std::ranges::find(targets, std::string_view(value->get_string()),
                                           &Target::name);
      if (found != targets.end()) return &*found;
    }
    const std::string shown =
        value->is_string() ? std::string(value->get_string()) : json_term_text(*value);
    complain("apply-to '" + shown + "' unrecognised; should be one of: 'queues', "
             "'classic_queues', 'quorum_queues', 'streams', 'exchanges', or 'all'");
    return nullptr;
  }

  std::optional<PolicyDefinition> definition(const Target* target) {
    const json::value* value = needed("definition");
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) {
      complain("parse error while reading policy definition: " + json_term_text(*value) +
               ". Validator: " + (kind_ == PolicyKind::user ? "" : "operator_") +
               "policy_validator.");
      return std::nullopt;
    }
    auto parsed = parse_policy_definition(
        kind_, target == nullptr ? QueueTypes::none() : target->queue_types, value->get_object());
    if (parsed) return std::move(*parsed);
    if (parsed.error().code() == protocol::ReplyCode::not_implemented) {
      not_implemented_ = std::move(parsed.error());
    } else {
      complain(parsed.error().explanation());
    }
    return std::nullopt;
  }

  void refuse_other_terms() {
    json::object others = object_;
    for (const std::string_view term : terms) others.erase(term);
    if (others.empty()) return;
    complain("Unrecognised terms " + json_pairs_text(others) + " in " + name_);
  }

  bool has_failed() const { return !complaints_.empty() || not_implemented_; }
  AmqpError error() {
    if (complaints_.empty()) return std::move(*not_implemented_);
    std::string text = "Validation failed\n\n";
    // RabbitMQ gathers them in front.
    for (auto one = complaints_.rbegin(); one != complaints_.rend(); ++one) text += *one + "\n";
    return AmqpError::precondition_failed(std::move(text));
  }

 private:
  const json::value* needed(std::string_view key) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) complain("Key \"" + std::string(key) + "\" not found in " + name_);
    return value;
  }
  void complain(std::string text) { complaints_.push_back(std::move(text)); }

  PolicyKind kind_;
  std::string name_;
  const json::object& object_;
  std::vector<std::string> complaints_;
  std::optional<AmqpError> not_implemented_;
};

}  // namespace

std::string_view policy_component(PolicyKind kind) {
  return kind == PolicyKind::user ? "policy" : "operator_policy";
}

std::optional<PolicyKind> policy_kind_of(std::string_view component) {
  for (const PolicyKind kind : {PolicyKind::user, PolicyKind::operators}) {
    if (component == policy_component(kind)) return kind;
  }
  return std::nullopt;
}

Result<Policy, AmqpError> Policy::parse(PolicyKind kind, std::string_view name,
                                        std::string_view json_text) {
  boost::system::error_code error;
  const json::value value = json::parse(json_text, error);
  if (error) {
    return tl::unexpected(
        AmqpError::precondition_failed("JSON decoding error. Reason: " + error.message()));
  }
  if (!value.is_object()) {
    return tl::unexpected(AmqpError::precondition_failed(
        "Validation failed\n\n" + std::string(name) + " not a list " + json_term_text(value) +
        "\n"));
  }
  PolicyReader reader(kind, name, value.get_object());
  const auto priority = reader.priority();
  auto pattern = reader.pattern();
  const Target* target = reader.target();
  auto definition = reader.definition(target);
  reader.refuse_other_terms();
  if (reader.has_failed()) return tl::unexpected(reader.error());
  Policy policy;
  policy.name_ = name;
  policy.pattern_ = std::move(*pattern);
  policy.priority_ = *priority;
  policy.queue_types_ = target->queue_types & definition->queue_types;
  policy.for_exchanges_ = target->for_exchanges;
  policy.settings_ = std::move(definition->settings);
  return policy;
}

bool Policy::is_same_as(const Policy& other) const {
  return name_ == other.name_ && pattern_.text() == other.pattern_.text() &&
         priority_ == other.priority_ && queue_types_ == other.queue_types_ &&
         for_exchanges_ == other.for_exchanges_ && settings_ == other.settings_;
}

}  // namespace leveret::broker
