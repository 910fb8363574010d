"""Slows down guessing of passwords: at most so many tries for a key within a window."""

import ipaddress
from collections.abc import Sequence

from console.domain.account_name import folded

WINDOW_S = 300.0

# A browser in which somebody has signed in before is counted by itself alone: whoever guesses at a name, or shares an
# address with somebody who guesses, can hold up new browsers of that name or address, never those of people at work.
MOST = {"browser": 8, "name": 8, "address": 30}


def keys_of_try(address: str, name: str, known_browser: str | None) -> dict[str, str]:
    """What a try to sign in is counted under: kind of key -> key.

    address: where the request came from; name: as typed; known_browser: a token that this browser was given when
    that name signed in there before.
    """
    if known_browser is not None:
        return {"browser": known_browser}
    return {"name": folded(name), "address": _network(address)}


def _network(address: str) -> str:
    """An IPv6 /64 is one subscriber's, who may take another address of it for every try; other addresses stay."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address  # a socket's, without any
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), 64), strict=False))


def wait_s(kind: str, times_s: Sequence[float], now_s: float) -> float:
    """Seconds until a key may be tried again; 0.0 when it may now.

    times_s: its earlier tries in rising order, UTC seconds like now_s.
    """
    within = [time_s for time_s in times_s if now_s - time_s < WINDOW_S]
    if len(within) < MOST[kind]:
        return 0.0
    return WINDOW_S - (now_s - within[-MOST[kind]])
