#include "config/tree.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>

namespace leveret::config {

namespace {

constexpr std::size_t document_size_max_bytes = 1024 * 1024;
constexpr int depth_max = 16;
// Aliases make a small document mean a large one; a configuration is small in both ways.
constexpr std::size_t items_max = 100'000;

class Reader {
 public:
  Reader(const std::string& name, std::vector<std::string>& problems)
      : name_(name), problems_(problems) {}

  Item read(const YAML::Node& node, int depth) {
    Item item;
    item.origin = place(node.Mark());
    if (depth > depth_max || ++item_count_ > items_max) {
      if (!gave_up_) complain(item.origin, "the document is nested too deeply or too large");
      gave_up_ = true;
      return item;
    }
    // "?" and "!" are how yaml-cpp shows plain and quoted scalars without a tag.
    if (!node.Tag().empty() && node.Tag() != "?" && node.Tag() != "!") {
      complain(item.origin, "tags are not allowed: '" + node.Tag() + "'");
    }
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        item.kind = Item::Kind::text;
        item.text = node.Scalar();
        break;
      case YAML::NodeType::Sequence:
        item.kind = Item::Kind::list;
        for (const YAML::Node& child : node) item.list.push_back(read(child, depth + 1));
        break;
      case YAML::NodeType::Map:
        item.kind = Item::Kind::map;
        read_map(node, item, depth);
        break;
    }
    return item;
  }

 private:
  void read_map(const YAML::Node& node, Item& item, int depth) {
    for (const auto& pair : node) {
      const std::string origin = place(pair.first.Mark());
      if (!pair.first.IsScalar()) {
        complain(origin, "a key must be a word");
        continue;
      }
      const std::string& key = pair.first.Scalar();
      if (const Item* first = item.find(key)) {
        complain(origin, "'" + key + "' is given twice in this file (first at " + first->origin +
                             ")");
        continue;
      }
      Item value = read(pair.second, depth + 1);
      if (value.kind == Item::Kind::null) value.origin = origin;
      item.map.emplace_back(key, std::move(value));
    }
  }

  std::string place(const YAML::Mark& mark) const {
    if (mark.is_null()) return name_;
    return name_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  }

  void complain(const std::string& origin, const std::string& what) {
    problems_.push_back(origin + ": " + what);
  }

  const std::string& name_;
  std::vector<std::string>& problems_;
  std::size_t item_count_ = 0;
  bool gave_up_ = false;
};

}  // namespace

Item::Item() = default;
Item::~Item() = default;
Item::Item(const Item& other) = default;
Item::Item(Item&& other) noexcept = default;
Item& Item::operator=(const Item& other) = default;
Item& Item::operator=(Item&& other) noexcept = default;

const Item* Item::find(std::string_view key) const {
  for (const auto& [name, value] : map) {
    if (name == key) return &value;
  }
  return nullptr;
}

Item parse_yaml(const std::string& text, const std::string& name,
                std::vector<std::string>& problems) {
  if (text.size() > document_size_max_bytes) {
    problems.push_back(name + ": the document is larger than 1 MiB");
    return {};
  }
  try {
    return Reader(name, problems).read(YAML::Load(text), 0);
  } catch (const YAML::Exception& error) {
    problems.push_back(name + ":" + std::to_string(error.mark.line + 1) + ":" +
                       std::to_string(error.mark.column + 1) + ": " + error.msg);
    return {};
  }
}

std::string quote(std::string_view text) {
  const auto is_plain = [](char character) {
    return std::isalnum(static_cast<unsigned char>(character)) != 0 ||
           std::string_view("_./%@^*+-").find(character) != std::string_view::npos;
  };
  // What begins with a sign of YAML's own is not bare text.
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), is_plain) &&
                    (std::isalnum(static_cast<unsigned char>(text.front())) != 0 ||
                     text.front() == '/');
  if (bare) return std::string(text);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      quoted += {'\\', character};
    } else if (code < 0x20 || code == 0x7F) {
      quoted += {'\\', 'x', digits[code / 16], digits[code % 16]};
    } else {
      quoted += character;
    }
  }
  return quoted + "\"";
}

std::string quote_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quote(text);
  return "[" + list + "]";
}

void merge(Item& lower, Item upper) {
  if (lower.kind != Item::Kind::map || upper.kind != Item::Kind::map) {
    if (upper.kind != Item::Kind::null || lower.kind == Item::Kind::null) lower = std::move(upper);
    return;
  }
  for (auto& [key, value] : upper.map) {
    const auto place = std::find_if(lower.map.begin(), lower.map.end(),
                                    [&, &wanted = key](const auto& pair) {
                                      return pair.first == wanted;
                                    });
    if (place == lower.map.end()) {
      lower.map.emplace_back(key, std::move(value));
    } else {
      merge(place->second, std::move(value));
    }
  }
}

Item at_path(std::string_view path, Item value) {
  const std::size_t dot = path.find('.');
  Item map;
  map.kind = Item::Kind::map;
  map.origin = value.origin;
  if (dot == std::string_view::npos) {
    map.map.emplace_back(std::string(path), std::move(value));
  } else {
    map.map.emplace_back(std::string(path.substr(0, dot)),
                         at_path(path.substr(dot + 1), std::move(value)));
  }
  return map;
}

}  // namespace leveret::config
