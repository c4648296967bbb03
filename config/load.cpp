#include "config/load.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "config/keys.hpp"
#include "config/structures.hpp"
#include "config/tree.hpp"
#include "config/values.hpp"

namespace leveret::config {

namespace {

constexpr std::string_view variable_prefix = "LEVERET_";

/// The text before "listeners.amqp" has the same in every source: where, which key, what.
void complain(Problems& problems, const std::string& origin, std::string_view path,
              const std::string& what) {
  problems.push_back(origin + ": " + std::string(path) + ": " + what);
}

// ---- gathering -----------------------------------------------------------------------------

Item read_file(const std::string& path, Problems& problems) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::array<char, 4096> piece;
  while (file.read(piece.data(), piece.size()) || file.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof()) {
    problems.push_back(path + ": cannot be read: " + std::generic_category().message(errno));
    return {};
  }
  return parse_yaml(text, path, problems);
}

void set_origin(Item& item, const std::string& origin) {
  item.origin = origin;
  for (auto& [key, value] : item.map) set_origin(value, origin);
  for (Item& value : item.list) set_origin(value, origin);
}

/// A value given outside of a file: text, or YAML for lists and maps.
Item loose_value(const std::string& text, const std::string& origin, Problems& problems) {
  Item item;
  if (text.starts_with('[') || text.starts_with('{')) {
    item = parse_yaml(text, origin, problems);
  } else {
    item.kind = Item::Kind::text;
    item.text = text;
  }
  set_origin(item, origin);
  return item;
}

/// Names that people know from other images, and what they mean here.
std::string_view alias_of(std::string_view variable) {
  if (variable.ends_with("_DEFAULT_USER")) return "auth.default_user.name";
  if (variable.ends_with("_DEFAULT_PASS")) return "auth.default_user.password";
  if (variable.ends_with("_DEFAULT_VHOST")) return "auth.default_user.vhost";
  return {};
}

std::string path_of_variable(std::string_view variable) {
  std::string path;
  variable.remove_prefix(variable_prefix.size());
  for (std::size_t i = 0; i < variable.size(); ++i) {
    if (variable.substr(i).starts_with("__")) {
      path += '.';
      ++i;
    } else {
      path += static_cast<char>(std::tolower(static_cast<unsigned char>(variable[i])));
    }
  }
  return path;
}

void add_environment(Item& root, const std::map<std::string, std::string>& environment,
                     Problems& problems) {
  for (const auto& [name, text] : environment) {
    const bool is_default =
        name.starts_with("LEVERET_DEFAULT_") || name.starts_with("RABBITMQ_DEFAULT_");
    const std::string origin = "environment " + name;
    const std::string path = is_default ? std::string(alias_of(name))
                             : name.starts_with(variable_prefix) ? path_of_variable(name)
                                                                 : "";
    if (!path.empty()) {
      merge(root, at_path(path, loose_value(text, origin, problems)));
    } else if (name.starts_with(variable_prefix)) {
      problems.push_back(origin + ": unknown variable");
    }
  }
}

void add_overrides(Item& root, const std::vector<std::string>& overrides, Problems& problems) {
  for (const std::string& text : overrides) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.push_back("--set " + text + ": write it as key.path=value");
      continue;
    }
    const std::string path = text.substr(0, equals);
    merge(root, at_path(path, loose_value(text.substr(equals + 1), "--set " + path, problems)));
  }
}

