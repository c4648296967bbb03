#include "broker/admin/admin_server.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <utility>


namespace leveret::admin {

namespace asio = boost::asio;

AdminServer::AdminServer(NodeFacts node)
    : node_(std::move(node)), context_(1), keeps_running_(context_.get_executor()) {}

AdminServer::~AdminServer() { stop(); }

void AdminServer::start(broker::ControlPort& broker) {
  broker_ = &broker;
  thread_ = std::thread([this] { context_.run(); });
}

void AdminServer::stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void AdminServer::adopt(int descriptor, HttpPeer peer) {
  asio::post(context_, [this, descriptor, peer = std::move(peer)] {
    if (connection_count_ >= connections_max) {
      ::close(descriptor);
      return;
    }
    ++connection_count_;
    serve_http(context_, descriptor, peer, *broker_, node_, [this] { --connection_count_; });
  });
}

}  // namespace leveret::admin
