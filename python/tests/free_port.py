"""Ports that nobody takes between their choice and their use."""

import random
import socket

# Below are ports that well-known servers have.
_LOWEST = 12_000
_reservations = []


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, outside the range from which the kernel gives
    ports to clients and to port 0 (ip(7)). Until this process ends nobody else gets it here: an
    abstract socket of its number reserves it (unix(7)), as the tests of the daemon do it, too."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first = int(file.read().split()[0])
    # On a machine whose range begins at 1024, say, one of that range has to do.
    highest = first - 1 if first > _LOWEST else 65_535
    for _ in range(1000):
        port = random.randint(_LOWEST, highest)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0runfcgid-test-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                probe.listen()
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port
    raise AssertionError(f"no port from {_LOWEST} to {highest} is free")
