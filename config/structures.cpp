#include "config/structures.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <type_traits>

#include "config/values.hpp"

namespace leveret::config {

namespace {

constexpr std::array<std::string_view, 6> paths{
    "listeners.amqp",    "listeners.http", "vhosts",
    "auth.default_user", "auth.users",     "log.outputs"};

constexpr std::size_t vhost_name_max_bytes = 255;

/// Reads one map whose keys are all known, and remembers which were not used.
class MapReader {
 public:
  MapReader(const Item& item, std::string path, std::vector<std::string>& problems)
      : item_(item), path_(std::move(path)), problems_(problems) {
    if (item.kind != Item::Kind::map) complain(item, "", "must be a map of keys");
  }

  ~MapReader() {
    for (const auto& [name, value] : item_.map) {
      if (std::find(used_.begin(), used_.end(), name) == used_.end()) {
        complain(value, name, "unknown key");
      }
    }
  }
  MapReader(const MapReader&) = delete;
  MapReader& operator=(const MapReader&) = delete;

  const Item* find(std::string_view name) {
    used_.emplace_back(name);
    const Item* value = item_.find(name);
    return value == nullptr || value->kind == Item::Kind::null ? nullptr : value;
  }

  std::string text(std::string_view name, std::string fallback = "") {
    const Item* value = find(name);
    if (value == nullptr) return fallback;
    if (value->kind != Item::Kind::text) {
      complain(*value, name, "must be a single value");
      return fallback;
    }
    return value->text;
  }

  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> all;
    const Item* value = find(name);
    if (value == nullptr) return all;
    if (value->kind != Item::Kind::list) complain(*value, name, "must be a list");
    for (const Item& one : value->list) {
      if (one.kind != Item::Kind::text) {
        complain(*value, name, "must be a list of words");
        return {};
      }
      all.push_back(one.text);
    }
    return all;
  }

  template <class T, class Parse>
  T parsed(std::string_view name, T fallback, Parse parse) {
    const Item* value = find(name);
    if (value == nullptr) return fallback;
    if (value->kind != Item::Kind::text) {
      complain(*value, name, "must be a single value");
      return fallback;
    }
    const auto result = parse(value->text);
    if (!result) {
      complain(*value, name, result.error());
      return fallback;
    }
    if constexpr (std::is_integral_v<T>) {
      if (*result > std::numeric_limits<T>::max()) {
        complain(*value, name, value->text + " is out of range");
        return fallback;
      }
    }
    return static_cast<T>(*result);
  }

  void complain(const Item& item, std::string_view name, const std::string& what) {
    problems_.push_back(item.origin + ": " + path_ + (name.empty() ? "" : ".") +
                        std::string(name) + ": " + what);
  }
  const Item& item() const { return item_; }
  const std::string& path() const { return path_; }

