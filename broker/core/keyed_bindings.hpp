/// Bindings by their literal routing key; what the direct and the fanout index are made of.
///
/// Owner:  one routing index.   Thread: that index's; takes no lock.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "broker/core/destination.hpp"

namespace leveret::broker {

/// The keys stand in one array, with a hash table beside it only when there are many: most
/// exchanges have a handful of keys, and there may be very many such exchanges.
class KeyedBindings {
 public:
  KeyedBindings();
  ~KeyedBindings();
  KeyedBindings(KeyedBindings&&) noexcept;
  KeyedBindings& operator=(KeyedBindings&&) noexcept;

  /// False when the very same binding exists.
  bool add(const BindingKey& binding);

  /// False when there is no such binding.
  bool remove(const BindingKey& binding);

  /// Appends the destinations bound under exactly `routing_key`.
  void append_of_key(std::string_view routing_key, std::vector<Destination>& out) const;

  /// Appends the destinations of all keys.
  void append_all(std::vector<Destination>& out) const;

  std::size_t binding_count() const { return binding_count_; }

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;  ///< Absent while there is no binding.
  std::size_t binding_count_ = 0;
};

}  // namespace leveret::broker
