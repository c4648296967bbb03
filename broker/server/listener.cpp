#include "broker/server/listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "broker/server/logging.hpp"
#include "broker/server/process.hpp"

namespace leveret::server {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {
// After running out of descriptors: long enough not to spin, short enough not to be noticed.
constexpr std::chrono::milliseconds pause_after_failure{100};
// Accepted in one go, before others get their turn.
constexpr int accepts_per_turn_max = 64;

/// An IPv4 client of an IPv6 socket is shown, and judged, as what it is.
asio::ip::address plain_address(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}
}  // namespace

Listener::Listener(asio::io_context& context, OnAccept on_accept)
    : context_(context), acceptor_(context), pause_(context), on_accept_(std::move(on_accept)) {}

Result<void, std::string> Listener::open(const std::string& address, std::uint16_t port,
                                         int backlog) {
  boost::system::error_code error;
  const auto failed = [&](const std::string& what) {
    return tl::unexpected("cannot " + what + " " + (address.empty() ? "*" : address) + ":" +
                          std::to_string(port) + ": " + error.message());
  };
  tcp::endpoint endpoint(tcp::v6(), port);
  if (!address.empty()) {
    const auto parsed = asio::ip::make_address(address, error);
    if (error) return failed("understand the address");
    endpoint = {parsed, port};
  }
  acceptor_.open(endpoint.protocol(), error);
  if (error && address.empty()) {
    endpoint = {tcp::v4(), port};  // A machine without IPv6.
    acceptor_.open(endpoint.protocol(), error);
  }
  if (error) return failed("open a socket for");
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (endpoint.protocol() == tcp::v6()) {
    acceptor_.set_option(asio::ip::v6_only(!address.empty()), error);
  }
  acceptor_.bind(endpoint, error);
  if (error) return failed("bind to");
  acceptor_.listen(backlog, error);
  if (error) return failed("listen on");
  acceptor_.non_blocking(true, error);
  port_ = acceptor_.local_endpoint(error).port();
  wait();
  return {};
}

std::string Listener::address() const {
  boost::system::error_code error;
  return acceptor_.local_endpoint(error).address().to_string();
}

std::string Listener::endpoint_text() const {
  const std::string address = this->address();
  const bool is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port_);
}

void Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void Listener::wait() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
    if (!error && acceptor_.is_open()) accept_all();
  });
}

void Listener::accept_all() {
  for (int count = 0; count < accepts_per_turn_max; ++count) {
    if (!has_descriptor_for_client()) {
      log_error("cannot accept a connection: too few file descriptors are left (" +
                std::to_string(reserved_descriptor_count) + " are kept for the log)");
      return pause();
    }
    tcp::endpoint remote;
    tcp::endpoint local;
    const int descriptor = ::accept4(acceptor_.native_handle(), nullptr, nullptr,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) break;
      log_error("cannot accept a connection: " + std::generic_category().message(errno));
      return pause();
    }
    auto size = static_cast<socklen_t>(remote.capacity());
    auto local_size = static_cast<socklen_t>(local.capacity());
    if (::getpeername(descriptor, remote.data(), &size) != 0 ||
        ::getsockname(descriptor, local.data(), &local_size) != 0) {
      ::close(descriptor);  // It has gone already.
      continue;
    }
    remote.resize(size);
    local.resize(local_size);
    const asio::ip::address address = plain_address(remote.address());
    broker::Peer peer{address.to_string(), remote.port(), address.is_loopback()};
    peer.local_address = plain_address(local.address()).to_string();
    peer.local_port = local.port();
    on_accept_(descriptor, std::move(peer));
  }
  wait();
}

void Listener::pause() {
  pause_.expires_after(pause_after_failure);
  pause_.async_wait([this](const boost::system::error_code& error) {
    if (!error && acceptor_.is_open()) wait();
  });
}

}  // namespace leveret::server
