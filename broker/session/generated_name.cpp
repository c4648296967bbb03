#include "broker/session/generated_name.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstdint>

#include "protocol/base/assert.hpp"

namespace leveret::broker {

std::string generated_name(std::string_view prefix) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<std::uint8_t, 22> random;
  const int ok = RAND_bytes(random.data(), static_cast<int>(random.size()));
  LEVERET_ASSERT(ok == 1, "the system gives randomness");
  std::string name(prefix);
  for (const std::uint8_t byte : random) name += alphabet[byte & 63];
  return name;
}

}  // namespace leveret::broker
