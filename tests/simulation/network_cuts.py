"""Broker and console cut off from the node again and again: what happened meanwhile comes late, whole and once.

    python tests/simulation/network_cuts.py --cuts 30 --seed 7

In a network namespace of its own, in which answers from a port can be lost without a word, as by a broken line; needs
root, or a system on which everybody may make one. A cut is as long as the seed says, up to a time in which the node has
noticed and the console has said so. Recording goes on meanwhile without a gap. Exits with 1 where a figure is missed.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from site_reckoning import GAP_S, Found, Reckoning, cameras
from whole_site import NODE, Progress, WholeSite, percentile, wait_for, watched_site

from console.store import nodes

INSIDE = "--inside"
LONGEST_S, PAUSE_S = 45.0, 12.0
WHAT = ("broker", "console", "both")


class NoNamespaceError(Exception):
    """No network namespace can be made here."""


def own_namespace(command: list[str]) -> list[str]:
    """`command` so that it runs in a namespace of its own. Raises NoNamespaceError."""
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    tried = shutil.which("unshare") and shutil.which("ip")
    if not tried or subprocess.run([*unshare, "ip", "rule"], capture_output=True, check=False).returncode != 0:
        raise NoNamespaceError("no network namespace can be made here (unshare, ip rule): nothing was cut")
    return [*unshare, *command]


def prepare_namespace() -> None:
    """Loopback, and room for rules before it."""
    for line in ("link set lo up", "rule add pref 100 lookup local", "rule del pref 0"):
        subprocess.run(["ip", *line.split()], check=True)


@contextmanager
def cut(ports: list[int]):
    """Nothing that listens on `ports` can answer, while the block runs; who asks hears nothing at all."""
    rules = [f"pref {number} ipproto tcp sport {port} blackhole".split() for number, port in enumerate(ports, 10)]
    for rule in rules:
        subprocess.run(["ip", "rule", "add", *rule], check=True)
    try:
        yield
    finally:
        for rule in rules:
            subprocess.run(["ip", "rule", "del", *rule], check=True)


class CutCampaign:
    """Cuts, and then the reckoning. back_s: seconds from the end of each cut until the console had heard the node."""

    def __init__(self, site: WholeSite, seed: int) -> None:
        self._site, self._random, self._progress = site, random.Random(seed), Progress()
        self.back_s: list[float] = []
        self.cut_s: list[float] = []
        self.offline = 0  # cuts in which the console said that the node is away
        self.missed: list[str] = []

    def run(self, server, cuts: int, longest_s: float) -> Found:
        pids = self._pids()
        for number in range(1, cuts + 1):
            time.sleep(self._random.uniform(1.0, PAUSE_S))
            self._cut(self._random.choice(WHAT), self._random.uniform(2.0, longest_s))
            self._progress.say(
                f"{number} of {cuts} cuts, {sum(self.cut_s):.0f} s in all, {self.offline} told as offline"
            )
        if self._pids() != pids:
            self.missed.append(f"processes were started anew: {pids} became {self._pids()}")
        reckoning = Reckoning(self._site, self._progress)
        found = reckoning.run(server)
        for camera, shown_s in reckoning.shown.items():
            gaps = [(a, b) for a, b in pairwise(shown_s) if b - a > GAP_S and b < reckoning.settled_at_s]
            self.missed += [f"{camera}: nothing was recorded for {b - a:.1f} s" for a, b in gaps]
        self.missed += found.missed
        return found

    def _cut(self, what: str, lasts_s: float) -> None:
        site = self._site
        ports = {"broker": [site.port], "console": [site.console_port]}
        with cut(ports.get(what, [site.port, site.console_port])):
            time.sleep(lasts_s)
            with site.database.read() as connection:
                node = nodes.find(connection, NODE)
            self.offline += node is not None and node.status == "offline"
        ended_s = time.time()
        self.cut_s.append(lasts_s)
        wait_for(lambda: site.heard_since(ended_s), 120, "the console to hear the node again")
        self.back_s.append(time.time() - ended_s)

    def _pids(self) -> list[list[int]]:
        return [sorted(self._site.pids(part)) for part in ("broker", "console", "supervisor", "workers")]


def campaign(folder: Path, seed: int, cuts: int, longest_s: float) -> tuple[CutCampaign, Found]:
    """In the namespace. folder: empty."""
    with watched_site(folder, cameras()) as (site, server):
        running = CutCampaign(site, seed)
        return running, running.run(server, cuts, longest_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--longest", type=float, default=LONGEST_S, help="seconds of a cut at most")
    parser.add_argument("--keep", type=Path, help="an empty folder in which everything stays, logs too")
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not chosen.inside:
        try:
            command = own_namespace([sys.executable, __file__, *sys.argv[1:], INSIDE])
        except NoNamespaceError as error:
            print(f"NOT CHECKED: {error}")
            return 77
        return subprocess.run(command, check=False).returncode
    prepare_namespace()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        running, found = campaign(folder, chosen.seed, chosen.cuts, chosen.longest)
    back = [percentile(running.back_s, share) for share in (0.5, 0.95)]
    told = f"in {running.offline} of them the console said that the box is away"
    print(f"seed {chosen.seed}: {chosen.cuts} cuts, {sum(running.cut_s):.0f} s in all; {told}")
    print(found.table())
    print(f"until the console heard the node again after a cut: p50 {back[0]:.1f} s, p95 {back[1]:.1f} s")
    for told in running.missed:
        print(f"MISSED: {told}")
    return 1 if running.missed else 0


if __name__ == "__main__":
    sys.exit(main())
