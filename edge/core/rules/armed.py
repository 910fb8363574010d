"""Since when a rule is armed: seconds outside its hours do not count."""

import math


class ArmedSince:
    """Remembers the media second at which the rule was armed last."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._known = False

    def update(self, armed: bool, now_s: float) -> float:
        """Media second since which the rule is armed; infinity while it is not.

        A rule that is armed at its very first frame counts as armed for ever, because a person's first sight may be
        dated back before that frame.
        """
        if not armed:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s if self._known else -math.inf
        self._known = True
        return math.inf if self._since_s is None else self._since_s
