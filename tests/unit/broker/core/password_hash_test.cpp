/// Passwords in RabbitMQ's form. The known answers were made with Python's hashlib and base64:
/// b64encode(salt + hash(salt + password)).
#include "broker/core/password_hash.hpp"

#include <gtest/gtest.h>

#include <string>

namespace leveret::broker {
namespace {

struct KnownAnswer {
  HashAlgorithm algorithm;
  std::string password;
  std::string base64;
};

const KnownAnswer known_answers[] = {
    {HashAlgorithm::sha256, "guest",
     "kI3GCrswBLNZQzHJJ95QLoyfAVooYhnvf7jbqiW9BjOYUloe"},
    {HashAlgorithm::sha512, "p\xC3\xA4" "ss w\xC3\xB6" "rd",
     "AAAAAOkyyEqZXSHHo4764f96ID/G8eP+X+FWVetBtYATPtVhpuHYVwIZpltCxht+OS0HPxuAfoEv"
     "XcEQ8vdsCeFk0yg="},
    {HashAlgorithm::md5, "x",
     "//79/CSJVDTpWDyCOC/8Brk0yws="},
};

PasswordHash parsed(const std::string& base64, HashAlgorithm algorithm) {
  auto hash = PasswordHash::parse(base64, algorithm);
  EXPECT_TRUE(hash.has_value()) << hash.error();
  return hash.value_or(PasswordHash{});
}

TEST(PasswordHash, MatchesThePasswordsOfKnownHashes) {
  for (const KnownAnswer& known : known_answers) {
    const PasswordHash hash = parsed(known.base64, known.algorithm);
    EXPECT_TRUE(hash.matches(known.password)) << known.base64;
    EXPECT_FALSE(hash.matches(known.password + " ")) << known.base64;
    EXPECT_FALSE(hash.matches(known.password.substr(1))) << known.base64;
    EXPECT_EQ(hash.base64(), known.base64);
    EXPECT_EQ(hash.algorithm(), known.algorithm);
  }
}

TEST(PasswordHash, MakesHashesThatMatchTheirPasswordAlone) {
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512, HashAlgorithm::md5}) {
    const PasswordHash hash = PasswordHash::of("secret", algorithm);
    EXPECT_TRUE(hash.matches("secret"));
    EXPECT_FALSE(hash.matches("Secret"));
    EXPECT_FALSE(hash.matches(""));
    EXPECT_EQ(parsed(hash.base64(), algorithm), hash);
  }
}

TEST(PasswordHash, SaltsEveryHashAnew) {
  EXPECT_NE(PasswordHash::of("secret", HashAlgorithm::sha256).base64(),
            PasswordHash::of("secret", HashAlgorithm::sha256).base64());
}

// Goal: a hash is only good for the algorithm it was made with.
TEST(PasswordHash, TellsAlgorithmsApart) {
  const PasswordHash hash = PasswordHash::of("secret", HashAlgorithm::sha256);
  const auto other = PasswordHash::parse(hash.base64(), HashAlgorithm::sha512);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error(),
            "the password hash has 36 bytes, but a salt and a hash of that algorithm have 68");
}

TEST(PasswordHash, NeverMatchesWhenThereIsNoHashOrNoPassword) {
  EXPECT_FALSE(PasswordHash{}.matches(""));
  EXPECT_FALSE(PasswordHash{}.matches("secret"));
  EXPECT_FALSE(parsed("", HashAlgorithm::sha256).matches(""));
  // Even a hash that was made of the empty password.
  EXPECT_FALSE(PasswordHash::of("", HashAlgorithm::sha256).matches(""));
}

TEST(PasswordHash, RefusesTextThatIsNotBase64) {
  const std::string good = PasswordHash::of("secret", HashAlgorithm::sha256).base64();
  ASSERT_EQ(good.size(), 48u);
  for (const std::string& bad :
       {good.substr(1), good + "=", good + "====", "=" + good.substr(1),
        good.substr(0, 20) + "=" + good.substr(21), good.substr(0, 47) + "-",
        good.substr(0, 47) + "\n", " " + good.substr(1), std::string("===="), std::string("A==="),
        std::string("AA=A"), std::string("A")}) {
    EXPECT_FALSE(PasswordHash::parse(bad, HashAlgorithm::sha256).has_value()) << bad;
  }
}

// Goal: one hash has one text. 32 digest bytes and 4 of salt need no padding, an MD5 hash has 20
// bytes and ends in padding whose unused bits must be zero.
TEST(PasswordHash, RefusesBitsInThePadding) {
  const std::string good = PasswordHash::of("secret", HashAlgorithm::md5).base64();
  ASSERT_EQ(good.size(), 28u);
  ASSERT_EQ(good.back(), '=');
  std::string bad = good;
  bad[26] = static_cast<char>(bad[26] + 1);
  EXPECT_TRUE(PasswordHash::parse(good, HashAlgorithm::md5).has_value());
  EXPECT_FALSE(PasswordHash::parse(bad, HashAlgorithm::md5).has_value()) << bad;
}

TEST(PasswordHash, KnowsBothSpellingsOfAlgorithms) {
  EXPECT_EQ(parse_hash_algorithm("sha256"), HashAlgorithm::sha256);
  EXPECT_EQ(parse_hash_algorithm("SHA512"), HashAlgorithm::sha512);
  EXPECT_EQ(parse_hash_algorithm("rabbit_password_hashing_sha256"), HashAlgorithm::sha256);
  EXPECT_EQ(parse_hash_algorithm("rabbit_password_hashing_sha512"), HashAlgorithm::sha512);
  EXPECT_EQ(parse_hash_algorithm("rabbit_password_hashing_md5"), HashAlgorithm::md5);
  for (const char* unknown : {"", "sha1", "Sha256", "rabbit_password_hashing_", "bcrypt"}) {
    EXPECT_EQ(parse_hash_algorithm(unknown), std::nullopt) << unknown;
  }
}

}  // namespace
}  // namespace leveret::broker
