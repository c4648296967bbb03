#include "broker/core/connection_status.hpp"

namespace leveret::broker {

namespace {

std::string endpoint_text(const std::string& address, std::uint16_t port) {
  const bool is_ipv6 = address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace

std::string ConnectionStatus::name() const {
  return endpoint_text(peer_address, peer_port) + " -> " +
         endpoint_text(local_address, local_port);
}

}  // namespace leveret::broker
