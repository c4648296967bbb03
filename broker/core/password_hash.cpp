#include "broker/core/password_hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

#include "protocol/base/assert.hpp"
#include "protocol/base64.hpp"

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
  auto bytes = protocol::decode_base64(base64);
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

std::string PasswordHash::base64() const { return protocol::encode_base64(salt_and_digest_); }

}  // namespace leveret::broker
