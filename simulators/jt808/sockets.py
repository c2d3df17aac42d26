"""Many connections from one process: file handles, and source addresses."""

from __future__ import annotations

import ipaddress
import logging

log = logging.getLogger(__name__)

_SPARE = 200
"""Handles for everything but the connections; a guess."""


def make_room_for(connections: int) -> int:
    """Raise the limit of open files as far as needed and allowed; how many connections there is room for."""
    try:
        import resource
    except ImportError:  # a system without such limits
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= wanted:
        return connections
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted) if hard != unlimited else hard))
        return connections
    except (ValueError, OSError):
        pass
    if hard != unlimited and hard > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    room = min(connections, max(soft - _SPARE, 1))
    if room < connections:
        log.warning("only %d open files are allowed: room for %d of %d connections", soft, room, connections)
    return room


def source_address(host: str, number: int, addresses: int) -> tuple[str, int] | None:
    """Where connection ``number`` comes from: 127.0.0.1 to 127.0.0.``addresses`` in turn, towards loopback only.

    One source address has ports for about 28,000 connections to one server, and a server may count by address.
    None: as the system likes.
    """
    if addresses < 2:
        return None
    try:
        loopback = host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        loopback = False
    return (f"127.0.0.{1 + number % min(addresses, 250)}", 0) if loopback else None
