#include "broker/core/headers_index.hpp"

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/argument_value.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

constexpr std::string_view match_argument = "x-match";

/// More headers than this are sorted once per message instead of searched once per argument.
constexpr std::size_t linear_search_max = 16;

enum class MatchKind : std::uint8_t { all, any, all_with_x, any_with_x };

struct NamedKind {
  std::string_view name;
  MatchKind kind;
};
constexpr std::array<NamedKind, 4> match_kinds{{{"all", MatchKind::all},
                                                {"any", MatchKind::any},
                                                {"all-with-x", MatchKind::all_with_x},
                                                {"any-with-x", MatchKind::any_with_x}}};

std::optional<MatchKind> parse_match_kind(const FieldValue& value) {
  if (value.type() != FieldType::long_string) return std::nullopt;
  const auto found = std::ranges::find(match_kinds, *value.as_string(), &NamedKind::name);
  if (found == match_kinds.end()) return std::nullopt;
  return found->kind;
}

bool is_asked_for(std::string_view name, MatchKind kind) {
  if (name == match_argument) return false;
  const bool with_x = kind == MatchKind::all_with_x || kind == MatchKind::any_with_x;
  return with_x || !name.starts_with("x-");
}

}  // namespace

Result<void, AmqpError> check_headers_binding(const FieldTable& arguments) {
  const FieldValue* match = arguments.find(match_argument);
  if (match == nullptr || parse_match_kind(*match)) return {};
  std::string text("Invalid x-match field ");
  if (match->type() == FieldType::long_string) {
    text.append("value ").append(term_text(*match));
    text.append("; expected all, any, all-with-x, or any-with-x");
  } else {
    text.append("type ").append(type_name(match->type()));
    text.append(" (value ").append(term_text(*match)).append("); expected longstr");
  }
  return tl::unexpected(AmqpError::precondition_failed(std::move(text)));
}

bool HeadersIndex::add(const BindingKey& key) {
  if (std::ranges::find(bindings_, key, &Binding::key) != bindings_.end()) return false;
  Binding& binding = bindings_.emplace_back();
  binding.key = key;
  const FieldValue* match = key.arguments.find(match_argument);
  const MatchKind kind =
      match == nullptr ? MatchKind::all : parse_match_kind(*match).value_or(MatchKind::all);
  binding.any = kind == MatchKind::any || kind == MatchKind::any_with_x;
  boost::unordered_flat_map<std::string_view, std::uint32_t> occurrences;
  std::uint32_t field = 0;
  for (const auto& [name, value] : binding.key.arguments) {
    if (is_asked_for(name, kind)) binding.terms.push_back({field, occurrences[name]++});
    ++field;
  }
  binding.terms.shrink_to_fit();
  return true;
}

bool HeadersIndex::remove(const BindingKey& key) {
  const auto found = std::ranges::find(bindings_, key, &Binding::key);
  if (found == bindings_.end()) return false;
  // The order of bindings means nothing, so the last one may fill the gap.
  if (found != bindings_.end() - 1) *found = std::move(bindings_.back());
  bindings_.pop_back();
  if (bindings_.empty()) {
    bindings_ = std::vector<Binding>();
    sorted_headers_ = std::vector<const Field*>();
  }
  return true;
}

void HeadersIndex::match(const FieldTable* headers, std::vector<Destination>& out) const {
  if (bindings_.empty()) return;
  sort_headers(headers);
  for (const Binding& binding : bindings_) {
    if (matches(binding, headers)) out.push_back(binding.key.destination);
  }
}

void HeadersIndex::sort_headers(const FieldTable* headers) const {
  sorted_headers_.clear();
  if (headers == nullptr || headers->size() <= linear_search_max) return;
  for (const Field& header : *headers) sorted_headers_.push_back(&header);
  // Not a stable sort, which would allocate: headers of one name keep their order by address.
  std::ranges::sort(sorted_headers_, [](const Field* left, const Field* right) {
    const int order = left->first.compare(right->first);
    return order != 0 ? order < 0 : std::less<>{}(left, right);
  });
}

/// The message's header of that name; when there are several, the one at the place of the asked
/// one among the arguments of its name. RabbitMQ pairs them like that.
const HeadersIndex::Field* HeadersIndex::find_header(const FieldTable& headers, const Field& asked,
                                                     std::uint32_t occurrence) const {
  const std::string& name = asked.first;
  if (!sorted_headers_.empty()) {
    const auto first = std::ranges::lower_bound(sorted_headers_, name, {},
                                                [](const Field* header) -> const std::string& {
                                                  return header->first;
                                                });
    if (sorted_headers_.end() - first <= static_cast<std::ptrdiff_t>(occurrence)) return nullptr;
    const Field* header = first[occurrence];
    return header->first == name ? header : nullptr;
  }
  for (const Field& header : headers) {
    if (header.first != name) continue;
    if (occurrence == 0) return &header;
    --occurrence;
  }
  return nullptr;
}

bool HeadersIndex::matches(const Binding& binding, const FieldTable* headers) const {
  for (const Term& term : binding.terms) {
    const Field& asked = binding.key.arguments.begin()[term.field];
    const Field* header =
        headers == nullptr ? nullptr : find_header(*headers, asked, term.occurrence);
    const bool met = header != nullptr &&
                     (asked.second.type() == FieldType::void_value ||
                      equal_terms(asked.second, header->second, NumberRule::numeric));
    if (met == binding.any) return met;
  }
  return !binding.any;
}

}  // namespace leveret::broker
