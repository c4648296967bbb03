"""Addresses of this machine."""

import socket


def own_network_address():
    """An IPv4 address of this machine that is not a loopback one, or None. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # A datagram socket only looks up its route.
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address
