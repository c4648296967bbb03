/// Members of a request's body, and sentences about those that are wrong.
///
/// Thread: pure functions, any.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::admin {

/// What is said of a member that must be there.
std::string missing(std::string_view name);

/// Nothing when the member is not there, or null. Error: it is no text.
Result<std::optional<std::string>, std::string> text_in(const boost::json::object& body,
                                                        std::string_view name);
/// Error: there is none, or it is no text.
Result<std::string, std::string> needed_text_in(const boost::json::object& body,
                                                std::string_view name);
/// `absent` when the member is not there, or null; the texts "true" and "false" will do, too.
/// Error: it is neither true nor false.
Result<bool, std::string> flag_in(const boost::json::object& body, std::string_view name,
                                  bool absent);
/// Nothing when the member is not there, or null; a text of digits is a number, too. Error: it is
/// neither, or below zero.
Result<std::optional<std::uint64_t>, std::string> number_in(const boost::json::object& body,
                                                            std::string_view name);
/// The member `arguments` as a table; empty when it is not there. Error: it is no object, or has a
/// number that AMQP has no room for.
Result<protocol::FieldTable, std::string> arguments_in(const boost::json::object& body);
/// A text with commas, or a list of texts: each of them, without spaces around it, but no empty
/// one. Error: it is neither.
Result<std::vector<std::string>, std::string> texts_of(std::string_view name,
                                                       const boost::json::value& value);

/// What is wrong with the name of something that is to be made, if there is anything: it is empty,
/// or longer than AMQP's 255 bytes.
std::optional<std::string> check_name(std::string_view name);

}  // namespace leveret::admin
