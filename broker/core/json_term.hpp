/// JSON values as RabbitMQ shows them in texts: as Erlang's terms.
///
/// Owner:  none, pure functions.   Thread: any.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace leveret::broker {

/// `5`, `1.5`, `<<"text">>`, `[1,true]`, `#{<<"key">> => null}`. Long ones are not broken into
/// lines, as RabbitMQ may do.
std::string json_term_text(const boost::json::value& value);

/// An object as RabbitMQ keeps one that it looks through: `[{<<"key">>,1}]`, by its keys' order.
std::string json_pairs_text(const boost::json::object& object);

}  // namespace leveret::broker
