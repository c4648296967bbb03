#include "broker/core/resource_limits.hpp"

#include <array>
#include <boost/json/value.hpp>

#include "broker/core/parameter_checks.hpp"

namespace leveret::broker {

namespace {

namespace json = boost::json;

using Limit = std::optional<std::uint64_t>;
/// Problems, if there are any.
using Read = Result<std::array<Limit, 2>, ParameterProblems>;

Limit limit_in(const json::value& limits, std::string_view name) {
  const json::object* object = limits.if_object();
  const json::value* given = object == nullptr ? nullptr : object->if_contains(name);
  if (given == nullptr) return std::nullopt;
  if (given->is_uint64()) return given->get_uint64();
  if (given->get_int64() < 0) return std::nullopt;
  return static_cast<std::uint64_t>(given->get_int64());
}

Read read(std::string_view text, std::string_view what,
          const std::array<std::string_view, 2>& names) {
  const auto value = parse_parameter_json(text);
  if (!value) return tl::unexpected(ParameterProblems{value.error()});
  const std::array fields{ParameterField{names[0], check_integer},
                          ParameterField{names[1], check_integer}};
  auto problems = check_object(what, *value, fields);
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return std::array{limit_in(*value, names[0]), limit_in(*value, names[1])};
}

}  // namespace

Result<VhostLimits, std::string> parse_vhost_limits(std::string_view text) {
  const auto limits = read(text, "limits", {"max-connections", "max-queues"});
  if (!limits) return tl::unexpected(problems_text(limits.error()));
  return VhostLimits{(*limits)[0], (*limits)[1]};
}

Result<UserLimits, std::string> parse_user_limits(std::string_view text) {
  const auto limits = read(text, "user-limits", {"max-connections", "max-channels"});
  if (!limits) return tl::unexpected(limits.error().front());
  return UserLimits{(*limits)[0], (*limits)[1]};
}

}  // namespace leveret::broker
