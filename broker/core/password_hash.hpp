/// Passwords as RabbitMQ keeps them: base64 of a 4-byte salt and H(salt, password).
///
/// Thread: immutable value, any.
/// Spec:   RabbitMQ's rabbit_password; definitions files carry the same text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"

namespace leveret::broker {

enum class HashAlgorithm : std::uint8_t { sha256, sha512, md5 };

/// Reads "sha256", "SHA256", "rabbit_password_hashing_sha256" and so on; nothing if unknown.
std::optional<HashAlgorithm> parse_hash_algorithm(std::string_view name);

class PasswordHash {
 public:
  /// A hash that no password matches.
  PasswordHash() = default;

  /// Hashes a password with a new random salt.
  static PasswordHash of(std::string_view password, HashAlgorithm algorithm);

  /// Takes a hash as RabbitMQ writes it. Empty text: a user who cannot log in with a password.
  /// Error: a sentence, for text that is no such hash.
  static Result<PasswordHash, std::string> parse(std::string_view base64, HashAlgorithm algorithm);

  /// Takes the same time whatever the password. An empty password never matches.
  bool matches(std::string_view password) const;

  HashAlgorithm algorithm() const { return algorithm_; }
  std::string base64() const;

  bool operator==(const PasswordHash&) const = default;

 private:
  HashAlgorithm algorithm_ = HashAlgorithm::sha256;
  std::string salt_and_digest_;
};

}  // namespace leveret::broker
