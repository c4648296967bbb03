/// One client's socket: reads when its session wants input, writes what its session has to say.
///
/// Idle, it holds no buffer: it waits for the socket to become readable and then reads into the
/// shard's scratch memory.
///
/// Owner:  one Shard.   Thread: that shard.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>

#include "broker/core/timer_queue.hpp"
#include "broker/session/connection_session.hpp"
#include "broker/session/session_host.hpp"

namespace leveret::server {

class Shard;

class TcpConnection final : public broker::SessionHost, private broker::Timer {
 public:
  /// Takes over the descriptor of an accepted socket.
  TcpConnection(Shard& shard, int descriptor, broker::Peer peer, broker::ConnectionId id);
  ~TcpConnection();

  void start();
  /// Writes what the session has to say, as far as the socket takes it.
  void flush();
  /// Goes on with the session's input, if it is wanted again.
  void resume();
  /// Nothing refers to this object any more and its session has nothing to wait for.
  bool done() const {
    return closed_ && pending_count_ == 0 && !flush_queued_ && !resume_queued_ &&
           session_.finished();
  }

  const broker::ConnectionSession& session() const { return session_; }
  /// As the session has it, with what the socket has moved.
  std::optional<broker::ConnectionStatus> status() const;
  void end_forcibly(const std::string& reason) { session_.end_forcibly(reason); }

  // ---- SessionHost ----
  void flush_later() override;
  void close_after_flush() override;
  void input_interest_changed() override;
  void log(broker::SessionEvent event) override;

 private:
  void set_options();
  void wait_readable();
  void on_readable();
  void wait_writable();
  /// A client that an alarm holds is not read, so only this tells that it has gone.
  void watch_for_reset();
  void begin_linger();
  void lose(std::string_view why);
  void close();
  void on_timer(Instant now) override;

  Shard& shard_;
  boost::asio::ip::tcp::socket socket_;
  broker::ConnectionSession session_;
  std::uint64_t received_bytes_ = 0, sent_bytes_ = 0;
  std::uint64_t receive_count_ = 0, send_count_ = 0;
  std::uint8_t pending_count_ = 0;  ///< Handlers that have not been called.
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool watches_for_reset_ = false;
  bool flush_queued_ = false;
  bool resume_queued_ = false;
  bool closing_ = false;    ///< The session has ended; what is in the outbox still leaves.
  bool lingering_ = false;  ///< All is sent; the client's end of the stream is awaited.
  bool closed_ = false;
};

}  // namespace leveret::server
