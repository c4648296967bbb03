#include "broker/server/tcp_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "broker/server/logging.hpp"
#include "broker/server/shard.hpp"

namespace leveret::server {

namespace asio = boost::asio;

namespace {
// How long a client may take to read our last words and hang up. Closing at once could throw them
// away: the system resets a connection that is closed with unread input.
constexpr std::chrono::milliseconds linger_max{3'000};
constexpr std::size_t pieces_per_write = 256;

void set_option(int descriptor, int level, int name, int value) {
  // A missing option makes a connection no worse than the system's default.
  (void)::setsockopt(descriptor, level, name, &value, sizeof(value));
}

std::string error_text(int error) { return std::generic_category().message(error); }
}  // namespace

TcpConnection::TcpConnection(Shard& shard, int descriptor, broker::Peer peer,
                             broker::ConnectionId id)
    : shard_(shard), socket_(shard.context()),
      session_(shard.state(), shard.settings().session, *this, std::move(peer), id) {
  boost::system::error_code ignored;
  socket_.assign(asio::ip::tcp::v6(), descriptor, ignored);
  socket_.non_blocking(true, ignored);
  set_options();
}

TcpConnection::~TcpConnection() = default;

void TcpConnection::set_options() {
  const SocketSettings& settings = shard_.settings().socket;
  const int descriptor = socket_.native_handle();
  if (settings.nodelay) set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  if (settings.keepalive_s > 0) {
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(settings.keepalive_s));
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(settings.keepalive_s));
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
  }
  if (settings.user_timeout_ms > 0) {
    set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT,
               static_cast<int>(settings.user_timeout_ms));
  }
  if (settings.send_buffer_bytes > 0) {
    set_option(descriptor, SOL_SOCKET, SO_SNDBUF, static_cast<int>(settings.send_buffer_bytes));
  }
  if (settings.receive_buffer_bytes > 0) {
    set_option(descriptor, SOL_SOCKET, SO_RCVBUF, static_cast<int>(settings.receive_buffer_bytes));
  }
}

void TcpConnection::start() { wait_readable(); }

// ---- input ---------------------------------------------------------------------------------

void TcpConnection::wait_readable() {
  if (waits_readable_ || closed_) return;
  if (!lingering_ && !session_.wants_input()) {
    if (session_.reading_is_blocked()) watch_for_reset();
    return;
  }
  waits_readable_ = true;
  ++pending_count_;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [this](const boost::system::error_code& error) {
                       shard_.enter_turn();
                       waits_readable_ = false;
                       --pending_count_;
                       if (closed_) return;
                       if (error) return lose(error.message());
                       on_readable();
                     });
}

void TcpConnection::on_readable() {
  if (!lingering_ && !session_.wants_input()) return;  // Has changed since; resume() comes.
  const std::span<std::byte> scratch = shard_.scratch();
  const ssize_t size = ::recv(socket_.native_handle(), scratch.data(), scratch.size(), 0);
  if (size == 0) return lose("the client closed the socket");
  if (size < 0 && errno != EAGAIN && errno != EINTR) return lose(error_text(errno));
  if (size > 0) {
    received_bytes_ += static_cast<std::uint64_t>(size);
    ++receive_count_;
    if (!lingering_) session_.on_bytes(scratch.first(static_cast<std::size_t>(size)));
  }
  // It is read once a turn: a client that always has more to say must not fill the turn, at whose
  // end its messages are delivered.
  input_interest_changed();
}

std::optional<broker::ConnectionStatus> TcpConnection::status() const {
  auto status = session_.status();
  if (!status) return status;
  status->received_bytes = received_bytes_;
  status->sent_bytes = sent_bytes_;
  status->receive_count = receive_count_;
  status->send_count = send_count_;
  return status;
}

void TcpConnection::watch_for_reset() {
  if (watches_for_reset_) return;
  watches_for_reset_ = true;
  ++pending_count_;
  socket_.async_wait(asio::ip::tcp::socket::wait_error,
                     [this](const boost::system::error_code& error) {
                       shard_.enter_turn();
                       watches_for_reset_ = false;
                       --pending_count_;
                       if (closed_ || error) return;
                       pollfd state{socket_.native_handle(), 0, 0};
                       if (::poll(&state, 1, 0) <= 0) return;  // Urgent data, which means nothing.
                       lose("the client has reset the connection");
                     });
}

void TcpConnection::input_interest_changed() {
  if (resume_queued_ || closed_) return;
  resume_queued_ = true;
  shard_.resume_at_end(*this);
}

void TcpConnection::resume() {
  resume_queued_ = false;
  if (closed_) return;
  if (session_.wants_input()) session_.resume();
  wait_readable();
}

// ---- output --------------------------------------------------------------------------------

void TcpConnection::flush_later() {
  if (flush_queued_ || closed_) return;
  flush_queued_ = true;
  shard_.flush_at_end(*this);
}

void TcpConnection::flush() {
  flush_queued_ = false;
  if (closed_ || waits_writable_) return;
  broker::Outbox& outbox = session_.outbox();
  while (!outbox.empty()) {
    std::array<std::span<const std::byte>, pieces_per_write> pieces;
    const std::size_t count = outbox.gather(pieces);
    std::array<iovec, pieces_per_write> vector;
    std::size_t offered = 0;
    for (std::size_t i = 0; i < count; ++i) {
      vector[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
      offered += pieces[i].size();
    }
    msghdr message{};
    message.msg_iov = vector.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return wait_writable();
      return lose(error_text(errno));
    }
    sent_bytes_ += static_cast<std::uint64_t>(sent);
    ++send_count_;
    outbox.consume(static_cast<std::uint64_t>(sent));
    session_.on_sent();
    if (static_cast<std::size_t>(sent) < offered) return wait_writable();
  }
  if (closing_ && !lingering_) begin_linger();
}

void TcpConnection::wait_writable() {
  waits_writable_ = true;
  ++pending_count_;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [this](const boost::system::error_code& error) {
                       shard_.enter_turn();
                       waits_writable_ = false;
                       --pending_count_;
                       if (closed_) return;
                       if (error) return lose(error.message());
                       flush_later();
                     });
}

// ---- the end -------------------------------------------------------------------------------

void TcpConnection::close_after_flush() {
  if (closing_ || closed_) return;
  closing_ = true;
  // The client gets this long to take all of it, too: a dead one must not keep the socket.
  shard_.state().timers().arm(*this, shard_.state().now() + linger_max);
  flush_later();
}

void TcpConnection::begin_linger() {
  lingering_ = true;
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  wait_readable();
}

void TcpConnection::on_timer(Instant) { close(); }

void TcpConnection::lose(std::string_view why) {
  session_.on_peer_gone(why);
  close();
}

void TcpConnection::close() {
  if (closed_) return;
  closed_ = true;
  cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  shard_.reap_at_end(*this);
}

void TcpConnection::log(broker::SessionEvent event) { log_event(event); }

}  // namespace leveret::server
