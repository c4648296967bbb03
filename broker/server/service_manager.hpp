/// What the service manager (systemd) is told about a start, a stop and what takes long. Without
/// one nothing happens.
///
/// Thread: any.
#pragma once

#include <string>

namespace leveret::server {

/// The start takes longer; `status` says what is going on.
void report_starting(const std::string& status);
void report_ready();
void report_stopping();

}  // namespace leveret::server
