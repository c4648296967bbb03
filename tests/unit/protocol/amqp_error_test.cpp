#include "protocol/amqp_error.hpp"

#include <gtest/gtest.h>

#include <array>

#include "protocol/utf8.hpp"

namespace leveret::protocol {
namespace {

TEST(AmqpError, SaysItsNameAndWhy) {
  const AmqpError error = AmqpError::not_found("no queue 'q' in vhost '/'");
  EXPECT_EQ(error.code(), ReplyCode::not_found);
  EXPECT_EQ(error.explanation(), "no queue 'q' in vhost '/'");
  EXPECT_EQ(error.reply_text(), "NOT_FOUND - no queue 'q' in vhost '/'");
  EXPECT_EQ(error.method(), MethodId{});
  EXPECT_FALSE(error.is_hard());
}

TEST(AmqpError, NamesTheMethodThatRaisedIt) {
  const AmqpError error = AmqpError::not_allowed("no");
  const AmqpError raised = error.raised_by({50, 10});
  EXPECT_EQ(raised.method(), (MethodId{50, 10}));
  EXPECT_EQ(raised.explanation(), "no");
  EXPECT_EQ(error.method(), MethodId{});
  EXPECT_NE(raised, error);
}

// Goal: a reply text is a short string. RabbitMQ cuts a longer one to 252 bytes and adds dots.
TEST(AmqpError, CutsALongText) {
  const std::string prefix = "NOT_FOUND - ";
  const std::string fits(255 - prefix.size(), 'q');
  EXPECT_EQ(AmqpError::not_found(fits).reply_text(), prefix + fits);
  EXPECT_EQ(AmqpError::not_found(fits + "q").reply_text(),
            prefix + fits.substr(0, fits.size() - 3) + "...");
}

TEST(AmqpError, CutsBetweenCharacters) {
  for (const std::string character : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\xB0"}) {
    for (std::size_t shift = 0; shift < 4; ++shift) {
      std::string explanation(shift, 'x');
      while (explanation.size() < 300) explanation += character;
      const std::string text = AmqpError::not_found(explanation).reply_text();
      EXPECT_TRUE(is_utf8(text)) << text;
      EXPECT_LE(text.size(), 255u);
      EXPECT_GT(text.size(), 255u - 4);
      EXPECT_TRUE(text.ends_with(character + "..."));
    }
  }
}

TEST(AmqpError, CutsBytesThatAreNoTextAllTheSame) {
  const std::string text = AmqpError::not_found(std::string(300, '\x80')).reply_text();
  EXPECT_EQ(text.size(), 255u);
}

TEST(ReplyCodes, CloseTheConnectionOrTheChannel) {
  using enum ReplyCode;
  for (const ReplyCode soft : std::array{content_too_large, no_route, no_consumers, access_refused,
                                         not_found, resource_locked, precondition_failed}) {
    EXPECT_FALSE(is_hard(soft)) << reply_name(soft);
  }
  for (const ReplyCode hard :
       std::array{connection_forced, invalid_path, frame_error, syntax_error, command_invalid,
                  channel_error, unexpected_frame, resource_error, not_allowed, not_implemented,
                  internal_error}) {
    EXPECT_TRUE(is_hard(hard)) << reply_name(hard);
  }
}

// Goal: each maker makes the code it is named after.
TEST(AmqpError, HasAMakerForEachCode) {
  struct Maker {
    AmqpError (*make)(std::string);
    int code;
    std::string_view name;
  };
  for (const Maker& maker : std::array<Maker, 16>{
           {{AmqpError::content_too_large, 311, "CONTENT_TOO_LARGE"},
            {AmqpError::connection_forced, 320, "CONNECTION_FORCED"},
            {AmqpError::invalid_path, 402, "INVALID_PATH"},
            {AmqpError::access_refused, 403, "ACCESS_REFUSED"},
            {AmqpError::not_found, 404, "NOT_FOUND"},
            {AmqpError::resource_locked, 405, "RESOURCE_LOCKED"},
            {AmqpError::precondition_failed, 406, "PRECONDITION_FAILED"},
            {AmqpError::frame_error, 501, "FRAME_ERROR"},
            {AmqpError::syntax_error, 502, "SYNTAX_ERROR"},
            {AmqpError::command_invalid, 503, "COMMAND_INVALID"},
            {AmqpError::channel_error, 504, "CHANNEL_ERROR"},
            {AmqpError::unexpected_frame, 505, "UNEXPECTED_FRAME"},
            {AmqpError::resource_error, 506, "RESOURCE_ERROR"},
            {AmqpError::not_allowed, 530, "NOT_ALLOWED"},
            {AmqpError::not_implemented, 540, "NOT_IMPLEMENTED"},
            {AmqpError::internal_error, 541, "INTERNAL_ERROR"}}}) {
    const AmqpError error = maker.make("why");
    EXPECT_EQ(static_cast<int>(error.code()), maker.code);
    EXPECT_EQ(error.reply_text(), std::string(maker.name) + " - why");
  }
}

TEST(ReplyCodes, HaveNoNameWhenUnknown) { EXPECT_EQ(reply_name(ReplyCode{999}), ""); }

}  // namespace
}  // namespace leveret::protocol
