#include "broker/server/internal_socket.hpp"

#include <sys/socket.h>

#include <array>
#include <utility>

#include "broker/server/process.hpp"

namespace leveret::server {

int connect_internally(Shard& shard) {
  std::array<int, 2> ends{};
  if (!has_descriptor_for_client() ||
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return -1;
  }
  broker::Peer peer;
  peer.address = "internal";
  peer.is_loopback = true;
  peer.is_internal = true;
  shard.adopt(ends[0], std::move(peer));
  return ends[1];
}

}  // namespace leveret::server
