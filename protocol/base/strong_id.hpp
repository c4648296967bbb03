/// Numbers that name things, as types of their own: one kind of id cannot be taken for another,
/// and none can be reckoned with by accident.
///
/// Thread: plain value.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace leveret {

/// An id of the kind `Tag`, a struct that need not be complete:
///     using SessionId = StrongId<struct SessionTag, std::uint32_t>;
template <class Tag, class Number>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(Number number) : number_(number) {}

  constexpr Number number() const { return number_; }
  /// The id after this one.
  constexpr StrongId next() const { return StrongId(static_cast<Number>(number_ + 1)); }

  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Number number_{};
};

}  // namespace leveret

template <class Tag, class Number>
struct std::hash<leveret::StrongId<Tag, Number>> {
  std::size_t operator()(leveret::StrongId<Tag, Number> id) const noexcept {
    return std::hash<Number>()(id.number());
  }
};
