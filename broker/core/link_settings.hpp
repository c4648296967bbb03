/// What shovels and federation links have in common.
///
/// Thread: values and pure functions.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/field_table.hpp"

namespace leveret::broker {

/// When a message is acknowledged where it came from.
enum class LinkAckMode : std::uint8_t {
  on_confirm,  ///< When the destination has confirmed it: nothing is lost.
  on_publish,  ///< When it has been written to the destination's connection.
  no_ack,      ///< Never: it is consumed without acknowledgements.
};

LinkAckMode link_ack_mode(std::string_view text);

// Fields of a JSON object that has been checked; a default where there is none.
std::string text_of(const boost::json::object& object, std::string_view key,
                    std::string_view other);
std::optional<std::string> text_of(const boost::json::object& object, std::string_view key);
/// Cut to whole numbers of 0 to `maximum`.
std::uint64_t number_of(const boost::json::object& object, std::string_view key,
                        std::uint64_t other, std::uint64_t maximum);
/// Of seconds, which may have fractions.
std::uint32_t milliseconds_of(const boost::json::object& object, std::string_view key,
                              std::uint32_t other_ms);
bool truth_of(const boost::json::object& object, std::string_view key, bool other);
/// One URI, or all of a list.
std::vector<std::string> uris_of(const boost::json::object& object, std::string_view key);

/// A JSON object as a table, as rabbit_misc:to_amqp_table makes it: integers of 64 bits.
protocol::FieldTable table_of(const boost::json::object& object);

}  // namespace leveret::broker
