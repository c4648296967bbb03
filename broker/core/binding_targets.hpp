/// The bindings that share one routing key (or one topic pattern): a set of destinations, each
/// possibly several times with different arguments.
///
/// Owner:  one routing index.   Thread: that index's; takes no lock.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/core/destination.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Appending the destinations is a plain copy. Nearly every binding has no arguments: those cost
/// eight bytes each. Adding and removing one of them takes constant time; with arguments, time
/// linear in the number of such bindings here.
class BindingTargets {
 public:
  BindingTargets() = default;
  // Said here because small_vector does not promise it; moving eight inline bytes cannot fail.
  BindingTargets(BindingTargets&&) noexcept = default;
  BindingTargets& operator=(BindingTargets&&) noexcept = default;

  /// Adds a binding. False when the very same one exists.
  bool add(Destination destination, const protocol::FieldTable& arguments);

  /// Removes a binding. False when there is none.
  bool remove(Destination destination, const protocol::FieldTable& arguments);

  /// Appends every destination, as often as bindings lead to it.
  void append_to(std::vector<Destination>& out) const;

  bool empty() const { return plain_.empty() && (!extra_ || extra_->with_arguments.empty()); }

 private:
  struct WithArguments {
    Destination destination;
    protocol::FieldTable arguments;
  };

  /// What only few sets need: bindings with arguments, and where each destination stands in
  /// `plain_` once that is long.
  struct Extra {
    std::vector<WithArguments> with_arguments;
    boost::unordered_flat_map<Destination, std::uint32_t, DestinationHash> positions;
  };

  bool add_plain(Destination destination);
  bool remove_plain(Destination destination);
  bool add_with_arguments(Destination destination, const protocol::FieldTable& arguments);
  bool remove_with_arguments(Destination destination, const protocol::FieldTable& arguments);
  bool has_positions() const { return extra_ && !extra_->positions.empty(); }
  void build_positions();
  void drop_extra_when_unused();

  boost::container::small_vector<Destination, 1> plain_;  ///< Bindings without arguments.
  std::unique_ptr<Extra> extra_;
};

}  // namespace leveret::broker
