/// What the broker spends on a message between the bytes of its publisher and the bytes for its
/// consumer: parsing, routing, queue, delivery, acknowledgement, confirm. No socket is involved;
/// what a turn writes is thrown away.
///
/// Counts allocations as well, malloc's included: `allocations` is the number per message.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/shard_state.hpp"
#include "broker/session/connection_session.hpp"
#include "protocol/frame_writer.hpp"
#include "storage/log.hpp"
#include "storage/page_file.hpp"
#include "tests/unit/storage/scratch_files.hpp"

namespace {
std::uint64_t allocation_count = 0;
}  // namespace

// The C library's own functions under their other names, so that all allocations can be counted.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* malloc(std::size_t size) {
  ++allocation_count;
  return __libc_malloc(size);
}
void* realloc(void* memory, std::size_t size) {
  ++allocation_count;
  return __libc_realloc(memory, size);
}
}

namespace leveret::broker {
namespace {

namespace basic = protocol::basic;

constexpr std::uint16_t channel = 1;
constexpr std::size_t messages_per_turn = 64;

class NoOtherShards final : public ShardPort {
 public:
  void post(ShardId, ShardMessage&&) override { std::abort(); }
  bool congested(ShardId) override { return false; }
};

/// Bytes as a client writes them.
class ClientBytes {
 public:
  template <class Method>
  ClientBytes& method(const Method& method, std::uint16_t on_channel = channel) {
    protocol::WireWriter writer(grow(protocol::method_frame_size(method)));
    protocol::write_method_frame(writer, on_channel, method);
    return *this;
  }
  ClientBytes& content(std::span<const std::byte> properties, std::size_t body_size) {
    protocol::WireWriter writer(grow(protocol::header_frame_size(properties) +
                                     protocol::frame_overhead_bytes + body_size));
    protocol::write_header_frame(writer, channel, body_size, properties);
    protocol::write_body_frame_head(writer, channel, static_cast<std::uint32_t>(body_size));
    writer.write_bytes(std::vector<std::byte>(body_size));
    protocol::write_frame_end(writer);
    return *this;
  }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }

 private:
  std::span<std::byte> grow(std::size_t size) {
    bytes_.append(size, '\0');
    return std::as_writable_bytes(std::span(bytes_)).last(size);
  }
  std::string bytes_;
};

class Client final : public SessionHost {
 public:
  Client(ShardState& shard, std::uint64_t id)
      : session_(shard, std::make_shared<SessionSettings>(), *this, {"127.0.0.1", 1, true},
                 ConnectionId{id}) {
    namespace connection = protocol::connection;
    session_.on_bytes(protocol::protocol_header);
    ClientBytes hello;
    connection::StartOk start_ok;
    start_ok.mechanism = "PLAIN";
    start_ok.response = std::string_view("\0guest\0guest", 12);
    start_ok.locale = "en_US";
    hello.method(start_ok, 0).method(connection::TuneOk{2047, 131072, 0}, 0);
    connection::Open open;
    open.virtual_host = "/";
    hello.method(open, 0).method(protocol::channel::Open{});
    say(hello);
  }
  void say(const ClientBytes& client) {
    session_.on_bytes(client.bytes());
    while (input_waits_ && session_.wants_input()) {
      input_waits_ = false;
      session_.resume();
    }
  }
  /// Throws away what would be sent now, and says how much it was.
  std::uint64_t take_output() {
    const std::uint64_t size = session_.outbox().pending_bytes();
    session_.outbox().consume(size);
    session_.on_sent();
    return size;
  }

  void flush_later() override {}
  void close_after_flush() override { std::abort(); }
  void input_interest_changed() override { input_waits_ = true; }
  void log(SessionEvent) override {}

 private:
  ConnectionSession session_;
  bool input_waits_ = false;
};

/// A broker of one shard with a queue "q", a publisher and a consumer. Nothing is paged out before
/// its messages take more than the budget; the page file is in memory, too.
class Broker {
 public:
  explicit Broker(std::uint64_t budget_bytes = UINT64_MAX) {
    pager_.set_budget(budget_bytes);
    shard_.set_pager(pager_);
    auto users = std::make_shared<Users>();
    users->add({"guest", PasswordHash::of("guest", HashAlgorithm::sha256), {}});
    const auto everything = *PermissionPattern::compile(".*");
    users->set_permissions("guest", "/", {everything, everything, everything});
    shard_.begin_turn(Instant{1});
    shard_.send(ShardId{0}, TopologyRequest{{}, ReplaceUsers{std::move(users), {"/"}}});
    publisher = std::make_unique<Client>(shard_, 1);
    consumer = std::make_unique<Client>(shard_, 2);
    ClientBytes declare;
    protocol::queue::Declare queue;
    queue.queue = "q";
    publisher->say(declare.method(queue));
  }
  void consume(bool no_ack) {
    ClientBytes consume;
    basic::Consume method;
    method.queue = "q";
    method.consumer_tag = "consumer";
    method.no_ack = no_ack;
    consumer->say(consume.method(method));
    end_turn();
  }
  void end_turn() {
    shard_.end_turn();
    shard_.page_out();
    publisher->take_output();
    consumer->take_output();
  }

