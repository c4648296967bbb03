/// What a session needs of the shell that owns its socket.
///
/// Owner: the shell's connection object.   Thread: the session's shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leveret::broker {

/// Something that an operator may want to read: one line of the log.
struct SessionEvent {
  enum class Level : std::uint8_t { debug, info, warning, error };
  enum class Category : std::uint8_t { connection, channel, queue, auth };
  Level level = Level::info;
  Category category = Category::connection;
  std::string text;
};

class SessionHost {
 public:
  /// The outbox has something in it: flush it at the end of the turn.
  virtual void flush_later() = 0;
  /// Nothing more will be said: send what is in the outbox, then close the socket.
  virtual void close_after_flush() = 0;
  /// Whether input is wanted has changed; ask wants_input(), and call resume() if it is.
  virtual void input_interest_changed() = 0;
  virtual void log(SessionEvent event) = 0;

 protected:
  ~SessionHost() = default;
};

/// The other end of a connection.
struct Peer {
  std::string address;
  std::uint16_t port = 0;
  bool is_loopback = false;
  /// The broker itself, by a socket that nobody else can have. It may log in as any user without a
  /// password, and without a name as itself: then it may enter any virtual host and do everything.
  bool is_internal = false;
  /// What it has connected to.
  std::string local_address = {};
  std::uint16_t local_port = 0;
};

}  // namespace leveret::broker
