/// The HTTP server: its thread, and the connections of its clients.
///
/// Owner:  main().   Thread: adopt() any; the rest its owner's.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <thread>

#include "broker/admin/call.hpp"
#include "broker/admin/http_connection.hpp"

namespace leveret::admin {

class AdminServer {
 public:
  /// It must outlive the broker that `broker` belongs to: answers may come late.
  explicit AdminServer(NodeFacts node);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Begins to serve. Requires: `broker` works until stop().
  void start(broker::ControlPort& broker);
  /// Takes over the socket of a client. Requires: start() was called.
  void adopt(int descriptor, HttpPeer peer);
  /// Ends the thread, in the middle of whatever it does.
  void stop();

 private:
  static constexpr std::size_t connections_max = 1000;

  const NodeFacts node_;
  broker::ControlPort* broker_ = nullptr;
  std::size_t connection_count_ = 0;  ///< The server's thread only.
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_;
  std::thread thread_;
};

}  // namespace leveret::admin
