#include "tests/session/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace leveret::broker {

Client::Client(World& world, ShardId shard, Peer peer, ConnectionId id)
    : world_(world), shard_(shard) {
  ShardState& state = world.shard(static_cast<std::size_t>(shard));
  state.begin_turn(world.now());
  session_ = std::make_unique<ConnectionSession>(
      state, std::make_shared<const SessionSettings>(world.settings()), *this, std::move(peer), id);
}

// ---- the script's side ---------------------------------------------------------------------

Client& Client::say(const Frames& frames, bool in_one_turn) {
  const auto unplayed = [this](const auto& client) {
    return client.get() != this && client->unplayed_;
  };
  const auto& clients = world_.clients();
  const bool chunked = world_.form().split == Split::chunk;
  if (in_one_turn || std::any_of(clients.begin(), clients.end(), unplayed)) world_.catch_up();

  std::string_view left = frames.bytes;
  while (!left.empty()) {
    std::size_t size = left.size();
    if (world_.form().split == Split::frames) size = first_frame_size(left);
    if (world_.form().split == Split::bytes) size = 1;
    // In a chunk, what was said before and waits is said in one breath with this.
    if (chunked && !input_.empty()) {
      input_.back().bytes += left;
    } else {
      input_.push_back({std::string(left.substr(0, size)), !in_one_turn || size == left.size()});
    }
    left.remove_prefix(size);
  }
  unplayed_ = true;
  if (!chunked || in_one_turn) world_.settle();
  return *this;
}

Client& Client::expect(Expected expected) {
  expected_ += expected.frames.bytes;
  place_ = expected.place;
  unplayed_ = true;
  if (world_.form().split != Split::chunk) check();
  return *this;
}

Client& Client::replies_nothing(std::source_location place) {
  world_.catch_up();
  if (!received_.empty()) {
    ADD_FAILURE_AT(place.file_name(), static_cast<int>(place.line()))
        << "nothing was expected, but there came" << describe(received_);
    received_.clear();
  }
  return *this;
}

Client& Client::turn_ends() {
  world_.catch_up();
  return *this;
}

std::string Client::take_frame() {
  world_.catch_up();
  const std::string frame = received_.substr(0, first_frame_size(received_));
  received_.erase(0, frame.size());
  return frame;
}

Frames Client::take_all() {
  world_.catch_up();
  return {std::exchange(received_, {})};
}

void Client::complain_about_method(protocol::MethodId wanted, const std::string& frame) {
  ADD_FAILURE() << protocol::method_name(wanted) << " was expected, but there came"
                << describe(frame);
}

Client& Client::is_closed(std::source_location place) {
  world_.catch_up();
  if (!closed_) {
    ADD_FAILURE_AT(place.file_name(), static_cast<int>(place.line())) << "the socket is open";
  }
  return *this;
}

Client& Client::is_not_closed(std::source_location place) {
  world_.catch_up();
  if (closed_) {
    ADD_FAILURE_AT(place.file_name(), static_cast<int>(place.line())) << "the socket is closed";
  }
  return *this;
}

void Client::hangs_up() {
  world_.catch_up();
  world_.shard(static_cast<std::size_t>(shard_)).begin_turn(world_.now());
  session_->on_peer_gone("the client closed the socket");
  closed_ = true;
  world_.settle();
}

void Client::vanish() {
  if (!closed_) session_->on_peer_gone("the script is over");
  closed_ = true;
}

void Client::reads_again() {
  reading_ = true;
  world_.settle();
}

bool Client::is_heard() {
  world_.catch_up();
  return session_->wants_input();
}

bool Client::has_logged(std::string_view part) const {
  return std::any_of(events_.begin(), events_.end(), [&](const SessionEvent& event) {
    return event.text.find(part) != std::string::npos;
  });
}

void Client::check() {
  unplayed_ = false;
  if (expected_.empty()) return;
  const std::string expected = std::exchange(expected_, {});
  if (received_.starts_with(expected)) {
    received_.erase(0, expected.size());
    return;
  }
  ADD_FAILURE_AT(place_.file_name(), static_cast<int>(place_.line()))
      << "expected:" << describe(expected) << "\nbut there came:" << describe(received_);
  received_.clear();
}

void Client::check_nothing_left() {
  if (received_.empty()) return;
  ADD_FAILURE() << "at the end of the script there came also" << describe(received_);
}

// ---- the socket's side ---------------------------------------------------------------------

bool Client::take_input() {
  if (closed_ || closing_) {
    input_.clear();
    return false;
  }
  bool taken = false;
  while (!input_.empty() && session_->wants_input() && !closing_) {
    const Piece piece = std::move(input_.front());
    input_.pop_front();
    session_->on_bytes(protocol::bytes_of(piece.bytes));
    taken = true;
    if (piece.turn_ends) break;
  }
  return taken;
}

bool Client::resume() {
  if (!std::exchange(interest_changed_, false) || closed_) return false;
  if (session_->wants_input()) session_->resume();
  return true;
}

bool Client::flush() {
  if (closed_) return false;
  Outbox& outbox = session_->outbox();
  bool sent = false;
  while (reading_ && !outbox.empty()) {
    std::array<std::span<const std::byte>, 4> pieces;
    const std::size_t count = outbox.gather(pieces);
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      received_ += protocol::text_of(pieces[i]);
      size += pieces[i].size();
    }
    outbox.consume(size);
    session_->on_sent();
    sent = true;
  }
  if (closing_ && outbox.empty()) closed_ = true;
  return sent;
}

}  // namespace leveret::broker
