#include "broker/cli/load_binding.hpp"

namespace leveret::cli {

using protocol::FieldValue;

namespace {

std::string topic_pattern(const std::string& key, const std::string& area, const std::string& kind,
                          const std::string& device, std::uint32_t number) {
  // Seven shares no factor with the numbers of areas and kinds, so all of those have all shapes.
  constexpr std::uint32_t shape_count = 7;
  switch (number % shape_count) {
    case 3: return key + "." + area + ".*." + device + ".event";
    case 4: return key + ".*." + kind + "." + device + ".*";
    case 5: return key + "." + area + "." + kind + "." + device + ".#";
    case 6: return key + "." + area + ".#." + device + ".event";
    default: return key + "." + area + "." + kind + "." + device + ".event";
  }
}

}  // namespace

LoadBinding LoadBinding::numbered(std::string_view exchange_type, const std::string& key,
                                  std::uint32_t number) {
  const std::string area = "area" + std::to_string(number % 10);
  const std::string kind = "kind" + std::to_string(number % 100);
  LoadBinding binding;
  if (exchange_type == "topic") {
    const std::string device = "device" + std::to_string(number);
    binding.pattern = topic_pattern(key, area, kind, device, number);
    binding.routing_key = key + "." + area + "." + kind + "." + device + ".event";
    return binding;
  }
  if (exchange_type != "headers") {
    binding.pattern = binding.routing_key = key + "." + std::to_string(number);
    return binding;
  }
  const FieldValue tenant = FieldValue::long_string("tenant" + std::to_string(number));
  const bool any = number % 4 == 3;
  binding.pattern = binding.routing_key = key;
  binding.arguments.set("x-match", FieldValue::long_string(any ? "any" : "all"));
  binding.arguments.set("tenant", tenant);
  if (any) {
    binding.arguments.set("former-tenant", tenant);
  } else {
    binding.arguments.set("kind", FieldValue::long_string(kind));
  }
  binding.headers.set("area", FieldValue::long_string(area));
  binding.headers.set("kind", FieldValue::long_string(kind));
  binding.headers.set("tenant", tenant);
  binding.headers.set("version", FieldValue::int32(2));
  return binding;
}

}  // namespace leveret::cli
