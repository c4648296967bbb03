/// A YAML document as a tree that remembers where each value stands.
///
/// Every scalar is kept as the text it was written as: what it means is decided by the key it is
/// given to, never by YAML's guesses (`on`, `012`).
///
/// Thread: plain value.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leveret::config {

struct Item {
  enum class Kind { null, text, map, list };

  // Defined where Item is complete: clang looks into the pairs below sooner than g++ does.
  Item();
  ~Item();
  Item(const Item& other);
  Item(Item&& other) noexcept;
  Item& operator=(const Item& other);
  Item& operator=(Item&& other) noexcept;

  Kind kind = Kind::null;
  std::string text;
  std::vector<std::pair<std::string, Item>> map;
  std::vector<Item> list;
  std::string origin;  ///< "file:line:column", "environment NAME", "--set".

  const Item* find(std::string_view key) const;
};

/// Reads one document. Problems are appended: what is not YAML, keys given twice, tags, too much.
Item parse_yaml(const std::string& text, const std::string& name,
                std::vector<std::string>& problems);

/// A text as YAML that is read back as that text: bare where that is possible, else in quotes.
std::string quote(std::string_view text);
/// Texts as a YAML list in one line.
std::string quote_list(const std::vector<std::string>& texts);

/// Lays `upper` over `lower`: maps merge, everything else replaces.
void merge(Item& lower, Item upper);

/// Puts a value at a dotted path, making the maps on the way.
Item at_path(std::string_view path, Item value);

}  // namespace leveret::config
