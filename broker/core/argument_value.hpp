/// How RabbitMQ compares the values of field tables and shows them in reply texts.
///
/// RabbitMQ is written in Erlang, and both follow from that language's terms: a long string and a
/// byte array are the same thing, so are a timestamp and an integer, and all integers of one value.
///
/// Owner:  none, pure functions.   Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/field_table.hpp"
#include "protocol/field_value.hpp"

namespace leveret::broker {

/// Whether two values are equal when their types are left aside; inside of arrays and tables types
/// count. With `exact` a number with a fraction part never equals an integer, with `numeric`
/// 1.0 equals 1.
enum class NumberRule : bool { exact, numeric };
bool equal_terms(const protocol::FieldValue& left, const protocol::FieldValue& right,
                 NumberRule rule);

/// A number that is the same for all values that equal_terms() takes for equal, by either rule.
std::uint64_t term_hash(const protocol::FieldValue& value);

/// A value as a part of a longer text: `5`, `1.5`, `<<"text">>`, `[{longstr,<<"a">>}]`. Long ones
/// are not broken into lines, as RabbitMQ may do.
std::string term_text(const protocol::FieldValue& value);

/// A value on its own: the bytes of strings as they are, others as in term_text().
std::string bare_term_text(const protocol::FieldValue& value);

/// Bytes as a quoted text with escapes, or as a list of numbers when some are not printable.
std::string byte_list_text(std::string_view bytes);

}  // namespace leveret::broker
