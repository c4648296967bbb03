#include "protocol/generated/methods.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "protocol/frame_text.hpp"
#include "tests/unit/protocol/bytes_of_text.hpp"
#include "tests/unit/protocol/method_samples.hpp"

namespace leveret::protocol {
namespace {

template <class Method>
std::string encoded(const Method& method) {
  Bytes memory(encoded_size(method));
  WireWriter writer(memory);
  encode(writer, method);
  EXPECT_EQ(writer.position(), memory.size());
  return hex(memory);
}

/// Writes what it is given once more, and notes which method it was.
struct Repeater {
  template <class Method>
  void on(const Method& method) {
    id = Method::id;
    bytes = encoded(method);
  }
  MethodId id;
  std::string bytes;
};

struct Ignorer {
  template <class Method>
  void on(const Method&) {
    ++count;
  }
  int count = 0;
};

std::optional<AmqpError> error_of(const Bytes& payload) {
  Ignorer ignorer;
  auto done = dispatch_method(payload, ignorer);
  EXPECT_EQ(ignorer.count, done ? 1 : 0);
  if (done) return std::nullopt;
  return done.error();
}

// Goal: each method becomes the bytes that were reckoned without this library.
TEST(Methods, BecomeTheBytesOfTheDocument) {
  int count = 0;
  for_each_sample([&](const auto& method, std::string_view expected) {
    EXPECT_EQ(encoded(method), expected) << method_name(method.id);
    ++count;
  });
  EXPECT_EQ(count, 66);
}

// Goal: each method is read from its bytes, as itself, with each field in its place.
TEST(Methods, AreReadFromTheirBytes) {
  for_each_sample([](const auto& method, std::string_view digits) {
    Repeater repeater;
    ASSERT_TRUE(dispatch_method(from_hex(digits), repeater)) << method_name(method.id);
    EXPECT_EQ(repeater.id, method.id);
    EXPECT_EQ(repeater.bytes, digits) << method_name(method.id);
  });
}

/// Expects one durable, auto-deleted queue.
struct DeclareHandler {
  void on(const queue::Declare& method) {
    EXPECT_EQ(method.ticket, 0);
    EXPECT_EQ(method.queue, "q");
    EXPECT_FALSE(method.passive);
    EXPECT_TRUE(method.durable);
    EXPECT_FALSE(method.exclusive);
    EXPECT_TRUE(method.auto_delete);
    EXPECT_FALSE(method.nowait);
    EXPECT_EQ(hex(method.arguments.content), hex(sample_table_bytes));
    called = true;
  }
  template <class Method>
  void on(const Method&) {
    ADD_FAILURE() << "not queue.declare but " << method_name(Method::id);
  }
  bool called = false;
};

TEST(Methods, ReachTheirHandlerWithTheirFields) {
  DeclareHandler handler;
  ASSERT_TRUE(dispatch_method(from_hex("0032000a0000017" "10a00000007016b4900000005"), handler));
  EXPECT_TRUE(handler.called);
}

// Goal: what is not exactly a method's arguments is refused in RabbitMQ's words, wherever it is
// cut off, and names the method.
TEST(Methods, AreRefusedWhenTheyEndEarly) {
  for_each_sample([](const auto& method, std::string_view digits) {
    const Bytes whole = from_hex(digits);
    for (std::size_t size = 4; size < whole.size(); ++size) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(error_of(part), arguments_error(method.id, std::span(part).subspan(4)))
          << method_name(method.id) << " of " << size << " bytes";
    }
  });
}

TEST(Methods, AreRefusedWhenSomethingFollowsThem) {
  for_each_sample([](const auto& method, std::string_view digits) {
    const auto error = error_of(from_hex(digits) + bytes({7}));
    ASSERT_TRUE(error) << method_name(method.id);
    EXPECT_EQ(error->code(), ReplyCode::frame_error);
    EXPECT_EQ(error->method(), method.id);
  });
}

TEST(Methods, AreRefusedInRabbitMqsWords) {
  const auto error = error_of(bytes({0, 90, 0, 10, 'z'}));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reply_text(), "FRAME_ERROR - cannot decode <<122>>");
  EXPECT_EQ(error->method(), tx::Select::id);
}

