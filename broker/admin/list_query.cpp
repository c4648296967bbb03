#include "broker/admin/list_query.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <utility>

namespace leveret::admin {

namespace json = boost::json;

namespace {

constexpr std::uint64_t page_size_default = 100;
constexpr std::uint64_t page_size_max = 500;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(at), text.size());
    parts.push_back(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return parts;
}

/// What stands at a dotted path, or null.
const json::value* find_path(const json::value& row, std::span<const std::string_view> path) {
  const json::value* at = &row;
  for (const std::string_view name : path) {
    const json::object* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains(name);
    if (at == nullptr) return nullptr;
  }
  return at;
}

/// Nothing, then numbers, then false and true, then texts; all else is alike.
int kind_rank(const json::value* value) {
  if (value == nullptr || value->is_null()) return 0;
  if (value->is_number()) return 1;
  if (value->is_bool()) return 2;
  return value->is_string() ? 3 : 4;
}

bool is_less(const json::value* left, const json::value* right) {
  const int rank = kind_rank(left);
  if (rank != kind_rank(right)) return rank < kind_rank(right);
  switch (rank) {
    case 1: return left->to_number<double>() < right->to_number<double>();
    case 2: return left->get_bool() < right->get_bool();
    case 3: return left->get_string() < right->get_string();
    default: return false;
  }
}

void sort_rows(const Call& call, json::array& rows) {
  const std::string* by = call.target.find("sort");
  if (by == nullptr || by->empty()) return;
  const auto path = split(*by, '.');
  std::vector<std::pair<const json::value*, json::value*>> order;
  for (json::value& row : rows) order.emplace_back(find_path(row, path), &row);
  const bool reverse = call.target.flag("sort_reverse");
  std::stable_sort(order.begin(), order.end(), [reverse](const auto& left, const auto& right) {
    return reverse ? is_less(right.first, left.first) : is_less(left.first, right.first);
  });
  json::array sorted;
  sorted.reserve(order.size());
  for (const auto& [key, row] : order) sorted.push_back(std::move(*row));
  rows = std::move(sorted);
}

// ---- columns -------------------------------------------------------------------------------

void keep_path(const json::value& from, std::span<const std::string_view> path, json::value& to);

void keep_member(const json::object& from, std::span<const std::string_view> path,
                 json::object& to) {
  const json::value* value = from.if_contains(path.front());
  if (value == nullptr) return;
  if (path.size() == 1) {
    to[path.front()] = *value;
    return;
  }
  json::value& inner = to[path.front()];
  keep_path(*value, path.subspan(1), inner);
}

/// Puts what `from` has at the path there in `to`, too; of each element where there is a list.
void keep_path(const json::value& from, std::span<const std::string_view> path, json::value& to) {
  if (const auto* object = from.if_object()) {
    if (!to.is_object()) to = json::object();
    return keep_member(*object, path, to.get_object());
  }
  const auto* list = from.if_array();
  if (list == nullptr) return;
  if (!to.is_array()) to = json::array();
  to.get_array().resize(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) keep_path((*list)[i], path, to.get_array()[i]);
}

json::value choose_columns(const Call& call, json::value&& row) {
  const std::string* columns = call.target.find("columns");
  if (columns == nullptr || columns->empty()) return std::move(row);
  json::value kept = json::object();
  for (const std::string_view column : split(*columns, ',')) {
    const auto path = split(column, '.');
    if (!path.empty()) keep_path(row, path, kept);
  }
  return kept;
}

// ---- pages ---------------------------------------------------------------------------------

Result<std::uint64_t, Reply> read_number(const Call& call, std::string_view name,
                                         std::uint64_t absent, std::uint64_t maximum) {
  const std::string* text = call.target.find(name);
  if (text == nullptr || text->empty()) return absent;
  std::int64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [place, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc{} || place != end) {
    return tl::unexpected(bad_request("Pagination parameters are invalid"));
  }
  if (number < 1 || static_cast<std::uint64_t>(number) > maximum) {
    return tl::unexpected(error_reply(400, "invalid_pagination_parameters",
                                      std::string(name) + " is out of range"));
  }
  return static_cast<std::uint64_t>(number);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

/// Leaves out rows that `name` does not mean.
std::optional<Reply> filter_by_name(const Call& call, json::array& rows) {
  const std::string* wanted = call.target.find("name");
  if (wanted == nullptr || wanted->empty()) return std::nullopt;
  std::optional<broker::PermissionPattern> pattern;
  if (call.target.flag("use_regex")) {
    auto compiled = broker::PermissionPattern::compile(*wanted);
    if (!compiled) return bad_request("Pagination parameters are invalid");
    pattern = std::move(*compiled);
  }
  const std::string lower = lower_case(*wanted);
  json::array kept;
  for (json::value& row : rows) {
    const json::value* name = row.as_object().if_contains("name");
    const std::string_view text =
        name != nullptr && name->is_string() ? std::string_view(name->get_string()) : "";
    const bool matches = pattern ? pattern->matches(text)
                                 : lower_case(text).find(lower) != std::string::npos;
    if (matches) kept.push_back(std::move(row));
  }
  rows = std::move(kept);
  return std::nullopt;
}

Reply page_reply(const Call& call, json::array&& rows) {
  const auto page = read_number(call, "page", 1, UINT32_MAX);
  if (!page) return page.error();
  const auto size = read_number(call, "page_size", page_size_default, page_size_max);
  if (!size) return size.error();
  const std::uint64_t total = rows.size();
  if (auto refusal = filter_by_name(call, rows)) return std::move(*refusal);
  sort_rows(call, rows);
  const std::uint64_t filtered = rows.size();
  const std::uint64_t page_count = (filtered + *size - 1) / *size;
  // The page right after a full last one is there, and empty, as in RabbitMQ.
  if (*page > std::max<std::uint64_t>(page_count, 1) + (filtered % *size == 0 ? 1 : 0)) {
    return error_reply(400, "page_out_of_range", "page is out of range");
  }
  json::array items;
  for (std::uint64_t at = (*page - 1) * *size; at < std::min(filtered, *page * *size); ++at) {
    items.push_back(choose_columns(call, std::move(rows[at])));
  }
  const std::uint64_t item_count = items.size();
  return json_reply(json::object{{"total_count", total},
                                 {"item_count", item_count},
                                 {"filtered_count", filtered},
                                 {"page", *page},
                                 {"page_size", *size},
                                 {"page_count", page_count},
                                 {"items", std::move(items)}});
}

}  // namespace

Reply list_reply(const Call& call, json::array rows, Paging paging) {
  if (paging == Paging::allowed && call.target.find("page") != nullptr) {
    return page_reply(call, std::move(rows));
  }
  sort_rows(call, rows);
  for (json::value& row : rows) row = choose_columns(call, std::move(row));
  return json_reply(rows);
}

Reply object_reply(const Call& call, json::object object) {
  return json_reply(choose_columns(call, std::move(object)));
}

}  // namespace leveret::admin
