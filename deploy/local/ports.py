"""Ports for servers of this machine that must find theirs free again after a restart.

The kernel gives ports of its ephemeral range to whoever connects or asks for any. While a server
that listens there is down, such a connection may take its port, for as long as it lasts. So ours
lie below.
"""

import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOWEST: Final = 15_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_LOW: Final = 32_768
"""Where Linux's begins unless somebody moved it; other systems' begin above."""


def unused_ports() -> Iterator[int]:
    """Yield ports of the loopback address that nobody listens on, none twice.

    They are chosen at random, so that two commands that begin at once do not choose the same.
    """
    for port in random.sample(range(LOWEST, _ephemeral_low()), k=1_000):
        with socket.socket() as probe:
            # As the servers do: what is left of a closed connection keeps nobody out.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


def unused_port() -> int:
    """Return one of them."""
    return next(unused_ports())


def _ephemeral_low() -> int:
    try:
        low = int(_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL_LOW
    return low if low > 2 * LOWEST else _USUAL_LOW
