/// The other end of a session, as a script moves it: what it says, and what it must hear.
///
///     client.receives(queue_declare("q", durable)).replies(queue_declare_ok("q", 0, 0));
///
/// "Receives" and "replies" are said of the session. What it replies is compared byte by byte, and
/// what it says beyond that makes the next comparison fail, or the script's end.
///
/// Owner:  one World.   Thread: the test's.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "broker/session/connection_session.hpp"
#include "broker/session/session_host.hpp"
#include "protocol/bytes.hpp"
#include "tests/session/frames.hpp"
#include "tests/session/world.hpp"

namespace leveret::broker {

/// What must come, and which line of a script says so.
struct Expected {
  Expected(Frames wanted,  // NOLINT(google-explicit-constructor): reads as a script.
           std::source_location where = std::source_location::current())
      : frames(std::move(wanted)), place(where) {}
  Frames frames;
  std::source_location place;
};

class Client final : public SessionHost {
 public:
  Client(World& world, ShardId shard, Peer peer, ConnectionId id);

  // ---- what scripts say ----
  /// The session is sent these frames.
  template <class... More>
  Client& receives(const Frames& frames, const More&... more) {
    Frames all = frames;
    ((all = all + more), ...);
    return say(all, false);
  }
  /// The same, within one turn: what it leads to at the turn's end happens once, after all of it.
  template <class... More>
  Client& receives_in_one_turn(const Frames& frames, const More&... more) {
    Frames all = frames;
    ((all = all + more), ...);
    return say(all, true);
  }
  template <class... More>
  Client& replies(Expected first, const More&... more) {
    ((first.frames = first.frames + more), ...);
    return expect(std::move(first));
  }
  /// Nothing has come since what was last expected.
  Client& replies_nothing(std::source_location place = std::source_location::current());
  /// Ends what may be played as one chunk: what comes before shares no turn with what follows.
  Client& turn_ends();

  /// The next frame, which must be this method; what `read` makes of it is returned.
  template <class Method, class Read>
  auto takes(Read&& read) {
    Taker<Method, std::decay_t<Read>> taker{std::forward<Read>(read), {}};
    const std::string frame = take_frame();
    const std::string_view payload =
        frame.size() < protocol::frame_overhead_bytes
            ? std::string_view()
            : std::string_view(frame).substr(7, frame.size() - protocol::frame_overhead_bytes);
    const auto read_method = protocol::dispatch_method(protocol::bytes_of(payload), taker);
    if (!read_method || !taker.result) complain_about_method(Method::id, frame);
    return taker.result.value_or(typename Taker<Method, std::decay_t<Read>>::Value{});
  }
  /// The next frame, whatever it is; empty when there is none.
  std::string take_frame();
  /// Everything that has come, unread so far.
  Frames take_all();

  /// The broker has closed the socket, after what was expected.
  Client& is_closed(std::source_location place = std::source_location::current());
  Client& is_not_closed(std::source_location place = std::source_location::current());
  /// The socket breaks.
  void hangs_up();
  /// The client's machine takes no more bytes, or takes them again.
  void stops_reading() { reading_ = false; }
  void reads_again();
  /// Whether the broker reads this client's socket.
  bool is_heard();

  // ---- the world ----
  ShardId shard() const { return shard_; }
  /// Gives the session its next piece of input. False when there is none, or it wants none.
  bool take_input();
  bool resume();
  bool flush();
  /// Compares what has come with what was expected.
  void check();
  /// Says what came unexpectedly.
  void check_nothing_left();
  /// Goes away without a check: the script is over.
  void vanish();

  ConnectionSession& session() { return *session_; }
  std::uint64_t unsent_bytes() { return session_->outbox().pending_bytes(); }
  const std::vector<SessionEvent>& events() const { return events_; }
  /// Whether a line of the log has this in it.
  bool has_logged(std::string_view part) const;

 private:
  template <class Method, class Read>
  struct Taker {
    using Value = std::decay_t<std::invoke_result_t<Read, const Method&>>;
    Read read;
    std::optional<Value> result;
    template <class Other>
    void on(const Other&) {}
    void on(const Method& method) { result = read(method); }
  };

  struct Piece {
    std::string bytes;
    bool turn_ends = true;
  };

  void flush_later() override {}
  void close_after_flush() override { closing_ = true; }
  void input_interest_changed() override { interest_changed_ = true; }
  void log(SessionEvent event) override { events_.push_back(std::move(event)); }

  Client& say(const Frames& frames, bool in_one_turn);
  Client& expect(Expected expected);
  void complain_about_method(protocol::MethodId wanted, const std::string& frame);

  World& world_;
  ShardId shard_;
  std::unique_ptr<ConnectionSession> session_;
  std::deque<Piece> input_;
  std::string received_;
  std::string expected_;
  std::source_location place_;
  std::vector<SessionEvent> events_;
  bool unplayed_ = false;  ///< Something was said, or expected, that has not been played.
  bool interest_changed_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool reading_ = true;
};

}  // namespace leveret::broker
