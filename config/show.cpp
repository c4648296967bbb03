// The configuration in words: the default file, the effective values, what a reload cannot change.

#include <algorithm>

#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/tree.hpp"
#include "config/values.hpp"

namespace leveret::config {

namespace {

constexpr std::string_view structures_text =
    R"(# Several values each; what is written here is the default.

listeners:                   # A change needs a restart.
  amqp:
    - bind: ":5672"    # ":port" is all addresses, "127.0.0.1:port" or "[::1]:port" one
      backlog: 1024
  http:                      # The HTTP API; [] switches it off.
    - bind: ":15672"
      backlog: 1024

# Made when they are missing; they stay when they are listed no more.
vhosts: [/]

# Who may log in, as long as it is written here:
#   auth:
#     users:
#       - name: nova
#         password: secret        # or password_hash (RabbitMQ's base64) with hashing_algorithm
#         tags: [monitoring]
#         permissions:
#           - {vhost: /, configure: ".*", write: ".*", read: ".*"}
#     default_user:             # Only counts when node.data_dir is new.
#       name: guest
#       password: guest           # or password_file, or password_hash
#       tags: [administrator]
#       vhost: /
#       permissions: {configure: ".*", write: ".*", read: ".*"}
#
# Where the log goes (a change needs a restart), and levels of single categories:
#   log:
#     outputs:
#       - stderr
#       - {file: /var/log/leveret/leveret.log, max_size: 100MiB, keep: 5}
#     levels: {connection: warning, auth: debug}    # also channel, queue, server, storage
)";

std::string section_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? "" : std::string(path.substr(0, dot));
}

std::string_view last_word(std::string_view path) { return path.substr(path.rfind('.') + 1); }

std::size_t depth_of(std::string_view path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '.'));
}

/// Writes "section:" lines down to where `path` belongs, given where the last one belonged.
void open_section(std::string& text, const std::string& section, std::string& current) {
  if (section == current) return;
  const bool nested = !current.empty() && section.starts_with(current + ".");
  if (!nested) text += "\n";
  text += std::string(2 * depth_of(section), ' ') + std::string(last_word(section)) + ":\n";
  current = section;
}

std::string shown_default(const Key& key) {
  return key.default_text.empty() ? "\"\"" : std::string(key.default_text);
}

std::string show_listeners(const std::vector<Listener>& listeners) {
  std::string text;
  for (const Listener& listener : listeners) {
    const std::string& address = listener.bind.address;
    const bool is_ipv6 = address.find(':') != std::string::npos;
    const std::string bind =
        (is_ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(listener.bind.port);
    text += (text.empty() ? "{bind: " : ", {bind: ") + quote(bind) +
            ", backlog: " + std::to_string(listener.backlog) + "}";
  }
  return "[" + text + "]";
}

std::string show_outputs(const Log& log) {
  std::string text = log.to_stderr ? "stderr" : "";
  for (const LogFile& file : log.files) {
    text += (text.empty() ? "{file: " : ", {file: ") + quote(file.path) +
            ", max_size: " + show_size(file.max_size_bytes) +
            ", keep: " + std::to_string(file.keep) + "}";
  }
  return "[" + text + "]";
}

}  // namespace

std::string default_file() {
  std::string text =
      "# The default configuration of Leveret. Every key may be left out.\n"
      "# Sizes: bytes, or KB MB GB (1000) KiB MiB GiB (1024). Durations: ms s m h d; 0 is off.\n"
      "# SIGHUP makes the running broker read its files again.\n\n";
  std::string current;
  for (const Key& key : all_keys()) {
    if (key.path.starts_with("log.levels.")) continue;  // Empty ones would say nothing.
    const std::string section = section_of(key.path);
    if (!section.empty()) open_section(text, section, current);
    const std::string indent(2 * depth_of(key.path), ' ');
    text += indent + "# " + std::string(key.sentence) + "\n";
    const std::string range = range_of(key);
    const std::string allowed = key.choices.empty() ? range : std::string(key.choices);
    const std::string effect = key.reloadable ? "" : "a change needs a restart";
    if (!allowed.empty() || !effect.empty()) {
      const std::string separator = allowed.empty() || effect.empty() ? "" : "; ";
      text += indent + "# (" + allowed + separator + effect + ")\n";
    }
    text += indent + std::string(last_word(key.path)) + ": " + shown_default(key) + "\n";
  }
  return text + "\n" + std::string(structures_text);
}

std::string print_effective(const Loaded& loaded) {
  std::string text;
  std::string current;
  const auto line = [&](std::string_view path, const std::string& value) {
    const auto origin = loaded.origins.find(std::string(path));
    const std::string section = section_of(path);
    if (!section.empty()) open_section(text, section, current);
    text += std::string(2 * depth_of(path), ' ') + std::string(last_word(path)) + ": " + value +
            "  # " + (origin == loaded.origins.end() ? "default" : origin->second) + "\n";
  };
  for (const Key& key : all_keys()) {
    const auto given = loaded.values.find(std::string(key.path));
    // A category without a level of its own has no value that could be read again.
    if (given == loaded.values.end() && key.path.starts_with("log.levels.")) continue;
    line(key.path, given == loaded.values.end() ? shown_default(key) : given->second);
    if (key.path == "log.format") line("log.outputs", show_outputs(loaded.config.log));
  }
  line("listeners.amqp", show_listeners(loaded.config.amqp_listeners));
  line("listeners.http", show_listeners(loaded.config.http_listeners));
  current.clear();
  line("vhosts", quote_list(loaded.config.vhosts));
  // Names only: passwords and their hashes are not for the screen.
  std::string users;
  for (const User& user : loaded.config.auth.users) {
    users += (users.empty() ? "" : ", ") + quote(user.name);
  }
  text += "# users: " + (users.empty() ? "none" : users) + "\n";
  if (const auto& user = loaded.config.auth.default_user) {
    text += "# default user of a new data directory: " + quote(user->name) + ", in vhost " +
            quote(user->permissions.front().vhost) + "\n";
  }
  return text;
}

std::vector<std::string> changes_needing_restart(const Config& running, const Config& next) {
  std::vector<std::string> changed;
  if (running.node.threads != next.node.threads) changed.emplace_back("node.threads");
  if (running.node.name != next.node.name) changed.emplace_back("node.name");
  if (running.node.data_dir != next.node.data_dir) changed.emplace_back("node.data_dir");
  if (running.storage.sync != next.storage.sync) changed.emplace_back("storage.sync");
  if (running.storage.segment_size_bytes != next.storage.segment_size_bytes) {
    changed.emplace_back("storage.segment_size");
  }
  if (running.storage.compact_at_percent != next.storage.compact_at_percent) {
    changed.emplace_back("storage.compact_at");
  }
  if (running.amqp_listeners != next.amqp_listeners) changed.emplace_back("listeners.amqp");
  if (running.http_listeners != next.http_listeners) changed.emplace_back("listeners.http");
  if (running.log.format != next.log.format) changed.emplace_back("log.format");
  if (running.log.to_stderr != next.log.to_stderr || running.log.files != next.log.files) {
    changed.emplace_back("log.outputs");
  }
  return changed;
}

bool default_user_differs(const Config& running, const Config& next) {
  if (!running.auth.default_user || !next.auth.default_user) return false;
  User moved = *next.auth.default_user;
  moved.origin = running.auth.default_user->origin;
  return moved != *running.auth.default_user;
}

}  // namespace leveret::config
