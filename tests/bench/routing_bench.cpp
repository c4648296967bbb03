/// Time of finding a message's destinations, by exchange type and number of bindings. Counts
/// allocations too and fails when a match in steady state makes one.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "broker/core/binding_index.hpp"

namespace {

std::uint64_t allocation_count = 0;

// Called by pointers that the compiler cannot see through: it would take an inlined free() for a
// mistake of whoever called new.
void* (*volatile allocate)(std::size_t) = std::malloc;
void (*volatile release)(void*) = std::free;

}  // namespace

// Replacing the global allocation functions is how a program may count its allocations.
void* operator new(std::size_t size) {
  ++allocation_count;
  if (void* memory = allocate(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;

constexpr Destination queue(std::size_t slot) {
  return {Destination::Kind::queue, static_cast<std::uint32_t>(slot)};
}

FieldTable one_header(const std::string& name, std::int32_t value) {
  FieldTable table;
  table.set(name, FieldValue::int32(value));
  return table;
}

/// As the topology asks an index.
void find(const BindingIndex& index, const std::string& key, const FieldTable* headers,
          std::vector<Destination>& out) {
  if (index.chooses_one()) {
    index.choose(key, {}, out);
  } else {
    index.match(key, headers, out);
  }
}

/// Matches `keys` in turn and reports time, destinations and allocations of one match.
void run(benchmark::State& state, const BindingIndex& index, const std::vector<std::string>& keys,
         const FieldTable* headers = nullptr) {
  std::vector<Destination> out;
  for (const std::string& key : keys) {  // Lets `out` and the index's scratch grow to their size.
    out.clear();
    find(index, key, headers, out);
  }
  std::size_t next = 0;
  std::uint64_t destination_count = 0;
  const std::uint64_t allocations_before = allocation_count;
  for (auto _ : state) {
    out.clear();
    find(index, keys[next], headers, out);
    benchmark::DoNotOptimize(out.data());
    destination_count += out.size();
    next = next + 1 == keys.size() ? 0 : next + 1;
  }
  const std::uint64_t allocations = allocation_count - allocations_before;
  using benchmark::Counter;
  state.counters["destinations"] =
      Counter(static_cast<double>(destination_count), Counter::kAvgIterations);
  // The benchmark's own loop may allocate once or twice, which is not once a match.
  if (allocations > 10 && allocations * 10 > static_cast<std::uint64_t>(state.iterations())) {
    state.SkipWithError("matching allocates");
  }
}

void direct(benchmark::State& state) {
  BindingIndex index(ExchangeType::direct);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    keys.push_back("reply_" + std::to_string(i * 7919));
    index.add({queue(i), keys.back(), {}});
  }
  run(state, index, keys);
}
BENCHMARK(direct)->Arg(1)->Arg(50)->Arg(10'000);

void fanout(benchmark::State& state) {
  BindingIndex index(ExchangeType::fanout);
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    index.add({queue(i), "compute", {}});
  }
  run(state, index, {"compute"});
}
BENCHMARK(fanout)->Arg(10)->Arg(1000);

void topic(benchmark::State& state) {
  // Areas and kinds by name, every third with a star, every fifth with a hash at its end.
  BindingIndex index(ExchangeType::topic);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    const std::string area = "area" + std::to_string(i % 100);
    const std::string kind = i % 3 == 0 ? "*" : "kind" + std::to_string(i / 100);
    index.add({queue(i), area + "." + kind + (i % 5 == 0 ? ".#" : ".done"), {}});
    keys.push_back(area + ".kind" + std::to_string(i / 100) + ".done");
  }
  run(state, index, keys);
}
BENCHMARK(topic)->Arg(50)->Arg(10'000);

/// The topology of a cloud's RPC: a topic exchange whose patterns are all literal.
void topic_literal(benchmark::State& state) {
  BindingIndex index(ExchangeType::topic);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    keys.push_back("compute.host" + std::to_string(i));
    index.add({queue(i), keys.back(), {}});
  }
  run(state, index, keys);
}
BENCHMARK(topic_literal)->Arg(50)->Arg(10'000);

void topic_many_hashes(benchmark::State& state) {
  BindingIndex index(ExchangeType::topic);
  index.add({queue(0), "#.#.#", {}});
  index.add({queue(1), "#.a.#.a.#.a.#.b", {}});
  index.add({queue(2), "*.#.*.#.*.#", {}});
  std::string key = "a";
  for (std::int64_t i = 1; i < state.range(0); ++i) key += ".a";
  run(state, index, {key});
}
BENCHMARK(topic_many_hashes)->Arg(8)->Arg(32)->Arg(127);

void headers(benchmark::State& state) {
  BindingIndex index(ExchangeType::headers);
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    index.add({queue(i), "", one_header("tenant", static_cast<std::int32_t>(i))});
  }
  FieldTable message = one_header("tenant", 3);
  message.set("content", FieldValue::long_string("invoice"));
  message.set("priority", FieldValue::int32(1));
  run(state, index, {""}, &message);
}
BENCHMARK(headers)->Arg(1)->Arg(50)->Arg(1000);

/// Of `state.range(0)` queues, with weights up to `state.range(1)`.
void consistent_hash(benchmark::State& state) {
  BindingIndex index(ExchangeType::consistent_hash);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    const std::size_t weight = 1 + i % static_cast<std::size_t>(state.range(1));
    index.add({queue(i), std::to_string(weight), {}}, "queue" + std::to_string(i));
    keys.push_back("order" + std::to_string(i * 7919));
  }
  run(state, index, keys);
}
BENCHMARK(consistent_hash)->Args({10, 1})->Args({10, 5})->Args({100, 1})->Args({1000, 1});

void modulus_hash(benchmark::State& state) {
  BindingIndex index(ExchangeType::modulus_hash);
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    index.add({queue(i), "", {}}, "queue" + std::to_string(i));
  }
  run(state, index, {"order4711"});
}
BENCHMARK(modulus_hash)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace leveret::broker

BENCHMARK_MAIN();
