#include "broker/server/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <memory>
#include <vector>

namespace leveret::server {

namespace {

constexpr std::size_t queued_lines_max = 2048;
// By SessionEvent::Category, and the server's own.
constexpr std::array<const char*, 5> categories{"connection", "channel", "queue", "auth", "server"};
constexpr std::size_t server_category = 4;

std::array<std::shared_ptr<spdlog::logger>, categories.size()>& loggers() {
  static std::array<std::shared_ptr<spdlog::logger>, categories.size()> all;
  return all;
}

/// Quotes and backslashes are escaped, as are control characters: a client chooses parts of lines.
void append_json_text(std::string_view text, spdlog::memory_buf_t& out) {
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      out.push_back('\\');
      out.push_back(character);
    } else if (code < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    } else {
      out.push_back(character);
    }
  }
}

/// A line's text without line breaks and other control characters.
class OneLineText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    for (const char character : message.payload) {
      const auto code = static_cast<unsigned char>(character);
      if (code < 0x20 || code == 0x7F) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
      } else {
        out.push_back(character);
      }
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<OneLineText>();
  }
};

class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    append_json_text({message.payload.data(), message.payload.size()}, out);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonText>();
  }
};

std::unique_ptr<spdlog::formatter> make_formatter(const std::string& format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == "json") {
    formatter->add_flag<JsonText>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","category":"%n","message":"%*"})");
  } else {
    formatter->add_flag<OneLineText>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ [%l] %n: %*");
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

void log_info(std::string_view text) { loggers()[server_category]->info(text); }
void log_warning(std::string_view text) { loggers()[server_category]->warn(text); }
void log_error(std::string_view text) { loggers()[server_category]->error(text); }

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
