/// What a client wants to see of a list: its order, a page of it, some of its columns.
///
/// Thread: that of the HTTP server.
/// Spec:   RabbitMQ's HTTP API: sort, sort_reverse, page, page_size, name, use_regex, columns.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// Whether `page` makes a page of it.
enum class Paging : std::uint8_t { allowed, never };

/// A list of objects, in the order that they have without `sort`.
Reply list_reply(const Call& call, boost::json::array rows, Paging paging);
/// One object, of which `columns` may choose.
Reply object_reply(const Call& call, boost::json::object object);

}  // namespace leveret::admin