// ---- unknown keys --------------------------------------------------------------------------

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1,
                         diagonal + (left[i - 1] == right[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[right.size()];
}

bool is_section(std::string_view path) {
  const auto leads_to = [&](std::string_view full) {
    return full.size() > path.size() && full.starts_with(path) && full[path.size()] == '.';
  };
  return std::any_of(all_keys().begin(), all_keys().end(),
                     [&](const Key& key) { return leads_to(key.path); }) ||
         std::any_of(structure_paths().begin(), structure_paths().end(), leads_to);
}

std::string suggestion(std::string_view path) {
  std::string_view best;
  std::size_t best_distance = 4;
  const auto consider = [&](std::string_view known) {
    const std::size_t distance = edit_distance(path, known);
    if (distance < best_distance) {
      best_distance = distance;
      best = known;
    }
  };
  for (const Key& key : all_keys()) consider(key.path);
  for (const std::string_view known : structure_paths()) consider(known);
  if (best.empty()) return "";
  const std::size_t dot = best.rfind('.');
  return "; did you mean '" +
         std::string(dot == std::string_view::npos ? best : best.substr(dot + 1)) +
         "'?";
}

// ---- simple keys ---------------------------------------------------------------------------

Parsed<KeyValue> check_range(const Key& key, Parsed<std::uint64_t> number, std::string_view text) {
  if (!number) return tl::unexpected(std::move(number.error()));
  if (*number < key.minimum || *number > key.maximum) {
    return tl::unexpected(std::string(text) + " is out of range (" + range_of(key) + ")");
  }
  return KeyValue{std::string(text), *number, false, {}};
}

bool is_choice(std::string_view choices, std::string_view text) {
  return ("| " + std::string(choices) + " |").find("| " + std::string(text) + " |") !=
         std::string::npos;
}

std::string listed(std::string_view choices) {
  std::string text(choices);
  for (std::size_t at = text.find(" | "); at != std::string::npos; at = text.find(" | ")) {
    text.replace(at, 3, ", ");
  }
  return text;
}

/// `whole_bytes` is what a share is a share of.
Parsed<KeyValue> read_text_value(const Key& key, const std::string& text,
                                 std::uint64_t whole_bytes) {
  switch (key.type) {
    case KeyType::boolean: {
      const auto flag = parse_bool(text);
      if (!flag) return tl::unexpected(flag.error());
      return KeyValue{text, 0, *flag, {}};
    }
    case KeyType::count: return check_range(key, parse_count(text), text);
    case KeyType::size: return check_range(key, parse_size(text), text);
    case KeyType::share: return check_range(key, parse_share(text, whole_bytes), text);
    case KeyType::percent: return check_range(key, parse_percent(text), text);
    case KeyType::duration: {
      const auto duration = parse_duration(text);
      if (!duration) return tl::unexpected(duration.error());
      return check_range(key, static_cast<std::uint64_t>(duration->count()), text);
    }
    case KeyType::choice:
      if (!is_choice(key.choices, text)) {
        return tl::unexpected("'" + text + "' is not one of " + listed(key.choices));
      }
      return KeyValue{text, 0, false, {}};
    case KeyType::text:
      if (key.maximum != 0 && (text.size() < key.minimum || text.size() > key.maximum)) {
        return tl::unexpected("'" + text + "' must have " + std::to_string(key.minimum) + " to " +
                              std::to_string(key.maximum) + " bytes");
      }
      return KeyValue{text, 0, false, {}};
    case KeyType::texts:
      return tl::unexpected(std::string("must be a list"));
  }
  return KeyValue{};
}

Parsed<KeyValue> read_value(const Key& key, const Item& item, std::uint64_t whole_bytes) {
  if (key.type != KeyType::texts) {
    if (item.kind == Item::Kind::text) return read_text_value(key, item.text, whole_bytes);
    return tl::unexpected(item.kind == Item::Kind::null ? std::string("has no value")
                                                        : std::string("must be a single value"));
  }
  if (item.kind != Item::Kind::list) return tl::unexpected(std::string("must be a list"));
  KeyValue value;
  for (const Item& one : item.list) {
    if (one.kind != Item::Kind::text) return tl::unexpected(std::string("must be a list of words"));
    if (!key.choices.empty() && !is_choice(key.choices, one.text)) {
      return tl::unexpected("'" + one.text + "' is not one of " + listed(key.choices));
    }
    value.texts.push_back(one.text);
  }
  return value;
}

Item default_item(const Key& key) {
  Problems none;
  Item item;
  item.kind = Item::Kind::text;
  item.text = key.default_text;
  if (key.type == KeyType::texts) item = parse_yaml(std::string(key.default_text), "", none);
  item.origin = "default";
  return item;
}

const Item* find_path(const Item& root, std::string_view path) {
  const Item* item = &root;
  while (item != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    item = item->find(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return item;
}

class Loader {
 public:
  explicit Loader(Item root) : root_(std::move(root)) {}

  void run() {
    refuse_unknown(root_, "");
    memory_bytes_ = memory_total_bytes();
    if (const Item* total = given("memory.total_override"); total && !total->text.empty()) {
      const auto size = parse_size(total->text);
      if (size) memory_bytes_ = *size;
      else complain(problems, total->origin, "memory.total_override", size.error());
    }
    for (const Key& key : all_keys()) read_key(key);
    read_threads();
    check_version();
    read_structures(
        {[this](std::string_view path) { return given(path); }, problems, loaded.warnings,
         loaded.origins},
        loaded.config);
    if (loaded.config.limits.heartbeat.count() % 1000 != 0) {
      complain(problems, loaded.origins["limits.heartbeat"], "limits.heartbeat",
               "must be whole seconds");
    }
    name_node();
    warn();
  }

  Loaded loaded;
  Problems problems;

 private:
  const Item* given(std::string_view path) const {
    const Item* item = find_path(root_, path);
    return item == nullptr || item->kind == Item::Kind::null ? nullptr : item;
  }

  void refuse_unknown(const Item& item, const std::string& prefix) {
    for (const auto& [name, value] : item.map) {
      const std::string path = prefix.empty() ? name : prefix + "." + name;
      const bool known = std::any_of(all_keys().begin(), all_keys().end(),
                                     [&](const Key& key) { return key.path == path; }) ||
                         std::find(structure_paths().begin(), structure_paths().end(), path) !=
                             structure_paths().end();
      if (known) continue;
      const auto later = keys_not_supported_yet();
      if (std::find(later.begin(), later.end(), path) != later.end()) {
        complain(problems, value.origin, path, "is not supported by this version of Leveret yet");
      } else if (!is_section(path)) {
        complain(problems, value.origin, path, "unknown key" + suggestion(path));
      } else if (value.kind == Item::Kind::map) {
        refuse_unknown(value, path);
      } else if (value.kind != Item::Kind::null) {
        complain(problems, value.origin, path, "must be a map of keys");
      }
    }
  }

  void read_key(const Key& key) {
    const Item* own = given(key.path);
    const Item item = own != nullptr ? *own : default_item(key);
    loaded.origins[std::string(key.path)] = item.origin;
    if (own == nullptr && key.default_text.empty()) return;
    // The table has what a share refers to before it.
    const auto value = read_value(key, item,
                                  key.path == "memory.page_out_at"
                                      ? loaded.config.memory.high_watermark_bytes
                                      : memory_bytes_);
    if (!value) return complain(problems, item.origin, key.path, value.error());
    if (key.assign != nullptr) key.assign(loaded.config, *value);
    if (own == nullptr) return;
    loaded.values[std::string(key.path)] =
        key.type == KeyType::texts ? quote_list(value->texts) : quote(item.text);
  }

  void read_threads() {
    const Item* item = given("node.threads");
    if (item == nullptr || item->text == "auto") {
      const unsigned cpus = cpu_count();
      loaded.config.node.threads = static_cast<std::uint16_t>(
          cpus <= 4 ? 1 : std::min(256u, cpus / 2));
      return;
    }
    const auto count = parse_count(item->text);
    if (!count || *count < 1 || *count > 256) {
      return complain(problems, item->origin, "node.threads",
                      "'" + item->text + "' is neither auto nor a number from 1 to 256");
    }
    loaded.config.node.threads = static_cast<std::uint16_t>(*count);
  }

  void check_version() {
    const std::string& version = loaded.config.compat.version;
    const bool well_formed =
        std::count(version.begin(), version.end(), '.') == 2 && !version.starts_with('.') &&
        !version.ends_with('.') && version.find("..") == std::string::npos &&
        version.find_first_not_of("0123456789.") == std::string::npos;
    if (!well_formed) {
      complain(problems, loaded.origins["compat.version"], "compat.version",
               "'" + version + "' is not of the form 3.13.7");
    }
  }

  void name_node() {
    if (!loaded.config.node.name.empty()) return;
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    const std::string_view name(host.data());
    loaded.config.node.name = "leveret@" + std::string(name.substr(0, name.find('.')));
  }

  void warn() {
    const Memory& memory = loaded.config.memory;
    if (memory.page_out_at_bytes >= memory.high_watermark_bytes) {
      loaded.warnings.push_back(
          "memory.page_out_at is not below memory.high_watermark: publishers are blocked before "
          "message bodies leave memory");
    }
    if (loaded.config.storage.sync == StorageSync::os) {
      loaded.warnings.push_back(
          "storage.sync is os: a confirm means that the operating system has the message, not the "
          "disk; a power cut can lose confirmed messages");
    }
  }

  Item root_;
  std::uint64_t memory_bytes_ = 0;
};

}  // namespace

Result<Loaded, Problems> load(const Sources& sources) {
  Problems problems;
  Item root;
  root.kind = Item::Kind::map;
  for (const std::string& path : sources.files) {
    Item document = read_file(path, problems);
    if (document.kind == Item::Kind::text || document.kind == Item::Kind::list) {
      problems.push_back(document.origin + ": a configuration is a map of keys");
    } else if (document.kind == Item::Kind::map) {
      merge(root, std::move(document));
    }
  }
  add_environment(root, sources.environment, problems);
  add_overrides(root, sources.overrides, problems);

  Loader loader(std::move(root));
  loader.run();
  problems.insert(problems.end(), loader.problems.begin(), loader.problems.end());
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return std::move(loader.loaded);
}

}  // namespace leveret::config
