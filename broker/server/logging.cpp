#include "broker/server/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include "protocol/utf8.hpp"

namespace leveret::server {

namespace {

constexpr std::size_t queued_lines_max = 2048;
// By SessionEvent::Category, then by LogCategory.
constexpr std::array<const char*, 6> categories{"connection", "channel", "queue",
                                                "auth",       "server",  "storage"};
constexpr std::size_t session_categories = 4;

std::array<std::shared_ptr<spdlog::logger>, categories.size()>& loggers() {
  static std::array<std::shared_ptr<spdlog::logger>, categories.size()> all;
  return all;
}

spdlog::logger& logger_of(LogCategory category) {
  return *loggers()[session_categories + static_cast<std::size_t>(category)];
}

/// Bytes of the character that `text` begins with; 0 when it is none. Requires: not empty.
std::size_t character_size(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) < 0x80) return 1;
  for (std::size_t size = 2; size <= std::min<std::size_t>(4, text.size()); ++size) {
    if (protocol::is_utf8(text.substr(0, size))) return size;
  }
  return 0;
}

/// The character's number. Requires: it is UTF-8.
std::uint32_t code_point(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first;
  std::uint32_t code = first & (0xFFu >> (character.size() + 1));
  for (const char byte : character.substr(1)) {
    code = (code << 6) | (static_cast<unsigned char>(byte) & 0x3F);
  }
  return code;
}

/// Whether a character could break a line, command a terminal or show text in another order.
bool is_harmful(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

/// A line's text, whose parts are chosen by clients: in one line, in valid UTF-8.
class EscapedText final : public spdlog::custom_flag_formatter {
 public:
  explicit EscapedText(bool for_json) : for_json_(for_json) {}

  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    std::string_view text(message.payload.data(), message.payload.size());
    while (!text.empty()) {
      const std::size_t size = character_size(text);
      if (size == 0) {
        append_bad_byte(text.front(), out);
      } else {
        append_character(text.substr(0, size), out);
      }
      text.remove_prefix(std::max<std::size_t>(size, 1));
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<EscapedText>(for_json_);
  }

 private:
  void append_bad_byte(char byte, spdlog::memory_buf_t& out) const {
    // JSON has texts but no bytes.
    if (for_json_) return out.append(std::string_view("\\ufffd"));
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
  }

  void append_character(std::string_view character, spdlog::memory_buf_t& out) const {
    const std::uint32_t code = code_point(character);
    if (is_harmful(code)) {
      if (for_json_ || code > 0xFF) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
      } else {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
      }
      return;
    }
    if (for_json_ && (code == '"' || code == '\\')) out.push_back('\\');
    out.append(character);
  }

  bool for_json_;
};

std::unique_ptr<spdlog::formatter> make_formatter(const std::string& format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == "json") {
    formatter->add_flag<EscapedText>('*', true).set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","category":"%n","message":"%*"})");
  } else {
    formatter->add_flag<EscapedText>('*', false)
        .set_pattern("%Y-%m-%dT%H:%M:%S.%eZ [%l] %n: %*");
  }
  return formatter;
}

spdlog::level::level_enum level_of(const config::Log& settings, const std::string& category) {
  const auto own = settings.levels.find(category);
  return spdlog::level::from_str(own == settings.levels.end() ? settings.level : own->second);
}

}  // namespace

Result<void, std::string> start_logging(const config::Log& settings) {
  std::vector<spdlog::sink_ptr> sinks;
  if (settings.to_stderr) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  for (const config::LogFile& file : settings.files) {
    // spdlog says with an exception that a file cannot be opened; it ends here.
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          file.path, file.max_size_bytes, file.keep));
    } catch (const spdlog::spdlog_ex& error) {
      return tl::unexpected("cannot open the log file " + file.path + ": " + error.what());
    }
  }
  for (const spdlog::sink_ptr& sink : sinks) sink->set_formatter(make_formatter(settings.format));
  spdlog::init_thread_pool(queued_lines_max, 1);
  for (std::size_t i = 0; i < categories.size(); ++i) {
    loggers()[i] = std::make_shared<spdlog::async_logger>(
        categories[i], sinks.begin(), sinks.end(), spdlog::thread_pool(),
        spdlog::async_overflow_policy::overrun_oldest);
    loggers()[i]->flush_on(spdlog::level::info);
  }
  set_log_levels(settings);
  return {};
}

void set_log_levels(const config::Log& settings) {
  for (std::size_t i = 0; i < categories.size(); ++i) {
    loggers()[i]->set_level(level_of(settings, categories[i]));
  }
}

void stop_logging() {
  // First the thread that writes, which finishes what is queued; then what it writes to.
  spdlog::shutdown();
  for (auto& logger : loggers()) logger.reset();
}

void log_last_words(std::string_view text, LogCategory category) {
  const spdlog::logger& logger = logger_of(category);
  const spdlog::details::log_msg message(logger.name(), spdlog::level::err, text);
  for (const spdlog::sink_ptr& sink : logger.sinks()) {
    // spdlog says with an exception that a file cannot be written; the others may be.
    try {
      sink->log(message);
      sink->flush();
    } catch (const spdlog::spdlog_ex&) {
    }
  }
}

void log_info(std::string_view text, LogCategory category) { logger_of(category).info(text); }
void log_warning(std::string_view text, LogCategory category) { logger_of(category).warn(text); }
void log_error(std::string_view text, LogCategory category) { logger_of(category).error(text); }

void log_event(const broker::SessionEvent& event) {
  using Level = broker::SessionEvent::Level;
  spdlog::logger& logger = *loggers()[static_cast<std::size_t>(event.category)];
  switch (event.level) {
    case Level::debug: return logger.debug(event.text);
    case Level::info: return logger.info(event.text);
    case Level::warning: return logger.warn(event.text);
    case Level::error: return logger.error(event.text);
  }
}

}  // namespace leveret::server