// Goal: names must be UTF-8, but RabbitMQ does not look at those of basic.publish.
TEST(Methods, AreRefusedForNamesThatAreNotUtf8) {
  const auto declare = error_of(from_hex("0032000a000001ff0000000000"));
  ASSERT_TRUE(declare);
  EXPECT_EQ(declare->reply_text(), "FRAME_ERROR - Malformed UTF-8 in shortstr");
  EXPECT_EQ(declare->method(), MethodId{});

  const auto close = error_of(from_hex("000a0032000001ff00000000"));
  ASSERT_TRUE(close);
  EXPECT_EQ(close->reply_text(), "FRAME_ERROR - Malformed UTF-8 in shortstr");
  EXPECT_EQ(close->method(), connection::Close::id);

  EXPECT_EQ(error_of(from_hex("003c0028000001ff01ff01")), std::nullopt);
}

TEST(Methods, AreRefusedWhenThereAreNoSuch) {
  for (const Bytes& payload : {bytes({0, 60, 0, 33}), bytes({0, 40, 0, 41}), bytes({0, 99, 0, 10}),
                               bytes({255, 255, 255, 255})}) {
    const auto error = error_of(payload);
    ASSERT_TRUE(error) << hex(payload);
    EXPECT_EQ(error->code(), ReplyCode::command_invalid);
    EXPECT_EQ(error->method().method_id, std::to_integer<int>(payload[3]) +
                                             256 * std::to_integer<int>(payload[2]));
  }
}

TEST(Methods, AreRefusedWithoutAMethodNumber) {
  for (std::size_t size = 0; size < 4; ++size) EXPECT_TRUE(error_of(Bytes(size, std::byte{0})));
}

// Goal: bits that no field has are let pass, as by RabbitMQ.
TEST(Methods, IgnoreBitsWithoutAName) {
  Repeater repeater;
  ASSERT_TRUE(dispatch_method(from_hex("003c00500000000000000001ff"), repeater));
  EXPECT_EQ(repeater.bytes, "003c0050000000000000000101");
}

// Goal: no bytes at all make the reader look beyond its input (run with the sanitizers).
TEST(Methods, SurviveRandomBytes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<Bytes> samples;
  for_each_sample(
      [&](const auto&, std::string_view digits) { samples.push_back(from_hex(digits)); });
  int read_count = 0;
  for (int round = 0; round < 50'000; ++round) {
    Bytes payload = samples[random() % samples.size()];
    for (auto changes = random() % 4; changes > 0; --changes) {
      payload[random() % payload.size()] = static_cast<std::byte>(random());
    }
    if (random() % 4 == 0) payload.resize(random() % (payload.size() + 3));
    Repeater repeater;
    const auto done = dispatch_method(payload, repeater);
    if (!done) continue;
    ++read_count;
    // Whatever is taken for a method has its size: only unnamed bits may get lost.
    ASSERT_EQ(repeater.bytes.size(), payload.size() * 2) << hex(payload);
  }
  EXPECT_GT(read_count, 10'000);
}

TEST(Methods, HaveTheNamesOfTheDocument) {
  EXPECT_EQ(method_name({50, 10}), "queue.declare");
  EXPECT_EQ(method_name({60, 100}), "basic.recover-async");
  EXPECT_EQ(method_name({40, 51}), "exchange.unbind-ok");
  EXPECT_EQ(method_name({10, 71}), "connection.update-secret-ok");
  EXPECT_EQ(method_name({40, 41}), "");
  EXPECT_EQ(method_name({}), "");
  std::set<std::string_view> names;
  for_each_sample([&](const auto& method, std::string_view) {
    EXPECT_TRUE(names.insert(method_name(method.id)).second);
  });
}

TEST(Methods, HaveContentWhenTheyCarryAMessage) {
  std::set<std::string_view> carriers;
  for_each_sample([&](const auto& method, std::string_view) {
    if (has_content(method.id)) carriers.insert(method_name(method.id));
  });
  EXPECT_EQ(carriers, (std::set<std::string_view>{"basic.publish", "basic.return", "basic.deliver",
                                                  "basic.get-ok"}));
}

}  // namespace
}  // namespace leveret::protocol
