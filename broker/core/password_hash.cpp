#include "broker/core/password_hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

#include "protocol/base/assert.hpp"

namespace leveret::broker {

namespace {

constexpr std::size_t salt_size = 4;

const EVP_MD* digest_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::sha256: return EVP_sha256();
    case HashAlgorithm::sha512: return EVP_sha512();
    case HashAlgorithm::md5: return EVP_md5();
  }
  return nullptr;
}

std::string salted_digest(std::string_view salt, std::string_view password,
                          HashAlgorithm algorithm) {
  std::string text(salt);
  text += password;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const int ok = EVP_Digest(text.data(), text.size(), digest.data(), &size, digest_of(algorithm),
                            nullptr);
  OPENSSL_cleanse(text.data(), text.size());
  LEVERET_ASSERT(ok == 1, "the crypto library can hash");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Strict: padded, no other characters, no bits set in the padding.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : (text.ends_with('=') ? 1 : 0);
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t letter_count = at + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < letter_count; ++i) {
      const std::size_t value = base64_alphabet.find(text[at + i]);
      if (value == std::string_view::npos) return std::nullopt;
      bits |= static_cast<std::uint32_t>(value) << (18 - 6 * i);
    }
    const std::size_t byte_count = letter_count - 1;
    for (std::size_t i = 0; i < byte_count; ++i) {
      bytes += static_cast<char>((bits >> (16 - 8 * i)) & 0xFF);
    }
    const std::uint32_t unused_bits = (1u << (24 - 8 * byte_count)) - 1;
    if ((bits & unused_bits) != 0) return std::nullopt;
  }
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = (bits << 8) |
             (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j > bytes.size() ? '=' : base64_alphabet[(bits >> (18 - 6 * j)) & 63];
    }
  }
  return text;
}

}  // namespace

std::optional<HashAlgorithm> parse_hash_algorithm(std::string_view name) {
  constexpr std::string_view module_prefix = "rabbit_password_hashing_";
  if (name.starts_with(module_prefix)) name.remove_prefix(module_prefix.size());
  if (name == "sha256" || name == "SHA256") return HashAlgorithm::sha256;
  if (name == "sha512" || name == "SHA512") return HashAlgorithm::sha512;
  if (name == "md5" || name == "MD5") return HashAlgorithm::md5;
  return std::nullopt;
}

PasswordHash PasswordHash::of(std::string_view password, HashAlgorithm algorithm) {
  std::array<unsigned char, salt_size> salt;
  const int ok = RAND_bytes(salt.data(), static_cast<int>(salt.size()));
  LEVERET_ASSERT(ok == 1, "the system gives randomness");
  PasswordHash hash;
  hash.algorithm_ = algorithm;
  hash.salt_and_digest_.assign(reinterpret_cast<const char*>(salt.data()), salt.size());
  hash.salt_and_digest_ += salted_digest(hash.salt_and_digest_, password, algorithm);
  return hash;
}

Result<PasswordHash, std::string> PasswordHash::parse(std::string_view base64,
                                                      HashAlgorithm algorithm) {
  PasswordHash hash;
  hash.algorithm_ = algorithm;
  if (base64.empty()) return hash;
  auto bytes = decode_base64(base64);
  if (!bytes) return tl::unexpected(std::string("the password hash is not base64"));
  const auto digest_size = static_cast<std::size_t>(EVP_MD_get_size(digest_of(algorithm)));
  if (bytes->size() != salt_size + digest_size) {
    return tl::unexpected("the password hash has " + std::to_string(bytes->size()) +
                          " bytes, but a salt and a hash of that algorithm have " +
                          std::to_string(salt_size + digest_size));
  }
  hash.salt_and_digest_ = std::move(*bytes);
  return hash;
}

bool PasswordHash::matches(std::string_view password) const {
  if (salt_and_digest_.empty() || password.empty()) return false;
  const std::string_view stored(salt_and_digest_);
  const std::string given = salted_digest(stored.substr(0, salt_size), password, algorithm_);
  return given.size() == stored.size() - salt_size &&
         CRYPTO_memcmp(given.data(), stored.data() + salt_size, given.size()) == 0;
}

std::string PasswordHash::base64() const { return encode_base64(salt_and_digest_); }

}  // namespace leveret::broker
