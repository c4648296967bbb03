#include "broker/core/headers_index.hpp"

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "broker/core/argument_value.hpp"
#include "broker/core/stable_hash.hpp"

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

/// One header that a binding asks for.
struct Term {
  std::uint32_t field = 0;       ///< Place in the binding's arguments.
  std::uint32_t occurrence = 0;  ///< How many arguments before it have the same name.
};

/// What a binding's arguments mean.
struct Rule {
  std::vector<Term> terms;
  bool any = false;
  std::uint32_t listed_term = 0;  ///< The one by which a binding that wants all is looked up.
  std::uint64_t matched_at = 0;   ///< Number of the last match that it was in.
};

Rule make_rule(const FieldTable& arguments) {
  Rule rule;
  const FieldValue* match = arguments.find(match_argument);
  const MatchKind kind =
      match == nullptr ? MatchKind::all : parse_match_kind(*match).value_or(MatchKind::all);
  rule.any = kind == MatchKind::any || kind == MatchKind::any_with_x;
  boost::unordered_flat_map<std::string_view, std::uint32_t> occurrences;
  std::uint32_t field = 0;
  for (const auto& [name, value] : arguments) {
    if (is_asked_for(name, kind)) rule.terms.push_back({field, occurrences[name]++});
    ++field;
  }
  rule.terms.shrink_to_fit();
  return rule;
}

/// Equal for equal bindings: fields count in any order.
struct BindingHash {
  std::size_t operator()(const BindingKey& key) const {
    std::uint64_t hash =
        DestinationHash{}(key.destination) ^ std::hash<std::string>{}(key.routing_key);
    for (const auto& [name, value] : key.arguments) {
      hash += mix_bits(std::hash<std::string>{}(name) + term_hash(value));
    }
    return hash;
  }
};

