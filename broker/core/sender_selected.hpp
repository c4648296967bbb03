/// Sender-selected distribution: the message headers CC and BCC add routing keys.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   RabbitMQ extension; BCC is taken out before a message is stored or delivered.
#pragma once

#include <string_view>
#include <vector>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Appends the routing keys that CC and then BCC add; they are views into `headers`. Only long
/// strings count, other elements are passed over. Error: 406 precondition_failed, soft, when one of
/// the two is not an array.
Result<void, protocol::AmqpError> append_sender_selected_keys(
    const protocol::FieldTable& headers, std::vector<std::string_view>& keys);

/// The keys that BCC alone adds, as append_sender_selected_keys() does.
std::vector<std::string_view> blind_keys_in(const protocol::FieldTable& headers);

/// Takes BCC out, also where it comes twice (RabbitMQ leaves the second, for all to see). False
/// when it is not there.
bool remove_bcc(protocol::FieldTable& headers);

}  // namespace leveret::broker
