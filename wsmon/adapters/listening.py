"""Who can reach an address, and the socket to listen on there: the same for the REST service and the browser."""

from __future__ import annotations

import ipaddress
import socket

from wsmon.domain.errors import Refused

BACKLOG = 512
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""What this machine calls itself; under any other name a page may have come here by a trick of DNS."""

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
"""What a proxy says of whoever it speaks for: a request that bears one is not this machine's own, whoever connected."""


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_open_door(host: str, configured: bool) -> None:
    """Raise Refused for an address that others reach while no token is configured."""
    if not is_loopback(host) and not configured:
        raise Refused(
            f"{host} can be reached from other machines, and no token is configured: anybody could change worksets."
            " Make one first (`wsmon token create --role operator`), or listen on 127.0.0.1"
        )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises Refused."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Refused(f"cannot listen on {host} port {port}: {error.strerror or error}; choose another") from None
    except OverflowError:
        raise Refused(f"port {port} does not exist; use 0 to 65535") from None


def url_of(listener: socket.socket) -> str:
    """Where a socket is reached by HTTP."""
    address, port = listener.getsockname()[:2]
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"
