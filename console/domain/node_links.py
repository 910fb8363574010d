"""Network sockets of a node that are no longer there: the node itself forgets one that has vanished."""

from collections.abc import Iterable, Mapping

Links = Mapping[str, float | None]
MOST_GONE = 8  # remembered: a telephone that is plugged in to share its network has another name each time


def links_after(known: Links, present: Iterable[tuple[str, bool]], at_s: float) -> dict[str, float | None]:
    """What is known of a node's sockets after one more report: by name since when it is gone, None while it is there.

    known: before; empty where the node has started since. present: name, and whether it is connected. at_s: of the
    report, UTC seconds. A socket that was never connected is none that anybody misses.
    """
    there = dict(present)
    found: dict[str, float | None] = {name: None for name, up in there.items() if up or name in known}
    for name, gone_at_s in known.items():
        if name not in there:
            found[name] = at_s if gone_at_s is None else gone_at_s
    gone = sorted((since_s, name) for name, since_s in found.items() if since_s is not None)
    for _, name in gone[:-MOST_GONE]:
        del found[name]
    return found
