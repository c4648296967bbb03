/// The methods that scripts speak, in few words: queue_declare("q", durable | nowait).
///
/// All are on channel 1, connection methods on channel 0; on_channel() changes that.
///
/// Thread: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "tests/session/frames.hpp"

namespace leveret::broker {

/// The bits of all methods, so that a script says which are set.
enum Flags : std::uint32_t {
  no_flags = 0,
  durable = 1u << 0,
  auto_delete = 1u << 1,
  exclusive = 1u << 2,
  passive = 1u << 3,
  nowait = 1u << 4,
  internal = 1u << 5,
  no_ack = 1u << 6,
  mandatory = 1u << 7,
  immediate = 1u << 8,
  multiple = 1u << 9,
  requeue = 1u << 10,
  if_unused = 1u << 11,
  if_empty = 1u << 12,
  global = 1u << 13,
  redelivered = 1u << 14,
};

constexpr Flags operator|(Flags left, Flags right) {
  return static_cast<Flags>(static_cast<std::uint32_t>(left) | static_cast<std::uint32_t>(right));
}
constexpr bool has(Flags flags, Flags flag) {
  return (static_cast<std::uint32_t>(flags) & static_cast<std::uint32_t>(flag)) != 0;
}

using protocol::FieldTable;
using protocol::FieldValue;
namespace amqp = protocol;

// ---- connection, channel -------------------------------------------------------------------

inline Frames protocol_header() { return raw_bytes(std::string_view("AMQP\0\0\x09\x01", 8)); }
inline Frames heartbeat() { return raw_frame(8, 0, ""); }

inline Frames start_ok(std::string_view mechanism, std::string_view response,
                       const FieldTable& client_properties = {}) {
  const TableBytes properties(client_properties);
  return frame_of(amqp::connection::StartOk{properties.view(), mechanism, response, "en_US"}, 0);
}
inline Frames tune(std::uint16_t channel_max, std::uint32_t frame_max, std::uint16_t heartbeat_s) {
  return frame_of(amqp::connection::Tune{channel_max, frame_max, heartbeat_s}, 0);
}
inline Frames tune_ok(std::uint16_t channel_max, std::uint32_t frame_max,
                      std::uint16_t heartbeat_s) {
  return frame_of(amqp::connection::TuneOk{channel_max, frame_max, heartbeat_s}, 0);
}
inline Frames connection_open(std::string_view vhost) {
  return frame_of(amqp::connection::Open{vhost, {}, false}, 0);
}
inline Frames connection_open_ok() { return frame_of(amqp::connection::OpenOk{}, 0); }
inline Frames connection_close(std::uint16_t code, std::string_view text,
                               amqp::MethodId method = {}) {
  return frame_of(amqp::connection::Close{code, text, method.class_id, method.method_id}, 0);
}
inline Frames connection_close_ok() { return frame_of(amqp::connection::CloseOk{}, 0); }
inline Frames connection_blocked(std::string_view reason) {
  return frame_of(amqp::connection::Blocked{reason}, 0);
}
inline Frames connection_unblocked() { return frame_of(amqp::connection::Unblocked{}, 0); }

inline Frames channel_open() { return frame_of(amqp::channel::Open{}); }
inline Frames channel_open_ok() { return frame_of(amqp::channel::OpenOk{}); }
inline Frames channel_close(std::uint16_t code = 200, std::string_view text = "",
                            amqp::MethodId method = {}) {
  return frame_of(amqp::channel::Close{code, text, method.class_id, method.method_id});
}
inline Frames channel_close_ok() { return frame_of(amqp::channel::CloseOk{}); }

// ---- exchanges -----------------------------------------------------------------------------

inline Frames exchange_declare(std::string_view name, std::string_view type,
                               Flags flags = no_flags, const FieldTable& arguments = {}) {
  const TableBytes encoded(arguments);
  return frame_of(amqp::exchange::Declare{0, name, type, has(flags, passive), has(flags, durable),
                                          has(flags, auto_delete), has(flags, internal),
                                          has(flags, nowait), encoded.view()});
}
inline Frames exchange_declare_ok() { return frame_of(amqp::exchange::DeclareOk{}); }
inline Frames exchange_delete(std::string_view name, Flags flags = no_flags) {
  return frame_of(amqp::exchange::Delete{0, name, has(flags, if_unused), has(flags, nowait)});
}
inline Frames exchange_delete_ok() { return frame_of(amqp::exchange::DeleteOk{}); }
inline Frames exchange_bind(std::string_view destination, std::string_view source,
                            std::string_view key = "", const FieldTable& arguments = {}) {
  const TableBytes encoded(arguments);
  return frame_of(amqp::exchange::Bind{0, destination, source, key, false, encoded.view()});
}
inline Frames exchange_bind_ok() { return frame_of(amqp::exchange::BindOk{}); }
inline Frames exchange_unbind(std::string_view destination, std::string_view source,
                              std::string_view key = "") {
  return frame_of(amqp::exchange::Unbind{0, destination, source, key, false, {}});
}
inline Frames exchange_unbind_ok() { return frame_of(amqp::exchange::UnbindOk{}); }

// ---- queues --------------------------------------------------------------------------------

inline Frames queue_declare(std::string_view name, Flags flags = no_flags,
                            const FieldTable& arguments = {}) {
  const TableBytes encoded(arguments);
  return frame_of(amqp::queue::Declare{0, name, has(flags, passive), has(flags, durable),
                                       has(flags, exclusive), has(flags, auto_delete),
                                       has(flags, nowait), encoded.view()});
}
inline Frames queue_declare_ok(std::string_view name, std::uint32_t messages,
                               std::uint32_t consumers) {
  return frame_of(amqp::queue::DeclareOk{name, messages, consumers});
}
inline Frames queue_bind(std::string_view queue, std::string_view exchange,
                         std::string_view key = "", const FieldTable& arguments = {}) {
  const TableBytes encoded(arguments);
  return frame_of(amqp::queue::Bind{0, queue, exchange, key, false, encoded.view()});
}
inline Frames queue_bind_ok() { return frame_of(amqp::queue::BindOk{}); }
inline Frames queue_unbind(std::string_view queue, std::string_view exchange,
                           std::string_view key = "") {
  return frame_of(amqp::queue::Unbind{0, queue, exchange, key, {}});
}
inline Frames queue_unbind_ok() { return frame_of(amqp::queue::UnbindOk{}); }
inline Frames queue_purge(std::string_view queue) {
  return frame_of(amqp::queue::Purge{0, queue, false});
}
inline Frames queue_purge_ok(std::uint32_t count) { return frame_of(amqp::queue::PurgeOk{count}); }
inline Frames queue_delete(std::string_view queue, Flags flags = no_flags) {
  return frame_of(amqp::queue::Delete{0, queue, has(flags, if_unused), has(flags, if_empty),
                                      has(flags, nowait)});
}
inline Frames queue_delete_ok(std::uint32_t count) {
  return frame_of(amqp::queue::DeleteOk{count});
}

// ---- basic ---------------------------------------------------------------------------------

inline Frames qos(std::uint16_t prefetch, Flags flags = no_flags) {
  return frame_of(amqp::basic::Qos{0, prefetch, has(flags, global)});
}
inline Frames qos_ok() { return frame_of(amqp::basic::QosOk{}); }
inline Frames consume(std::string_view queue, std::string_view tag, Flags flags = no_flags,
                      const FieldTable& arguments = {}) {
  const TableBytes encoded(arguments);
  return frame_of(amqp::basic::Consume{0, queue, tag, false, has(flags, no_ack),
                                       has(flags, exclusive), has(flags, nowait), encoded.view()});
}
inline Frames consume_ok(std::string_view tag) { return frame_of(amqp::basic::ConsumeOk{tag}); }
inline Frames cancel(std::string_view tag, Flags flags = no_flags) {
  return frame_of(amqp::basic::Cancel{tag, has(flags, nowait)});
}
inline Frames cancel_ok(std::string_view tag) { return frame_of(amqp::basic::CancelOk{tag}); }
inline Frames publish(std::string_view exchange, std::string_view key, std::string_view body,
                      const Properties& properties = {}, Flags flags = no_flags) {
  return frames_of(
      amqp::basic::Publish{0, exchange, key, has(flags, mandatory), has(flags, immediate)},
      properties, body);
}
inline Frames returned(std::string_view exchange, std::string_view key, std::string_view body,
                       const Properties& properties = {}) {
  return frames_of(amqp::basic::Return{312, "NO_ROUTE", exchange, key}, properties, body);
}
inline Frames returned_undelivered(std::string_view key, std::string_view body) {
  return frames_of(amqp::basic::Return{313, "NO_CONSUMERS", "", key}, Properties{}, body);
}
/// What a consumer of queue `key` gets of a message that was published to the default exchange;
/// with `exchange`, of any other.
inline Frames deliver(std::string_view tag, std::uint64_t delivery_tag, std::string_view key,
                      std::string_view body, Flags flags = no_flags,
                      const Properties& properties = {}, std::string_view exchange = "") {
  return frames_of(
      amqp::basic::Deliver{tag, delivery_tag, has(flags, redelivered), exchange, key}, properties,
      body);
}
inline Frames get(std::string_view queue, Flags flags = no_flags) {
  return frame_of(amqp::basic::Get{0, queue, has(flags, no_ack)});
}
inline Frames get_ok(std::uint64_t delivery_tag, std::uint32_t left_count, std::string_view key,
                     std::string_view body, Flags flags = no_flags,
                     const Properties& properties = {}, std::string_view exchange = "") {
  return frames_of(
      amqp::basic::GetOk{delivery_tag, has(flags, redelivered), exchange, key, left_count},
      properties, body);
}
inline Frames get_empty() { return frame_of(amqp::basic::GetEmpty{}); }
inline Frames ack(std::uint64_t delivery_tag, Flags flags = no_flags) {
  return frame_of(amqp::basic::Ack{delivery_tag, has(flags, multiple)});
}
inline Frames nack(std::uint64_t delivery_tag, Flags flags = no_flags) {
  return frame_of(amqp::basic::Nack{delivery_tag, has(flags, multiple), has(flags, requeue)});
}
inline Frames reject(std::uint64_t delivery_tag, Flags flags = no_flags) {
  return frame_of(amqp::basic::Reject{delivery_tag, has(flags, requeue)});
}
inline Frames recover(Flags flags = no_flags) {
  return frame_of(amqp::basic::Recover{has(flags, requeue)});
}
inline Frames recover_ok() { return frame_of(amqp::basic::RecoverOk{}); }

// ---- confirm, tx ---------------------------------------------------------------------------

inline Frames confirm_select() { return frame_of(amqp::confirm::Select{false}); }
inline Frames confirm_select_ok() { return frame_of(amqp::confirm::SelectOk{}); }
inline Frames tx_select() { return frame_of(amqp::tx::Select{}); }
inline Frames tx_select_ok() { return frame_of(amqp::tx::SelectOk{}); }
inline Frames tx_commit() { return frame_of(amqp::tx::Commit{}); }
inline Frames tx_commit_ok() { return frame_of(amqp::tx::CommitOk{}); }
inline Frames tx_rollback() { return frame_of(amqp::tx::Rollback{}); }
inline Frames tx_rollback_ok() { return frame_of(amqp::tx::RollbackOk{}); }

}  // namespace leveret::broker
