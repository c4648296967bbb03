#include "broker/core/keyed_bindings.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "broker/core/binding_targets.hpp"

namespace leveret::broker {
namespace {

/// Place of a key in the array.
using Place = std::uint32_t;
constexpr Place nowhere = std::numeric_limits<Place>::max();

/// Up to this many keys a linear search is as quick as a hash table and needs no memory.
constexpr std::size_t linear_search_max = 8;

struct Entry {
  std::string key;
  BindingTargets targets;
};

struct PlaceHash {
  using is_transparent = void;
  const std::vector<Entry>* entries;

  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
  std::size_t operator()(Place place) const { return (*this)((*entries)[place].key); }
};

struct PlaceEqual {
  using is_transparent = void;
  const std::vector<Entry>* entries;

  bool operator()(Place left, Place right) const { return left == right; }
  bool operator()(std::string_view key, Place place) const { return (*entries)[place].key == key; }
  bool operator()(Place place, std::string_view key) const { return (*this)(key, place); }
};

}  // namespace

struct KeyedBindings::Keys {
  // The hash table points at `entries`, so this object stays where it is.
  Keys() : places(0, PlaceHash{&entries}, PlaceEqual{&entries}) {}
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  Place find(std::string_view key) const;
  Entry& find_or_add(const std::string& key);
  void remove(Place place);

  std::vector<Entry> entries;
  /// All places, or none while a linear search will do.
  boost::unordered_flat_set<Place, PlaceHash, PlaceEqual> places;
};

Place KeyedBindings::Keys::find(std::string_view key) const {
  if (!places.empty()) {
    const auto found = places.find(key);
    return found == places.end() ? nowhere : *found;
  }
  for (Place place = 0; place < entries.size(); ++place) {
    if (entries[place].key == key) return place;
  }
  return nowhere;
}

Entry& KeyedBindings::Keys::find_or_add(const std::string& key) {
  if (const Place place = find(key); place != nowhere) return entries[place];
  entries.push_back({key, {}});
  const auto added = static_cast<Place>(entries.size() - 1);
  if (!places.empty()) {
    places.insert(added);
  } else if (entries.size() > linear_search_max) {
    for (Place place = 0; place <= added; ++place) places.insert(place);
  }
  return entries[added];
}

void KeyedBindings::Keys::remove(Place place) {
  const auto last = static_cast<Place>(entries.size() - 1);
  const bool hashed = !places.empty();
  if (hashed) {
    places.erase(place);
    if (place != last) places.erase(last);
  }
  // The order of keys means nothing, so the last one may fill the gap.
  if (place != last) entries[place] = std::move(entries[last]);
  entries.pop_back();
  // Half of the threshold, so that a set at the threshold does not build and drop it in turns.
  if (hashed && entries.size() <= linear_search_max / 2) {
    places = decltype(places)(0, PlaceHash{&entries}, PlaceEqual{&entries});
  } else if (hashed && place != last) {
    places.insert(place);
  }
}

KeyedBindings::KeyedBindings() = default;
KeyedBindings::~KeyedBindings() = default;
KeyedBindings::KeyedBindings(KeyedBindings&&) noexcept = default;
KeyedBindings& KeyedBindings::operator=(KeyedBindings&&) noexcept = default;

bool KeyedBindings::add(const BindingKey& binding) {
  if (!keys_) keys_ = std::make_unique<Keys>();
  Entry& entry = keys_->find_or_add(binding.routing_key);
  if (!entry.targets.add(binding.destination, binding.arguments)) return false;
  ++binding_count_;
  return true;
}

bool KeyedBindings::remove(const BindingKey& binding) {
  if (!keys_) return false;
  const Place place = keys_->find(binding.routing_key);
  if (place == nowhere) return false;
  BindingTargets& targets = keys_->entries[place].targets;
  if (!targets.remove(binding.destination, binding.arguments)) return false;
  --binding_count_;
  if (targets.empty()) keys_->remove(place);
  if (keys_->entries.empty()) keys_.reset();
  return true;
}

void KeyedBindings::append_of_key(std::string_view routing_key,
                                  std::vector<Destination>& out) const {
  if (!keys_) return;
  const Place place = keys_->find(routing_key);
  if (place != nowhere) keys_->entries[place].targets.append_to(out);
}

void KeyedBindings::append_all(std::vector<Destination>& out) const {
  if (!keys_) return;
  for (const Entry& entry : keys_->entries) entry.targets.append_to(out);
}

}  // namespace leveret::broker