/// Names a header that is the one of that name after `occurrence` others.
std::uint64_t header_hash(const std::string& name, std::uint32_t occurrence) {
  return mix_bits(std::hash<std::string>{}(name) + occurrence);
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

struct HeadersIndex::Bindings {
  using Binding = std::pair<const BindingKey, Rule>;
  using Field = FieldTable::Field;
  /// Hash of a header and its value, or of the header alone.
  using TermHash = std::uint64_t;

  static const Field& asked_field(const Binding& binding, const Term& term) {
    return binding.first.arguments.begin()[term.field];
  }
  static bool asks_for_presence(const Binding& binding, const Term& term) {
    return asked_field(binding, term).second.type() == FieldType::void_value;
  }
  static TermHash hash_of(const Binding& binding, const Term& term) {
    const auto& [name, value] = asked_field(binding, term);
    const std::uint64_t hash = header_hash(name, term.occurrence);
    return asks_for_presence(binding, term) ? hash : mix_bits(hash + term_hash(value));
  }

  void list(Binding& binding);
  void unlist(Binding& binding);
  void list_under(const Term& term, Binding& binding);
  void unlist_under(const Term& term, Binding& binding);

  void match(const FieldTable* headers, std::vector<Destination>& out);
  void sort_headers(const FieldTable& headers);
  void match_header(const Field& header, std::uint32_t occurrence, const FieldTable& headers,
                    std::vector<Destination>& out);
  void match_listed(TermHash hash, const FieldTable& headers, std::vector<Destination>& out);
  bool is_met(const Binding& binding, const FieldTable& headers) const;
  const Field* find_header(const FieldTable& headers, const Field& asked,
                           std::uint32_t occurrence) const;

  std::unordered_map<BindingKey, Rule, BindingHash> all;
  std::vector<Binding*> unconditional;
  /// Different terms of one hash share a list.
  boost::unordered_flat_map<TermHash, std::vector<Binding*>> lists;
  std::size_t presence_count = 0;  ///< Terms that ask only that a header is there.

  // Scratch of match().
  std::uint64_t match_number = 0;
  std::vector<const Field*> sorted_headers;  ///< Empty when searched linearly.
};

// ---- changes ------------------------------------------------------------------------------------

void HeadersIndex::Bindings::list(Binding& binding) {
  Rule& rule = binding.second;
  if (rule.any) {
    for (const Term& term : rule.terms) list_under(term, binding);
    return;
  }
  if (rule.terms.empty()) return unconditional.push_back(&binding);
  const auto length_of = [&](const Term& term) {
    const auto found = lists.find(hash_of(binding, term));
    return found == lists.end() ? 0 : found->second.size();
  };
  const auto shortest = std::ranges::min_element(rule.terms, {}, length_of);
  rule.listed_term = static_cast<std::uint32_t>(shortest - rule.terms.begin());
  list_under(*shortest, binding);
}

void HeadersIndex::Bindings::list_under(const Term& term, Binding& binding) {
  lists[hash_of(binding, term)].push_back(&binding);
  if (asks_for_presence(binding, term)) ++presence_count;
}

void HeadersIndex::Bindings::unlist(Binding& binding) {
  const Rule& rule = binding.second;
  if (rule.any) {
    for (const Term& term : rule.terms) unlist_under(term, binding);
  } else if (rule.terms.empty()) {
    std::erase(unconditional, &binding);
  } else {
    unlist_under(rule.terms[rule.listed_term], binding);
  }
}

void HeadersIndex::Bindings::unlist_under(const Term& term, Binding& binding) {
  const auto found = lists.find(hash_of(binding, term));
  // Two terms of one binding may have the same hash: one entry for each.
  found->second.erase(std::ranges::find(found->second, &binding));
  if (found->second.empty()) lists.erase(found);
  if (asks_for_presence(binding, term)) --presence_count;
}

// ---- matching -----------------------------------------------------------------------------------

void HeadersIndex::Bindings::match(const FieldTable* headers, std::vector<Destination>& out) {
  ++match_number;
  for (const Binding* binding : unconditional) out.push_back(binding->first.destination);
  if (headers == nullptr) return;
  sort_headers(*headers);
  if (sorted_headers.empty()) {
    for (auto header = headers->begin(); header != headers->end(); ++header) {
      const auto occurrence = std::count_if(headers->begin(), header, [&](const Field& earlier) {
        return earlier.first == header->first;
      });
      match_header(*header, static_cast<std::uint32_t>(occurrence), *headers, out);
    }
    return;
  }
  std::uint32_t occurrence = 0;
  const std::string* name = nullptr;
  for (const Field* header : sorted_headers) {
    occurrence = name != nullptr && *name == header->first ? occurrence + 1 : 0;
    name = &header->first;
    match_header(*header, occurrence, *headers, out);
  }
}

void HeadersIndex::Bindings::match_header(const Field& header, std::uint32_t occurrence,
                                          const FieldTable& headers,
                                          std::vector<Destination>& out) {
  const std::uint64_t hash = header_hash(header.first, occurrence);
  match_listed(mix_bits(hash + term_hash(header.second)), headers, out);
  if (presence_count > 0) match_listed(hash, headers, out);
}

void HeadersIndex::Bindings::match_listed(TermHash hash, const FieldTable& headers,
                                          std::vector<Destination>& out) {
  const auto found = lists.find(hash);
  if (found == lists.end()) return;
  for (Binding* binding : found->second) {
    if (binding->second.matched_at == match_number || !is_met(*binding, headers)) continue;
    binding->second.matched_at = match_number;
    out.push_back(binding->first.destination);
  }
}

void HeadersIndex::Bindings::sort_headers(const FieldTable& headers) {
  sorted_headers.clear();
  if (headers.size() <= linear_search_max) return;
  for (const Field& header : headers) sorted_headers.push_back(&header);
  // Not a stable sort, which would allocate: headers of one name keep their order by address.
  std::ranges::sort(sorted_headers, [](const Field* left, const Field* right) {
    const int order = left->first.compare(right->first);
    return order != 0 ? order < 0 : std::less<>{}(left, right);
  });
}

/// The message's header of that name; when there are several, the one at the place of the asked
/// one among the arguments of its name. RabbitMQ pairs them like that.
const FieldTable::Field* HeadersIndex::Bindings::find_header(const FieldTable& headers,
                                                             const Field& asked,
                                                             std::uint32_t occurrence) const {
  const std::string& name = asked.first;
  if (!sorted_headers.empty()) {
    const auto first = std::ranges::lower_bound(sorted_headers, name, {},
                                                [](const Field* header) -> const std::string& {
                                                  return header->first;
                                                });
    if (sorted_headers.end() - first <= static_cast<std::ptrdiff_t>(occurrence)) return nullptr;
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

bool HeadersIndex::Bindings::is_met(const Binding& binding, const FieldTable& headers) const {
  const bool any = binding.second.any;
  for (const Term& term : binding.second.terms) {
    const Field& asked = asked_field(binding, term);
    const Field* header = find_header(headers, asked, term.occurrence);
    const bool met = header != nullptr &&
                     (asked.second.type() == FieldType::void_value ||
                      equal_terms(asked.second, header->second, NumberRule::numeric));
    if (met == any) return met;
  }
  return !any;
}

// ---- the index ----------------------------------------------------------------------------------

HeadersIndex::HeadersIndex() = default;
HeadersIndex::~HeadersIndex() = default;
HeadersIndex::HeadersIndex(HeadersIndex&&) noexcept = default;
HeadersIndex& HeadersIndex::operator=(HeadersIndex&&) noexcept = default;

bool HeadersIndex::add(const BindingKey& key) {
  if (bindings_ == nullptr) bindings_ = std::make_unique<Bindings>();
  const auto [binding, is_new] = bindings_->all.try_emplace(key);
  if (!is_new) return false;
  binding->second = make_rule(binding->first.arguments);
  bindings_->list(*binding);
  return true;
}

bool HeadersIndex::remove(const BindingKey& key) {
  if (bindings_ == nullptr) return false;
  const auto found = bindings_->all.find(key);
  if (found == bindings_->all.end()) return false;
  bindings_->unlist(*found);
  bindings_->all.erase(found);
  if (bindings_->all.empty()) bindings_.reset();
  return true;
}

void HeadersIndex::match(const FieldTable* headers, std::vector<Destination>& out) const {
  if (bindings_ != nullptr) bindings_->match(headers, out);
}

std::size_t HeadersIndex::binding_count() const {
  return bindings_ == nullptr ? 0 : bindings_->all.size();
}

}  // namespace leveret::broker
