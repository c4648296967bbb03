/// What the values of a parameter's JSON object must be, and what is said when they are not.
///
/// Thread: pure functions.   Peer: rabbit_parameter_validation, its words and their order.
#pragma once

#include <boost/json/fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace leveret::broker {

/// One sentence for each thing that is wrong.
using ParameterProblems = std::vector<std::string>;

/// Looks at the value of one key.
using ParameterCheck = ParameterProblems (*)(std::string_view key,
                                             const boost::json::value& value);

ParameterProblems check_number(std::string_view key, const boost::json::value& value);
/// The same words for a number with a fraction as for no number at all.
ParameterProblems check_integer(std::string_view key, const boost::json::value& value);
ParameterProblems check_text(std::string_view key, const boost::json::value& value);
ParameterProblems check_boolean(std::string_view key, const boost::json::value& value);
/// A text of at most 255 bytes.
ParameterProblems check_queue_name(std::string_view key, const boost::json::value& value);
/// A URI of AMQP, or a list of them.
ParameterProblems check_uri(std::string_view key, const boost::json::value& value);
/// on-confirm, on-publish or no-ack.
ParameterProblems check_ack_mode(std::string_view key, const boost::json::value& value);
ParameterProblems check_one_of(std::string_view key, const boost::json::value& value,
                               std::span<const std::string_view> choices);

struct ParameterField {
  std::string_view key;
  ParameterCheck check;
  bool mandatory = false;
};

/// Looks at all fields of an object; those that are not listed are problems. `name` is that of the
/// parameter. The last problem is first, as RabbitMQ gives them.
ParameterProblems check_object(std::string_view name, const boost::json::value& value,
                               std::span<const ParameterField> fields);

/// RabbitMQ's text for what is wrong with a parameter. Requires: something is.
std::string problems_text(const ParameterProblems& problems);

/// Reads a parameter's JSON. Error: RabbitMQ's text.
Result<boost::json::value, std::string> parse_parameter_json(std::string_view json);

}  // namespace leveret::broker
