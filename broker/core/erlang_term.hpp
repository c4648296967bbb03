/// JSON values as RabbitMQ prints them in its messages: <<"text">>, [1,true], {<<"key">>,1}.
///
/// Thread: pure functions.   Peer: io_lib's ~p; long terms stay on one line here.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace leveret::broker {

std::string erlang_term(const boost::json::value& value);

}  // namespace leveret::broker
