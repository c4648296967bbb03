/// What the codec costs: reading basic.publish, writing basic.deliver, cutting a read into frames,
/// reading a table.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"
#include "protocol/frame_parser.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/generated/methods.hpp"

namespace leveret::protocol {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint16_t channel = 1;
constexpr basic::Publish publish{.exchange = "nova", .routing_key = "compute.node-17"};

template <class Method>
Bytes payload_of(const Method& method) {
  Bytes payload(encoded_size(method));
  WireWriter writer(payload);
  encode(writer, method);
  return payload;
}

Bytes properties_bytes() {
  const BasicProperties properties{.content_type = "application/json",
                                   .content_encoding = "utf-8",
                                   .delivery_mode = 2,
                                   .priority = 0,
                                   .expiration = "60000"};
  Bytes bytes(properties.encoded_size());
  WireWriter writer(bytes);
  properties.encode(writer);
  return bytes;
}

/// A publish of three frames, again and again.
Bytes publish_stream(std::size_t message_count, std::size_t body_size) {
  const Bytes properties = properties_bytes();
  const Bytes body(body_size);
  const std::size_t message_size =
      method_frame_size(publish) + header_frame_size(properties) + frame_overhead_bytes + body_size;
  Bytes stream(message_count * message_size);
  WireWriter writer(stream);
  for (std::size_t i = 0; i < message_count; ++i) {
    write_method_frame(writer, channel, publish);
    write_header_frame(writer, channel, body_size, properties);
    write_body_frame_head(writer, channel, static_cast<std::uint32_t>(body_size));
    writer.write_bytes(body);
    write_frame_end(writer);
  }
  return stream;
}

struct Handler {
  template <class Method>
  void on(const Method& method) {
    benchmark::DoNotOptimize(method);
  }
};

void decode_publish(benchmark::State& state) {
  const Bytes payload = payload_of(publish);
  Handler handler;
  for (auto _ : state) {
    auto done = dispatch_method(payload, handler);
    benchmark::DoNotOptimize(done);
  }
}
BENCHMARK(decode_publish);

void decode_ack(benchmark::State& state) {
  const Bytes payload = payload_of(basic::Ack{.delivery_tag = 123456, .multiple = false});
  Handler handler;
  for (auto _ : state) {
    auto done = dispatch_method(payload, handler);
    benchmark::DoNotOptimize(done);
  }
}
BENCHMARK(decode_ack);

/// A method with names that are looked at.
void decode_queue_declare(benchmark::State& state) {
  const Bytes payload =
      payload_of(queue::Declare{.queue = "reply_1f5c8a6e9b7d4c3b8a2f", .durable = true});
  Handler handler;
  for (auto _ : state) {
    auto done = dispatch_method(payload, handler);
    benchmark::DoNotOptimize(done);
  }
}
BENCHMARK(decode_queue_declare);

void encode_deliver(benchmark::State& state) {
  const Bytes properties = properties_bytes();
  std::array<std::byte, 256> memory{};
  std::uint64_t tag = 0;
  for (auto _ : state) {
    WireWriter writer(memory);
    write_method_frame(writer, channel,
                       basic::Deliver{.consumer_tag = "ctag1.0123456789abcdef",
                                      .delivery_tag = ++tag,
                                      .redelivered = false,
                                      .exchange = "nova",
                                      .routing_key = "compute.node-17"});
    write_header_frame(writer, channel, 128, properties);
    write_body_frame_head(writer, channel, 128);
    write_frame_end(writer);
    benchmark::DoNotOptimize(memory);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(encode_deliver);

void drain(FrameParser& parser, std::size_t& frame_count) {
  for (;;) {
    const auto frame = parser.next();
    if (!frame || !*frame) return;
    ++frame_count;
    benchmark::DoNotOptimize((*frame)->payload.data());
  }
}

/// 999 small frames in one read; the time is that of a frame.
void parse_frames(benchmark::State& state) {
  const Bytes stream = publish_stream(333, 16);
  std::size_t frame_count = 0;
  for (auto _ : state) {
    FrameParser parser(131072);
    parser.feed(stream);
    drain(parser, frame_count);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(frame_count));
}
BENCHMARK(parse_frames);

/// The same stream in reads of the given size, which cut frames off.
void parse_split_frames(benchmark::State& state) {
  const Bytes stream = publish_stream(333, 16);
  const auto read_size = static_cast<std::size_t>(state.range(0));
  std::size_t frame_count = 0;
  for (auto _ : state) {
    FrameParser parser(131072);
    for (std::size_t at = 0; at < stream.size(); at += read_size) {
      parser.feed(std::span(stream).subspan(at, std::min(read_size, stream.size() - at)));
      drain(parser, frame_count);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(frame_count));
}
BENCHMARK(parse_split_frames)->Arg(1460)->Arg(64)->Arg(1);

void decode_properties(benchmark::State& state) {
  const Bytes bytes = properties_bytes();
  for (auto _ : state) {
    auto properties = BasicProperties::decode(bytes);
    benchmark::DoNotOptimize(properties);
  }
}
BENCHMARK(decode_properties);

/// The arguments of a queue as OpenStack declares it.
void decode_table(benchmark::State& state) {
  FieldTable table;
  table.set("x-queue-type", FieldValue::long_string("quorum"));
  table.set("x-expires", FieldValue::int32(1'800'000));
  table.set("x-delivery-limit", FieldValue::int32(5));
  table.set("x-ha-policy", FieldValue::long_string("all"));
  Bytes bytes(4 + table.encoded_size());
  WireWriter writer(bytes);
  table.encode(writer);
  const auto content = std::span(bytes).subspan(4);
  for (auto _ : state) {
    auto decoded = FieldTable::decode(content);
    benchmark::DoNotOptimize(decoded);
  }
}
BENCHMARK(decode_table);

}  // namespace
}  // namespace leveret::protocol

BENCHMARK_MAIN();
