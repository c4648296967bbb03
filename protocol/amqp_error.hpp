/// A peer's mistake, or a refusal, as AMQP tells it: code, words, and the method that failed.
///
/// Thread: plain value.   Spec: AMQP 0-9-1 section 4.10; the words are RabbitMQ's.
#pragma once

#include <string>
#include <utility>

#include "protocol/generated/reply_codes.hpp"
#include "protocol/method_id.hpp"

namespace leveret::protocol {

class AmqpError {
 public:
  AmqpError(ReplyCode code, std::string explanation)
      : explanation_(std::move(explanation)), code_(code) {}

  static AmqpError content_too_large(std::string text) {
    return {ReplyCode::content_too_large, std::move(text)};
  }
  static AmqpError connection_forced(std::string text) {
    return {ReplyCode::connection_forced, std::move(text)};
  }
  static AmqpError invalid_path(std::string text) {
    return {ReplyCode::invalid_path, std::move(text)};
  }
  static AmqpError access_refused(std::string text) {
    return {ReplyCode::access_refused, std::move(text)};
  }
  static AmqpError not_found(std::string text) {
    return {ReplyCode::not_found, std::move(text)};
  }
  static AmqpError resource_locked(std::string text) {
    return {ReplyCode::resource_locked, std::move(text)};
  }
  static AmqpError precondition_failed(std::string text) {
    return {ReplyCode::precondition_failed, std::move(text)};
  }
  static AmqpError frame_error(std::string text) {
    return {ReplyCode::frame_error, std::move(text)};
  }
  static AmqpError syntax_error(std::string text) {
    return {ReplyCode::syntax_error, std::move(text)};
  }
  static AmqpError command_invalid(std::string text) {
    return {ReplyCode::command_invalid, std::move(text)};
  }
  static AmqpError channel_error(std::string text) {
    return {ReplyCode::channel_error, std::move(text)};
  }
  static AmqpError unexpected_frame(std::string text) {
    return {ReplyCode::unexpected_frame, std::move(text)};
  }
  static AmqpError resource_error(std::string text) {
    return {ReplyCode::resource_error, std::move(text)};
  }
  static AmqpError not_allowed(std::string text) {
    return {ReplyCode::not_allowed, std::move(text)};
  }
  static AmqpError not_implemented(std::string text) {
    return {ReplyCode::not_implemented, std::move(text)};
  }
  static AmqpError internal_error(std::string text) {
    return {ReplyCode::internal_error, std::move(text)};
  }

  /// The same error, raised by a method.
  AmqpError raised_by(MethodId method) const {
    AmqpError error = *this;
    error.method_ = method;
    return error;
  }

  ReplyCode code() const { return code_; }
  const std::string& explanation() const { return explanation_; }
  /// {0, 0} when no method is to blame.
  MethodId method() const { return method_; }
  /// A hard error closes the connection, a soft one its channel.
  bool is_hard() const { return protocol::is_hard(code_); }

  /// "NOT_FOUND - no queue 'q' in vhost '/'", at most 255 bytes: a longer one is
  /// cut between two characters and ends in dots.
  std::string reply_text() const;

  bool operator==(const AmqpError&) const = default;

 private:
  std::string explanation_;
  ReplyCode code_;
  MethodId method_;
};

}  // namespace leveret::protocol
