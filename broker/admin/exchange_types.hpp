/// The types of exchanges, as the API lists them.
///
/// Thread: pure function, any.
#pragma once

#include <boost/json/array.hpp>

namespace leveret::admin {

boost::json::array exchange_types_json();

}  // namespace leveret::admin
