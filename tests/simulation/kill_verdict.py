"""What a campaign of kills came to, and what is read from the video for it."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from whole_site import percentile

OF_THE_NODE = ("worker", "supervisor", "node")
APART_S = 8.0  # pictures of somebody further apart are two visits
MOST_MISSING_S = 2.0
GAP_S = 0.25  # from picture to picture are 0.1 s


@dataclass(frozen=True, slots=True)
class Blow:
    """One kill, or more in quick succession. UTC seconds; watching_s, heard_s: from the first until all was well."""

    parts: tuple[str, ...]
    cameras: tuple[str, ...]
    at_s: tuple[float, ...]
    watching_s: float
    heard_s: float


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody before a camera, as the video shows. UTC seconds; watched_s: the longest time without a gap."""

    begins_at_s: float
    ends_at_s: float
    watched_s: float


@dataclass
class Verdict:
    """What a campaign came to; see `table`."""

    blows: list[Blow] = field(default_factory=list)
    missing_s: list[tuple[Blow, str, float]] = field(default_factory=list)
    unexplained_s: list[tuple[str, float, float]] = field(default_factory=list)
    visits: int = 0
    events: int = 0
    clips: int = 0
    messages: int = 0
    segments: int = 0
    clipless: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(len(blow.parts) for blow in self.blows)

    @property
    def missed(self) -> list[str]:
        """What must hold and does not."""
        named = {"lost": self.lost, "doubled": self.doubled, "unreadable": self.unreadable}
        told = [f"{len(found)} {name}: {'; '.join(found[:5])}" for name, found in named.items() if found]
        long = [s for blow, _, s in self.missing_s if s > MOST_MISSING_S * len(blow.parts)]
        if long:
            told.append(f"{len(long)} times more than {MOST_MISSING_S:g} s of video missing at a kill")
        if self.unexplained_s:
            told.append(f"video missing without a kill: {self.unexplained_s[:5]}")
        return told

    def table(self) -> str:
        lines = [f"{self.kills} kills: {dict(Counter(part for blow in self.blows for part in blow.parts))}"]
        lines += [
            f"{self.visits} visits seen on the video, {self.events} events at the console, {self.messages} messages"
        ]
        lines += [f"events lost {len(self.lost)}, doubled {len(self.doubled)}"]
        lines += [f"clips {self.clips}, segments {self.segments}, unreadable {len(self.unreadable)}"]
        lines += [f"events without a clip, each with its reason: {dict(self.clipless)}"]
        lines += ["video missing at a kill, s:"]
        for part in OF_THE_NODE:
            found = [s for blow, _, s in self.missing_s if blow.parts == (part,)]
            lines.append(f"  {part:10} {_spread(found)}")
        missing = [s / len(blow.parts) for blow, _, s in self.missing_s]
        lines.append(f"  {'each kill':10} {_spread(missing)}, over {MOST_MISSING_S:g} s: "
                     f"{sum(s > MOST_MISSING_S for s in missing)} of {len(missing)}")  # fmt: skip
        lines += ["time to be watching again, s:"]
        for part in OF_THE_NODE:
            lines.append(f"  {part:10} {_spread([b.watching_s for b in self.blows if b.parts == (part,)])}")
        of_node = [b.watching_s for b in self.blows if set(b.parts) & set(OF_THE_NODE)]
        lines.append(f"  {'all':10} {_spread(of_node)}")
        lines += ["time until the console hears the node again, s:"]
        for part in ("broker", "console"):
            lines.append(f"  {part:10} {_spread([b.heard_s for b in self.blows if b.parts == (part,)])}")
        return "\n".join(lines)


def _spread(values: list[float]) -> str:
    if not values:
        return "-"
    middle, most = percentile(values, 0.5), percentile(values, 0.95)
    return f"p50 {middle:.2f}  p95 {most:.2f}  max {max(values):.2f}  (n {len(values)})"


def visits(shown: list[tuple[float, bool]]) -> list[Visit]:
    """What pictures, oldest first, show: (UTC seconds, whether somebody is there)."""
    found: list[list[float]] = []
    for at_s, somebody in shown:
        if somebody:
            if not found or at_s - found[-1][-1] > APART_S:
                found.append([])
            found[-1].append(at_s)
    return [Visit(seen_s[0], seen_s[-1], _longest_s(seen_s)) for seen_s in found]


def _longest_s(seen_s: list[float]) -> float:
    longest_s, since_s = 0.0, seen_s[0]
    for before_s, at_s in pairwise(seen_s):
        if at_s - before_s > GAP_S:
            since_s = at_s
        longest_s = max(longest_s, at_s - since_s)
    return longest_s
