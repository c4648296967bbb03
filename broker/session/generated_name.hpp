/// Names the broker makes up for clients that leave theirs empty.
#pragma once

#include <string>
#include <string_view>

namespace leveret::broker {

/// The prefix and 22 characters of randomness (128 bits), as RabbitMQ's amq.gen- and amq.ctag-
/// names have them: nobody can guess one.
std::string generated_name(std::string_view prefix);

}  // namespace leveret::broker
