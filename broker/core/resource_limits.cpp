#include "broker/core/resource_limits.hpp"

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace leveret::broker {

namespace {

namespace json = boost::json;

struct NamedLimit {
  std::string_view name;
  std::optional<std::uint64_t>& limit;
};

Result<void, std::string> read(std::string_view text, std::array<NamedLimit, 2> limits,
                               const std::string& what) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error) return tl::unexpected("not JSON: " + error.message());
  if (!value.is_object()) return tl::unexpected(what + " should be an object");
  for (const auto& [name, given] : value.get_object()) {
    NamedLimit* known = nullptr;
    for (NamedLimit& one : limits) {
      if (one.name == std::string_view(name)) known = &one;
    }
    if (known == nullptr) {
      return tl::unexpected("Unrecognised terms [" + std::string(name) + "] in " + what);
    }
    if (given.is_int64()) {
      if (given.get_int64() >= 0) known->limit = static_cast<std::uint64_t>(given.get_int64());
    } else if (given.is_uint64()) {
      known->limit = given.get_uint64();
    } else {
      return tl::unexpected(std::string(name) + " should be a number, actually was " +
                            json::serialize(given));
    }
  }
  return {};
}

}  // namespace

Result<VhostLimits, std::string> parse_vhost_limits(std::string_view text) {
  VhostLimits limits;
  auto done = read(text,
                   {NamedLimit{"max-connections", limits.connections_max},
                    NamedLimit{"max-queues", limits.queues_max}},
                   "limits");
  if (!done) return tl::unexpected(std::move(done.error()));
  return limits;
}

Result<UserLimits, std::string> parse_user_limits(std::string_view text) {
  UserLimits limits;
  auto done = read(text,
                   {NamedLimit{"max-connections", limits.connections_max},
                    NamedLimit{"max-channels", limits.channels_max}},
                   "user-limits");
  if (!done) return tl::unexpected(std::move(done.error()));
  return limits;
}

}  // namespace leveret::broker
