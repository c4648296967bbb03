/// A regular expression of a permission: which names it lets pass.
///
/// Not anchored, as in RabbitMQ: `own` lets `disown` pass. The empty pattern lets only the empty
/// name pass. The engine's work is bounded, so no pattern can hold a shard.
///
/// Thread: immutable; may be matched on several threads at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"

namespace leveret::broker {

class PermissionPattern {
 public:
  /// Lets nothing pass.
  PermissionPattern() = default;

  /// Error: a sentence, for a pattern of more than 1024 bytes or one that PCRE2 cannot read.
  static Result<PermissionPattern, std::string> compile(std::string_view pattern);

  enum class Outcome { matches, differs, gave_up };

  /// Looks for the pattern anywhere in `name`. `gave_up`: the engine's bounded work was not enough
  /// to tell, so the name must be refused and somebody should hear why.
  Outcome match(std::string_view name) const;

  /// False also when the engine gave up.
  bool matches(std::string_view name) const { return match(name) == Outcome::matches; }

  const std::string& text() const { return text_; }

 private:
  enum class Kind { nothing, everything, empty_name, expression };
  Kind kind_ = Kind::nothing;
  std::string text_;
  std::shared_ptr<const void> code_;  ///< pcre2_code.
};

}  // namespace leveret::broker
