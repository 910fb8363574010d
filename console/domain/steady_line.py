"""Which nodes are heard without a break, so that what comes from them was sent as it was made."""

SILENCE_S = 60.0  # what a node kept waited no longer than it was silent; a clock that was set shows from LEAP_S on
SETTLED_S = 10.0  # after a break, what the node's side of it kept has come
JITTER_S = 2.0  # the broker tells whole seconds, and who reads the clock may be held up between two looks


class SteadyLines:
    """Knows of a message whether its journey was short: only then its age tells a clock that was set."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, float]] = {}  # by node: the last message, and the first since a break

    def heard(self, node: str, arrived_at_s: float) -> bool:
        """Notes a message; returns whether it can't have waited with its node.

        arrived_at_s: at the broker, by the console's clock, to `JITTER_S`.
        """
        last_s, since_s = self._heard.get(node, (float("-inf"), arrived_at_s))
        if not -JITTER_S <= arrived_at_s - last_s <= SILENCE_S:
            last_s = since_s = arrived_at_s
        self._heard[node] = (max(last_s, arrived_at_s), since_s)
        return arrived_at_s - since_s >= SETTLED_S
