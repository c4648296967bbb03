/// The broker's log: one line an event, for people (text) or machines (JSON).
///
/// Thread: any; lines are written by a thread of their own, so that a slow terminal or disk does
/// not hold a shard. When lines come faster than they can be written, the oldest are dropped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/session/session_host.hpp"
#include "config/config.hpp"
#include "protocol/base/result.hpp"

namespace leveret::server {

/// Sets up outputs, formats and levels. Error: a sentence that says what cannot be opened.
Result<void, std::string> start_logging(const config::Log& settings);
/// Applies new levels.
void set_log_levels(const config::Log& settings);
/// Writes out what is queued and ends the log's thread.
void stop_logging();

/// Categories of lines that no session writes.
enum class LogCategory : std::uint8_t { server, storage };

/// Writes an error on the calling thread, past the queue, for a process that ends at once while
/// other threads may still be logging.
void log_last_words(std::string_view text, LogCategory category);

void log_info(std::string_view text, LogCategory category = LogCategory::server);
void log_warning(std::string_view text, LogCategory category = LogCategory::server);
void log_error(std::string_view text, LogCategory category = LogCategory::server);
void log_event(const broker::SessionEvent& event);

}  // namespace leveret::server
