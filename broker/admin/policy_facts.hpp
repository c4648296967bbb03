/// What the API says of policies that hold for a queue or an exchange.
///
/// Thread: pure functions, any.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// The policy's name, or null.
boost::json::value name_of(const std::shared_ptr<const broker::Policy>& policy);

/// What both policies say together: of two numbers the smaller one, otherwise the operator's word.
boost::json::object effective_definition(const Call& call, const std::string& vhost,
                                         const broker::MatchedPolicies& matched);

}  // namespace leveret::admin
