/// The queues of the random worlds, and what is special about each.
///
/// Thread: plain values.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>

#include "broker/core/queue_arguments.hpp"

namespace leveret::broker {

struct SimQueue {
  const char* name;
  QueueType type = QueueType::classic;
  /// Where its dead letters go; null: nowhere.
  const char* dead_letters_to = nullptr;
  std::optional<std::uint32_t> delivery_limit = std::nullopt;
  std::optional<std::int32_t> max_priority = std::nullopt;
  std::optional<std::int32_t> message_ttl_ms = std::nullopt;
  bool has_single_active_consumer = false;
  /// It refuses what comes when it has as many messages.
  std::optional<std::int32_t> max_length = std::nullopt;
  /// At any time messages may go where its dead letters go, and nobody is told.
  bool drops = false;
  /// Dead letters go somewhere only while a policy says so.
  bool has_dead_lettering_policy = false;
  /// What is published to it goes through this exchange.
  const char* exchange = "";
  /// Its exchange drops what has been seen.
  bool is_deduplicated = false;
  std::optional<std::int32_t> expires_ms = std::nullopt;

  /// Kept queues are durable, and never deleted or purged.
  bool is_kept() const { return name[0] == 'k'; }
  bool is_auto_delete() const { return name[0] == 'a'; }
  bool delays() const { return std::string_view(exchange) == "later"; }
  bool is_stream() const { return type == QueueType::stream; }
  /// Whether it counts how often a message comes back.
  bool counts_returns() const { return type == QueueType::quorum; }
  /// Whether what is published as such, or any message, survives the end of the broker.
  bool keeps(bool is_persistent) const {
    return is_kept() && (is_persistent || type != QueueType::classic);
  }
};

/// Kept ones first, and those whose dead letters go to others before those.
inline constexpr std::array sim_queues{
    SimQueue{.name = "k0"},
    SimQueue{.name = "k1"},
    SimQueue{.name = "k2", .dead_letters_to = "k3"},
    SimQueue{.name = "kq", .type = QueueType::quorum, .dead_letters_to = "k3",
             .delivery_limit = 2},
    SimQueue{.name = "kr", .type = QueueType::quorum},
    SimQueue{.name = "ks", .type = QueueType::stream},
    SimQueue{.name = "kp", .max_priority = 2},
    SimQueue{.name = "ka", .has_single_active_consumer = true},
    SimQueue{.name = "kl", .dead_letters_to = "kd", .drops = true},
    SimQueue{.name = "km", .max_length = 5},
    SimQueue{.name = "kx", .dead_letters_to = "kd", .has_dead_lettering_policy = true},
    SimQueue{.name = "kt", .dead_letters_to = "kd", .message_ttl_ms = 20, .drops = true},
    SimQueue{.name = "ke", .exchange = "later"},
    SimQueue{.name = "ku", .exchange = "once", .is_deduplicated = true},
    SimQueue{.name = "k3"},
    SimQueue{.name = "kd"},
    SimQueue{.name = "d0"},
    SimQueue{.name = "d1"},
    SimQueue{.name = "a0"},
    SimQueue{.name = "t0", .message_ttl_ms = 5},
    SimQueue{.name = "x0", .expires_ms = 20},
};

inline constexpr auto kept_queues() {
  return sim_queues | std::views::filter([](const SimQueue& queue) { return queue.is_kept(); });
}

/// Requires: there is one of that name.
inline const SimQueue& sim_queue(std::string_view name) {
  return *std::ranges::find(sim_queues, name,
                            [](const SimQueue& queue) { return std::string_view(queue.name); });
}

}  // namespace leveret::broker
