/// Objects by number, with generations, so that a stale number finds nothing instead of a
/// stranger. Lookup is an index; freed places are used again.
///
/// Owner: one shard. Thread: that shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "broker/core/ids.hpp"
#include "protocol/base/assert.hpp"

namespace leveret::broker {

/// T is a pointer or an owning pointer: something that is false when empty.
template <class T>
class SlotMap {
 public:
  Slot insert(T value) {
    const Slot slot = reserve();
    fill(slot, std::move(value));
    return slot;
  }

  /// Takes a place whose tenant moves in later, by fill(); until then nobody is found there.
  Slot reserve() {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(places_.size()));
      places_.push_back({});
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    return {index, places_[index].generation};
  }

  void fill(Slot slot, T value) {
    Place& place = places_[slot.index];
    LEVERET_ASSERT(place.generation == slot.generation && !place.value,
                   "a reserved place is empty");
    place.value = std::move(value);
    ++size_;
  }

  /// The tenant that `slot` names, or nullptr when it has gone.
  T* find(Slot slot) {
    if (slot.index >= places_.size()) return nullptr;
    Place& place = places_[slot.index];
    return place.generation == slot.generation && place.value ? &place.value : nullptr;
  }

  /// Takes the tenant out; its number never finds anybody again.
  T remove(Slot slot) {
    LEVERET_ASSERT(find(slot) != nullptr, "only a tenant that is there can leave");
    Place& place = places_[slot.index];
    T value = std::exchange(place.value, T{});
    // 0 names nobody, so a generation that wraps round skips it.
    if (++place.generation == 0) place.generation = 1;
    free_.push_back(slot.index);
    --size_;
    return value;
  }

  std::size_t size() const { return size_; }

  template <class Visit>
  void for_each(Visit&& visit) {
    for (Place& place : places_) {
      if (place.value) visit(place.value);
    }
  }

 private:
  struct Place {
    T value{};
    std::uint32_t generation = 1;
  };
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace leveret::broker