 private:
  NoOtherShards port_;
  storage::VolatileLog log_;
  storage::ScratchFiles files_;
  storage::PageFile pages_{files_, "pages", 0};
  MessagePager pager_{pages_, nullptr, log_, [](const std::string&) { std::abort(); }};
  ShardState shard_{ShardId{0}, 1, port_, log_};

 public:
  std::unique_ptr<Client> publisher;
  std::unique_ptr<Client> consumer;
};

/// What one turn of a publisher brings. oslo.messaging sets all these properties.
ClientBytes publishes(std::size_t body_size, bool many_properties) {
  protocol::BasicProperties properties;
  if (many_properties) {
    properties.content_type = "application/json";
    properties.content_encoding = "utf-8";
    properties.headers = protocol::TableView{};
    properties.delivery_mode = std::uint8_t{2};
    properties.priority = std::uint8_t{0};
  }
  std::vector<std::byte> encoded(properties.encoded_size());
  protocol::WireWriter writer(encoded);
  properties.encode(writer);
  basic::Publish method;
  method.routing_key = "q";
  ClientBytes turn;
  for (std::size_t i = 0; i < messages_per_turn; ++i) {
    turn.method(method).content(encoded, body_size);
  }
  return turn;
}

void report(benchmark::State& state, std::uint64_t allocations) {
  const auto messages = static_cast<double>(state.iterations()) * messages_per_turn;
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
  state.counters["allocations"] = static_cast<double>(allocations) / messages;
}

void publish_and_deliver(benchmark::State& state) {
  Broker broker;
  broker.consume(true);
  const ClientBytes turn = publishes(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
  const std::uint64_t before = allocation_count;
  for (auto _ : state) {
    broker.publisher->say(turn);
    broker.end_turn();
  }
  report(state, allocation_count - before);
}
BENCHMARK(publish_and_deliver)
    ->ArgNames({"body", "properties"})
    ->Args({16, 0})
    ->Args({16, 1})
    ->Args({1024, 0})
    ->Args({16384, 0});

void publish_deliver_and_acknowledge(benchmark::State& state) {
  Broker broker;
  broker.consume(false);
  const ClientBytes turn = publishes(256, false);
  std::uint64_t tag = 0;
  const std::uint64_t before = allocation_count;
  for (auto _ : state) {
    broker.publisher->say(turn);
    broker.end_turn();
    ClientBytes acks;
    for (std::size_t i = 0; i < messages_per_turn; ++i) acks.method(basic::Ack{++tag, false});
    broker.consumer->say(acks);
    broker.end_turn();
  }
  report(state, allocation_count - before);
}
BENCHMARK(publish_deliver_and_acknowledge);

void publish_confirmed(benchmark::State& state) {
  Broker broker;
  broker.consume(true);
  ClientBytes select;
  broker.publisher->say(select.method(protocol::confirm::Select{}));
  const ClientBytes turn = publishes(16, true);
  const std::uint64_t before = allocation_count;
  for (auto _ : state) {
    broker.publisher->say(turn);
    broker.end_turn();
  }
  report(state, allocation_count - before);
}
BENCHMARK(publish_confirmed);

/// Fills a queue that nobody consumes, then drains it. Allocations are counted for each half.
/// Where it is paged, nearly all of it leaves memory.
void fill_and_drain(benchmark::State& state) {
  const auto turns = static_cast<std::size_t>(state.range(0)) / messages_per_turn;
  const ClientBytes turn = publishes(16, false);
  std::uint64_t of_publishes = 0;
  std::uint64_t of_deliveries = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto broker = std::make_unique<Broker>(state.range(1) != 0 ? 0 : UINT64_MAX);
    state.ResumeTiming();
    const std::uint64_t before = allocation_count;
    for (std::size_t i = 0; i < turns; ++i) {
      broker->publisher->say(turn);
      broker->end_turn();
    }
    const std::uint64_t between = allocation_count;
    broker->consume(true);
    for (std::size_t i = 0; i < turns; ++i) broker->end_turn();
    state.PauseTiming();
    of_publishes += between - before;
    of_deliveries += allocation_count - between;
    broker.reset();
    state.ResumeTiming();
  }
  const auto messages = static_cast<double>(state.iterations() * state.range(0));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["allocations_publish"] = static_cast<double>(of_publishes) / messages;
  state.counters["allocations_deliver"] = static_cast<double>(of_deliveries) / messages;
}
BENCHMARK(fill_and_drain)
    ->ArgNames({"messages", "paged"})
    ->Args({100'000, 0})
    ->Args({100'000, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace leveret::broker

BENCHMARK_MAIN();
