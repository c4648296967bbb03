/// Values as Erlang writes them, `{<<"x-expires">>,signedint,100000}`: RabbitMQ's events show
/// arguments, client properties and addresses so, and who reads those events knows no other way.
///
/// Thread: functions without state, any.
/// Spec:   RabbitMQ's rabbit_exchange_type_event (3.10 to 3.13), Erlang's io:format("~p").
#pragma once

#include <string>
#include <string_view>

#include "protocol/field_table.hpp"

namespace leveret::broker {

/// A text for each field: name, type and value.
protocol::FieldArray erlang_terms(const protocol::FieldTable& table);

/// An IP address: `{127,0,0,1}`, `{0,0,0,0,0,0,0,1}`. Anything else stays as it is.
std::string erlang_address(std::string_view address);

}  // namespace leveret::broker
