"""Which nodes are heard without a break, so that what comes from them came at once and nothing kept it on its way."""

SILENCE_S = 20.0  # a node tells of itself every 15 s
SETTLED_S = 10.0  # after a break, what was kept on either side of it has come


class SteadyLines:
    """Knows of a message whether its journey was short: only then its age tells a clock that was set."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, float]] = {}  # by node: the last message, and the first since a break

    def heard(self, node: str, arrived_at_s: float) -> bool:
        """Notes a message; returns whether it can't have waited anywhere. arrived_at_s: by the console's clock."""
        last_s, since_s = self._heard.get(node, (float("-inf"), arrived_at_s))
        if not 0.0 <= arrived_at_s - last_s <= SILENCE_S:
            since_s = arrived_at_s
        self._heard[node] = (arrived_at_s, since_s)
        return arrived_at_s - since_s >= SETTLED_S

    def broken(self) -> None:
        """The console itself heard nobody for a while."""
        self._heard = {}
