"""What a campaign of kills came to."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from site_reckoning import Found
from whole_site import percentile

OF_THE_NODE = ("worker", "supervisor", "node")
MOST_MISSING_S = 2.0


@dataclass(frozen=True, slots=True)
class Blow:
    """One kill, or more in quick succession. UTC seconds; watching_s, heard_s: from the first until all was well."""

    parts: tuple[str, ...]
    cameras: tuple[str, ...]
    at_s: tuple[float, ...]
    watching_s: float
    heard_s: float


@dataclass
class Verdict:
    """What a campaign came to; see `table`."""

    blows: list[Blow] = field(default_factory=list)
    missing_s: list[tuple[Blow, str, float]] = field(default_factory=list)
    unexplained_s: list[tuple[str, float, float]] = field(default_factory=list)
    found: Found = field(default_factory=Found)

    @property
    def kills(self) -> int:
        return sum(len(blow.parts) for blow in self.blows)

    @property
    def missed(self) -> list[str]:
        """What must hold and does not."""
        told = self.found.missed
        long = [s for blow, _, s in self.missing_s if s > MOST_MISSING_S * len(blow.parts)]
        if long:
            told.append(f"{len(long)} times more than {MOST_MISSING_S:g} s of video missing at a kill")
        if self.unexplained_s:
            told.append(f"video missing without a kill: {self.unexplained_s[:5]}")
        return told

    def table(self) -> str:
        lines = [f"{self.kills} kills: {dict(Counter(part for blow in self.blows for part in blow.parts))}"]
        lines += [self.found.table(), "video missing at a kill, s:"]
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