 private:
  const Item& item_;
  std::string path_;
  std::vector<std::string>& problems_;
  std::vector<std::string> used_;
};

std::string numbered(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

bool is_list(const StructureSource& source, const Item& item, std::string_view path) {
  if (item.kind == Item::Kind::list) return true;
  source.problems.push_back(item.origin + ": " + std::string(path) + ": must be a list");
  return false;
}

// ---- listeners -----------------------------------------------------------------------------

/// Reads one list of listeners. Where none is given there is one on the protocol's port.
std::vector<Listener> read_listeners(const StructureSource& source, const std::string& path,
                                     std::uint16_t default_port) {
  const Item* item = source.given(path);
  source.origins[path] = item == nullptr ? "default" : item->origin;
  if (item == nullptr) return {{Bind{"", default_port}, 1024}};
  std::vector<Listener> listeners;
  if (!is_list(source, *item, path)) return listeners;
  for (std::size_t i = 0; i < item->list.size(); ++i) {
    MapReader reader(item->list[i], numbered(path, i), source.problems);
    Listener listener;
    if (reader.find("bind") == nullptr) reader.complain(reader.item(), "bind", "is missing");
    listener.bind = reader.parsed("bind", Bind{}, parse_bind);
    listener.backlog = reader.parsed("backlog", std::uint32_t{1024}, [](std::string_view text) {
      return parse_count(text);
    });
    for (const std::string_view later : {"tls", "proxy_protocol", "proxy_trusted"}) {
      if (const Item* value = reader.find(later)) {
        reader.complain(*value, later, "is not supported by this version of Leveret yet");
      }
    }
    const auto same = std::find_if(
        listeners.begin(), listeners.end(),
        [&](const Listener& other) { return other.bind == listener.bind && other.bind.port != 0; });
    if (same != listeners.end()) {
      reader.complain(reader.item(), "bind", "is the same as that of an earlier listener");
    }
    listeners.push_back(listener);
  }
  return listeners;
}

void read_all_listeners(const StructureSource& source, Config& config) {
  config.amqp_listeners = read_listeners(source, "listeners.amqp", 5672);
  config.http_listeners = read_listeners(source, "listeners.http", 15672);
  const Item* amqp = source.given("listeners.amqp");
  if (amqp != nullptr && amqp->kind == Item::Kind::list && config.amqp_listeners.empty()) {
    source.problems.push_back(amqp->origin + ": listeners.amqp: must not be empty");
  }
}

// ---- users ---------------------------------------------------------------------------------

void read_vhosts(const StructureSource& source, Config& config) {
  const Item* item = source.given("vhosts");
  source.origins["vhosts"] = item == nullptr ? "default" : item->origin;
  if (item == nullptr || !is_list(source, *item, "vhosts")) return;
  config.vhosts.clear();
  for (const Item& one : item->list) {
    if (one.kind != Item::Kind::text || one.text.empty() ||
        one.text.size() > vhost_name_max_bytes) {
      source.problems.push_back(one.origin + ": vhosts: must be names of 1 to 255 bytes");
    } else if (std::find(config.vhosts.begin(), config.vhosts.end(), one.text) ==
               config.vhosts.end()) {
      config.vhosts.push_back(one.text);
    }
  }
}

std::string read_password_file(MapReader& reader) {
  const std::string path = reader.text("password_file");
  if (path.empty()) return "";
  std::ifstream file(path);
  std::string password;
  if (!file || !std::getline(file, password)) {
    reader.complain(*reader.item().find("password_file"), "password_file", "cannot read " + path);
  }
  return password;
}

/// As users write it, or as RabbitMQ's definitions do. Empty: the default.
bool is_hashing_algorithm(std::string_view name) {
  constexpr std::string_view module_prefix = "rabbit_password_hashing_";
  if (name.starts_with(module_prefix)) name.remove_prefix(module_prefix.size());
  return name.empty() || name == "sha256" || name == "sha512" || name == "md5";
}

void read_password(MapReader& reader, User& user) {
  user.password = reader.text("password");
  user.password_hash = reader.text("password_hash");
  user.hashing_algorithm = reader.text("hashing_algorithm");
  if (!is_hashing_algorithm(user.hashing_algorithm)) {
    reader.complain(*reader.item().find("hashing_algorithm"), "hashing_algorithm",
                    "'" + user.hashing_algorithm + "' is not one of sha256, sha512, md5");
  }
  const std::string from_file = read_password_file(reader);
  const int given = !user.password.empty() + !user.password_hash.empty() + !from_file.empty();
  if (given > 1) {
    reader.complain(reader.item(), "", "give one of password, password_file and password_hash");
  }
  if (!from_file.empty()) user.password = from_file;
}

Permissions read_permissions(MapReader& reader, std::string vhost) {
  return {std::move(vhost), reader.text("configure"), reader.text("write"), reader.text("read")};
}

bool is_listed(const Auth& auth, const std::string& name) {
  return std::any_of(auth.users.begin(), auth.users.end(),
                     [&](const User& user) { return user.name == name; });
}

void add_user(const StructureSource& source, Config& config, const Item& item, User user) {
  if (is_listed(config.auth, user.name)) {
    source.problems.push_back(item.origin + ": auth.users: user '" + user.name +
                              "' is given twice");
    return;
  }
  for (const Permissions& granted : user.permissions) {
    if (std::find(config.vhosts.begin(), config.vhosts.end(), granted.vhost) ==
        config.vhosts.end()) {
      source.problems.push_back(item.origin + ": auth: user '" + user.name +
                                "' has permissions in vhost '" + granted.vhost +
                                "', which is not one of vhosts");
    }
  }
  config.auth.users.push_back(std::move(user));
}

void read_users(const StructureSource& source, Config& config) {
  const Item* item = source.given("auth.users");
  source.origins["auth.users"] = item == nullptr ? "default" : item->origin;
  if (item == nullptr || !is_list(source, *item, "auth.users")) return;
  for (std::size_t i = 0; i < item->list.size(); ++i) {
    MapReader reader(item->list[i], numbered("auth.users", i), source.problems);
    User user;
    user.name = reader.text("name");
    user.origin = item->list[i].origin;
    if (user.name.empty()) reader.complain(reader.item(), "name", "is missing");
    read_password(reader, user);
    user.tags = reader.texts("tags");
    if (const Item* permissions = reader.find("permissions")) {
      if (permissions->kind != Item::Kind::list) {
        reader.complain(*permissions, "permissions", "must be a list");
      }
      for (std::size_t j = 0; j < permissions->list.size(); ++j) {
        MapReader granted(permissions->list[j], numbered(reader.path() + ".permissions", j),
                          source.problems);
        std::string vhost = granted.text("vhost", "/");
        user.permissions.push_back(read_permissions(granted, std::move(vhost)));
      }
    }
    add_user(source, config, item->list[i], std::move(user));
  }
}

void read_default_user(const StructureSource& source, Config& config) {
  const Item* item = source.given("auth.default_user");
  source.origins["auth.default_user"] = item == nullptr ? "default" : item->origin;
  Item nothing;
  nothing.kind = Item::Kind::map;
  if (item == nullptr) item = &nothing;

  MapReader reader(*item, "auth.default_user", source.problems);
  User user;
  user.name = reader.text("name", "guest");
  user.origin = source.origins["auth.default_user"];
  read_password(reader, user);
  if (user.password.empty() && user.password_hash.empty()) user.password = "guest";
  user.tags = reader.find("tags") == nullptr ? std::vector<std::string>{"administrator"}
                                             : reader.texts("tags");
  const std::string vhost = reader.text("vhost", "/");
  if (vhost.empty() || vhost.size() > vhost_name_max_bytes) {
    reader.complain(*reader.item().find("vhost"), "vhost", "must be a name of 1 to 255 bytes");
  }
  user.permissions.push_back({vhost, ".*", ".*", ".*"});
  if (const Item* permissions = reader.find("permissions")) {
    MapReader granted(*permissions, "auth.default_user.permissions", source.problems);
    user.permissions = {read_permissions(granted, vhost)};
  }
  if (!is_listed(config.auth, user.name)) config.auth.default_user = std::move(user);
}

// ---- log -----------------------------------------------------------------------------------

void read_outputs(const StructureSource& source, Config& config) {
  const Item* item = source.given("log.outputs");
  source.origins["log.outputs"] = item == nullptr ? "default" : item->origin;
  if (item == nullptr || !is_list(source, *item, "log.outputs")) return;
  config.log.to_stderr = false;
  for (std::size_t i = 0; i < item->list.size(); ++i) {
    const Item& one = item->list[i];
    if (one.kind == Item::Kind::text && one.text == "stderr") {
      config.log.to_stderr = true;
      continue;
    }
    if (one.kind == Item::Kind::text) {
      source.problems.push_back(one.origin + ": " + numbered("log.outputs", i) + ": '" + one.text +
                                "' is neither stderr nor a map with file");
      continue;
    }
    MapReader reader(one, numbered("log.outputs", i), source.problems);
    if (const Item* syslog = reader.find("syslog")) {
      reader.complain(*syslog, "syslog", "is not supported by this version of Leveret yet");
      continue;
    }
    LogFile file;
    file.path = reader.text("file");
    if (file.path.empty()) reader.complain(one, "file", "is missing");
    file.max_size_bytes = reader.parsed("max_size", file.max_size_bytes, parse_size);
    file.keep = reader.parsed("keep", file.keep, parse_count);
    config.log.files.push_back(file);
  }
}

void warn(const StructureSource& source, const Config& config) {
  const Auth& auth = config.auth;
  const auto is_well_known = [](const User& user) {
    return user.name == "guest" && user.password == "guest";
  };
  const bool has_guest = std::any_of(auth.users.begin(), auth.users.end(), is_well_known) ||
                         (auth.default_user && is_well_known(*auth.default_user));
  const bool from_anywhere =
      std::find(auth.loopback_only.begin(), auth.loopback_only.end(), "guest") ==
      auth.loopback_only.end();
  if (has_guest && from_anywhere) {
    source.warnings.push_back("user guest with its well-known password may come from anywhere");
  }
}

}  // namespace

std::span<const std::string_view> structure_paths() { return paths; }

void read_structures(const StructureSource& source, Config& config) {
  read_all_listeners(source, config);
  read_vhosts(source, config);
  read_users(source, config);
  read_default_user(source, config);
  read_outputs(source, config);
  warn(source, config);
}

}  // namespace leveret::config
