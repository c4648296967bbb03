/// A listening socket: accepts clients and hands each to a shard, in turn.
///
/// Owner:  the Server.   Thread: that of the io_context given to it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

#include "broker/session/session_host.hpp"
#include "protocol/base/result.hpp"

namespace leveret::server {

class Listener {
 public:
  /// Called with the descriptor of each accepted socket, which is the callee's from then on.
  using OnAccept = std::function<void(int descriptor, broker::Peer peer)>;

  Listener(boost::asio::io_context& context, OnAccept on_accept);

  /// Binds and listens. An empty address is all addresses, of IPv4 and IPv6; port 0 is any free
  /// one. Error: a sentence.
  Result<void, std::string> open(const std::string& address, std::uint16_t port, int backlog);
  std::uint16_t port() const { return port_; }
  /// What it is bound to: "127.0.0.1", "::".
  std::string address() const;
  /// What it is bound to, as in a URL: "127.0.0.1:5672", "[::]:5672".
  std::string endpoint_text() const;
  void close();

 private:
  void wait();
  void accept_all();
  void pause();

  boost::asio::io_context& context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  OnAccept on_accept_;
  std::uint16_t port_ = 0;
};

}  // namespace leveret::server
