/// Keys and values of the log, there and back.
#include "broker/core/durable_definitions.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;
using namespace std::string_literals;

/// Names that try to look like something else: empty, parts of keys, not text, not printable.
const std::vector<std::string> hostile_names{
    "",           "q",          "\0"s,           "\0\0\0\1q"s,  "a\0\0\0\1b"s,
    "/",          "'\"\\",      "line\nbreak",   "\xff\xfe",    "ünïcödé \xe2\x82\xac",
    "\x06\x00\x00\x00\x01/"s,   std::string(255, 'x'),          std::string(70'000, '\x01')};

FieldTable some_arguments() {
  FieldTable inner;
  inner.set("", FieldValue::boolean(true));
  FieldTable table;
  table.set("x-message-ttl", FieldValue::int32(60'000));
  table.set("alternate-exchange", FieldValue::long_string("\0other"s));
  table.set("nested", FieldValue::table(inner));
  table.set("list", FieldValue::array({FieldValue::void_value(), FieldValue::float64(1.5)}));
  table.set("no number", FieldValue::float64(std::numeric_limits<double>::quiet_NaN()));
  table.set("no end", FieldValue::float32(-std::numeric_limits<float>::infinity()));
  return table;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", static_cast<unsigned char>(byte));
    out += text;
  }
  return out;
}

template <class Definition>
Definition there_and_back(const Definition& definition) {
  const EncodedDefinition encoded = encode_definition(definition);
  auto decoded = decode_definition(encoded.key, encoded.value);
  EXPECT_TRUE(decoded.has_value()) << decoded.error();
  if (!decoded || !std::holds_alternative<Definition>(*decoded)) return {};
  return std::get<Definition>(*decoded);
}

std::string decoding_error(std::string_view key, std::string_view value) {
  const auto decoded = decode_definition(key, value);
  return decoded ? "none" : decoded.error();
}

// ---- round trips ---------------------------------------------------------------------------

TEST(DurableDefinitions, KeepVhostsAndUsers) {
  for (const std::string& name : hostile_names) {
    EXPECT_EQ(there_and_back(VhostDefinition{name}).name, name);
    for (const auto algorithm :
         {HashAlgorithm::sha256, HashAlgorithm::sha512, HashAlgorithm::md5}) {
      const User user{name, PasswordHash::of("secret", algorithm), {"administrator", "", name}};
      const User back = there_and_back(user);
      EXPECT_EQ(back.name, name);
      EXPECT_EQ(back.password_hash, user.password_hash);
      EXPECT_TRUE(back.password_hash.matches("secret"));
      EXPECT_EQ(back.tags, user.tags);
    }
  }
  const User without_password = there_and_back(User{"u", {}, {}});
  EXPECT_FALSE(without_password.password_hash.matches(""));
  EXPECT_TRUE(without_password.tags.empty());
}

TEST(DurableDefinitions, KeepPermissions) {
  for (const std::string& name : hostile_names) {
    const auto granted = there_and_back(PermissionDefinition{name, "v", name, "^w", ""});
    EXPECT_EQ(granted.user, name);
    EXPECT_EQ(granted.vhost, "v");
    EXPECT_EQ(granted.configure, name);
    EXPECT_EQ(granted.write, "^w");
    EXPECT_EQ(granted.read, "");
    const auto topic =
        there_and_back(TopicPermissionDefinition{"u", name, name, {"{username}.*", name}});
    EXPECT_EQ(topic.user, "u");
    EXPECT_EQ(topic.vhost, name);
    EXPECT_EQ(topic.exchange, name);
    EXPECT_EQ(topic.permissions.write, "{username}.*");
    EXPECT_EQ(topic.permissions.read, name);
  }
}

TEST(DurableDefinitions, KeepExchanges) {
  for (const std::string& name : hostile_names) {
    for (std::uint8_t number = 0; number < exchange_type_count; ++number) {
      const auto type = static_cast<ExchangeType>(number);
      for (const bool auto_delete : {false, true}) {
        for (const bool internal : {false, true}) {
          ExchangeDefinition exchange{
              name, name + "e", type, true, auto_delete, internal, {}, some_arguments()};
          exchange.durable_number = number * std::uint64_t{1'000'000'007};
          const ExchangeDefinition back = there_and_back(exchange);
          EXPECT_EQ(back.durable_number, exchange.durable_number);
          EXPECT_EQ(back.vhost, name);
          EXPECT_EQ(back.name, name + "e");
          EXPECT_EQ(back.type, type);
          EXPECT_TRUE(back.durable);
          EXPECT_EQ(back.auto_delete, auto_delete);
          EXPECT_EQ(back.internal, internal);
          EXPECT_EQ(back.arguments, some_arguments());
        }
      }
    }
  }
}

TEST(DurableDefinitions, KeepQueues) {
  for (const std::string& name : hostile_names) {
    for (const std::uint64_t number : {std::uint64_t{1}, std::uint64_t{UINT64_MAX}}) {
      QueueDefinition queue;
      queue.vhost = name;
      queue.name = "q" + name;
      queue.durable = true;
      queue.durable_number = number;
      queue.auto_delete = number == 1;
      queue.paused = number != 1;
      queue.arguments = some_arguments();
      const QueueDefinition back = there_and_back(queue);
      EXPECT_EQ(back.vhost, name);
      EXPECT_EQ(back.name, "q" + name);
      EXPECT_TRUE(back.durable);
      EXPECT_EQ(back.durable_number, number);
      EXPECT_EQ(back.auto_delete, number == 1);
      EXPECT_EQ(back.paused, number != 1);
      EXPECT_FALSE(back.exclusive());
      EXPECT_EQ(back.arguments, some_arguments());
    }
  }
}

TEST(DurableDefinitions, KeepBindings) {
  for (const std::string& name : hostile_names) {
    for (const bool to_queue : {false, true}) {
      const BindingDefinition back = there_and_back(
          BindingDefinition{name, "s" + name, to_queue, name, name + "k", some_arguments()});
      EXPECT_EQ(back.vhost, name);
      EXPECT_EQ(back.source, "s" + name);
      EXPECT_EQ(back.to_queue, to_queue);
      EXPECT_EQ(back.destination, name);
      EXPECT_EQ(back.routing_key, name + "k");
      EXPECT_EQ(back.arguments, some_arguments());
    }
  }
}

TEST(DurableDefinitions, KeepParameters) {
  for (const std::string& name : hostile_names) {
    for (const auto& vhost : {std::optional<std::string>{}, std::optional(name)}) {
      const ParameterDefinition parameter{{vhost, "policy", name}, R"({"pattern":"^a"})" + name};
      const ParameterDefinition back = there_and_back(parameter);
      EXPECT_EQ(back.key, parameter.key);
      EXPECT_EQ(back.json, parameter.json);
    }
  }
  EXPECT_EQ(there_and_back(QueueNumbersDefinition{UINT64_MAX}).highest_removed, UINT64_MAX);
}

// ---- bytes ---------------------------------------------------------------------------------

// Goal: what was written once is read for ever, so these bytes may not change.
TEST(DurableDefinitions, HaveTheirBytes) {
  const auto bytes = [](const DurableDefinition& definition) {
    const EncodedDefinition encoded = encode_definition(definition);
    return hex(encoded.key) + " " + hex(encoded.value);
  };
  FieldTable arguments;
  arguments.set("a", FieldValue::boolean(true));
  EXPECT_EQ(bytes(VhostDefinition{"/"}), "01000000012f 01");
  const auto hash = PasswordHash::parse("", HashAlgorithm::md5);
  EXPECT_EQ(bytes(User{"u", *hash, {"t"}}), "020000000175 010200000000000000010000000174");
  EXPECT_EQ(bytes(PermissionDefinition{"u", "/", "c", "w", "r"}),
            "030000000175000000012f 01000000016300000001770000000172");
  EXPECT_EQ(bytes(TopicPermissionDefinition{"u", "/", "e", {"w", "r"}}),
            "040000000175000000012f0000000165 0100000001770000000172");
  EXPECT_EQ(bytes(ExchangeDefinition{"/", "e", ExchangeType::headers, true, true, true, {},
                                     arguments}),
            "05000000012f0000000165 0103030000000401617401");
  ExchangeDefinition with_number{"/", "e", ExchangeType::headers, true, true, true, {}, arguments};
  with_number.durable_number = 258;
  EXPECT_EQ(bytes(with_number),
            "05000000012f0000000165 01030700000000000001020000000401617401");
  constexpr std::string_view digits = "0123456789ab";
  for (std::uint8_t number = 0; number < exchange_type_count; ++number) {
    const auto type = static_cast<ExchangeType>(number);
    EXPECT_EQ(bytes(ExchangeDefinition{"/", "e", type, true, false, false, {}, {}}),
              "05000000012f0000000165 010" + std::string(1, digits[number]) + "0000000000");
  }
  QueueDefinition queue;
  queue.vhost = "/";
  queue.name = "q";
  queue.durable_number = 258;
  queue.auto_delete = true;
  queue.arguments = arguments;
  EXPECT_EQ(bytes(queue), "06000000012f0000000171 010100000000000001020000000401617401");
  EXPECT_EQ(bytes(BindingDefinition{"/", "e", true, "q", "k", arguments}),
            "07000000012f00000001650000000001710000" "00016b0000000401617401 01");
  EXPECT_EQ(bytes(ParameterDefinition{{"/", "c", "n"}, "{}"}),
            "0801000000012f0000000163000000016e 01000000027b7d");
  EXPECT_EQ(bytes(ParameterDefinition{{std::nullopt, "c", "n"}, "{}"}),
            "08000000000163000000016e 01000000027b7d");
  EXPECT_EQ(bytes(QueueNumbersDefinition{7}), "09 010000000000000007");
}

// Goal: all that belongs to a thing is found by a prefix, and nothing else.
TEST(DurableDefinitions, HavePrefixesThatAreNotAmbiguous) {
  std::vector<std::pair<std::string, std::string>> ends;
  for (const std::string& vhost : hostile_names) {
    for (const std::string& source : hostile_names) ends.emplace_back(vhost, source);
  }
  for (const auto& [vhost, source] : ends) {
    const std::string prefix = bindings_prefix(vhost, source);
    const std::string of_vhost = vhost_prefix(DefinitionKind::binding, vhost);
    for (const auto& [other_vhost, other_source] : ends) {
      const std::string key =
          binding_key({other_vhost, other_source, true, "q", "k", some_arguments()});
      EXPECT_EQ(key.starts_with(prefix), other_vhost == vhost && other_source == source);
      EXPECT_EQ(key.starts_with(of_vhost), other_vhost == vhost);
      const std::string queue = queue_key(other_vhost, other_source);
      EXPECT_FALSE(queue.starts_with(prefix));
      EXPECT_EQ(queue.starts_with(vhost_prefix(DefinitionKind::queue, vhost)),
                other_vhost == vhost);
      const std::string parameter = parameter_key({other_vhost, other_source, "n"});
      EXPECT_EQ(parameter.starts_with(vhost_prefix(DefinitionKind::parameter, vhost)),
                other_vhost == vhost);
      const std::string topic = topic_permissions_key(other_vhost, other_source, "e");
      EXPECT_EQ(topic.starts_with(topic_permissions_prefix(vhost, source)),
                other_vhost == vhost && other_source == source);
    }
    EXPECT_FALSE(parameter_key({std::nullopt, vhost, source})
                     .starts_with(vhost_prefix(DefinitionKind::parameter, vhost)));
  }
}

// ---- what is not a definition --------------------------------------------------------------

TEST(DurableDefinitions, SayWhatIsWrongWithThem) {
  const EncodedDefinition queue = encode_definition([] {
    QueueDefinition definition;
    definition.vhost = "/";
    definition.name = "q\n";
    definition.durable_number = 1;
    return definition;
  }());
  const std::string name = "the definition of queue 'q\\x0a' in vhost '/': ";
  EXPECT_EQ(decoding_error("", ""), "the definition with the key : it is empty");
  EXPECT_EQ(decoding_error("\x0a", ""),
            "the definition with the key 0a: it is of kind 10, which this version does not know");
  EXPECT_EQ(decoding_error(queue.key.substr(0, 9), queue.value),
            "the definition with the key 06000000012f000000: it ends too early");
  EXPECT_EQ(decoding_error(queue.key + "x", queue.value),
            "the definition with the key 06000000012f00000002710a78: it has 1 bytes too many");
  EXPECT_EQ(decoding_error(vhost_key(std::string(100, 'v')).substr(0, 100), "\1"),
            "the definition with the key 0100000064" + hex(std::string(59, 'v')) +
                "... (100 bytes): it ends too early");
  EXPECT_EQ(decoding_error(queue.key, ""), name + "its value is empty");
  EXPECT_EQ(decoding_error(queue.key, "\2" + queue.value.substr(1)),
            name + "its value has version 2, which this version does not know");
  EXPECT_EQ(decoding_error(queue.key, queue.value + "xy"), name + "its value has 2 bytes too many");
  EXPECT_EQ(decoding_error(queue.key, queue.value.substr(0, 5)), name + "its value ends too early");
  EXPECT_EQ(decoding_error(queue.key, "\1\4" + queue.value.substr(2)),
            name + "it has flags 4, some of which this version does not know");
  EXPECT_EQ(decoding_error(queue.key, "\1"s + std::string(13, '\0')),
            name + "it has the number 0");
  EXPECT_EQ(decoding_error(queue.key, queue.value.substr(0, 10) + "\0\0\0\3\1aZ"s),
            name + "it has arguments that cannot be read: malformed field table: unknown type 90");
  EXPECT_EQ(decoding_error(exchange_key("/", "e"), "\1\x0c\0\0\0\0\0"s),
            "the definition of exchange 'e' in vhost '/': it has the type 12, which this version "
            "does not know");
  EXPECT_EQ(decoding_error(user_key("u"), "\1\0\0\0\0\4abcd\0\0\0\0"s),
            "the definition of user 'u': it cannot be read: the password hash has 3 bytes, but a "
            "salt and a hash of that algorithm have 36");
  EXPECT_EQ(decoding_error(user_key("u"), "\1\3\0\0\0\0\0\0\0\0"s),
            "the definition of user 'u': it has the hash algorithm 3, which this version does not "
            "know");
  EXPECT_EQ(decoding_error(user_key("u"), "\1\0\0\0\0\0\xff\xff\xff\xff"s),
            "the definition of user 'u': its value ends too early");
}

TEST(DurableDefinitions, AreToldInWords) {
  EXPECT_EQ(describe_definition(VhostDefinition{"/"}), "vhost '/'");
  EXPECT_EQ(describe_definition(User{"u", {}, {}}), "user 'u'");
  EXPECT_EQ(describe_definition(PermissionDefinition{"u", "v", {}, {}, {}}),
            "permissions of user 'u' in vhost 'v'");
  EXPECT_EQ(describe_definition(TopicPermissionDefinition{"u", "v", "e", {}}),
            "topic permissions of user 'u' for exchange 'e' in vhost 'v'");
  EXPECT_EQ(describe_definition(BindingDefinition{"v", "s", false, "d", "k\x7f", {}}),
            "binding of exchange 'd' with key 'k\\x7f' to exchange 's' in vhost 'v'");
  EXPECT_EQ(describe_definition(BindingDefinition{"\xff", "s", true, "ü", "k", {}}),
            "binding of queue 'ü' with key 'k' to exchange 's' in vhost '\\xff'");
  EXPECT_EQ(describe_definition(ParameterDefinition{{"v", "policy", "p"}, {}}),
            "parameter 'p' of component 'policy' in vhost 'v'");
  EXPECT_EQ(describe_definition(ParameterDefinition{{std::nullopt, "c", "n"}, {}}),
            "parameter 'n' of component 'c'");
  EXPECT_EQ(describe_definition(QueueNumbersDefinition{}), "numbers of queues");
}

// Goal: whatever the bytes say, decoding ends with a definition or with a sentence; and what it
// takes is what would be written for it.
TEST(DurableDefinitions, SurviveAnyBytes) {
  const auto seed = static_cast<std::uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const std::vector<EncodedDefinition> samples{
      encode_definition(VhostDefinition{"v"}),
      encode_definition(User{"u", PasswordHash::of("p", HashAlgorithm::sha256), {"a", "b"}}),
      encode_definition(PermissionDefinition{"u", "v", ".*", "", "^a"}),
      encode_definition(TopicPermissionDefinition{"u", "v", "e", {".*", "^a"}}),
      encode_definition(ExchangeDefinition{"v", "e", ExchangeType::topic, true, true, true, {},
                                           some_arguments()}),
      encode_definition([] {
        QueueDefinition queue;
        queue.vhost = "v";
        queue.name = "q";
        queue.durable_number = 9;
        queue.arguments = some_arguments();
        return queue;
      }()),
      encode_definition(BindingDefinition{"v", "e", true, "q", "k", some_arguments()}),
      encode_definition(ParameterDefinition{{"v", "c", "n"}, "{}"}),
      encode_definition(QueueNumbersDefinition{3})};
  const auto mutate = [&](std::string& bytes) {
    switch (random() % 4) {
      case 0: bytes.resize(random() % (bytes.size() + 1)); break;
      case 1: bytes += static_cast<char>(random()); break;
      case 2:
        if (!bytes.empty()) bytes[random() % bytes.size()] = static_cast<char>(random());
        break;
      case 3:
        if (!bytes.empty()) bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
        break;
    }
  };
  int taken_count = 0;
  for (int round = 0; round < 100'000; ++round) {
    EncodedDefinition encoded = samples[random() % samples.size()];
    if (random() % 4 == 0) {
      for (char& byte : encoded.value) byte = static_cast<char>(random());
      if (random() % 2 == 0 && !encoded.value.empty()) encoded.value[0] = 1;
    }
    for (std::uint64_t count = 1 + random() % 3; count > 0; --count) {
      mutate(random() % 2 == 0 ? encoded.key : encoded.value);
    }
    const auto decoded = decode_definition(encoded.key, encoded.value);
    if (!decoded) {
      EXPECT_TRUE(decoded.error().starts_with("the definition ")) << decoded.error();
      continue;
    }
    ++taken_count;
    // Booleans and the like have more than one form in a table; all else has one.
    const EncodedDefinition again = encode_definition(*decoded);
    const auto decoded_again = decode_definition(again.key, again.value);
    ASSERT_TRUE(decoded_again.has_value()) << decoded_again.error();
    EXPECT_EQ(encode_definition(*decoded_again).key, again.key);
    EXPECT_EQ(encode_definition(*decoded_again).value, again.value);
  }
  EXPECT_GT(taken_count, 1000);
}

}  // namespace
}  // namespace leveret::broker
