"""Sites in a tree: province, district, school."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from console.domain.access import EVERYWHERE, Reach


class SiteKind(StrEnum):
    """What a site is."""

    PROVINCE = "province"
    DISTRICT = "district"
    SCHOOL = "school"


_RANK = {SiteKind.PROVINCE: 0, SiteKind.DISTRICT: 1, SiteKind.SCHOOL: 2}


@dataclass(frozen=True, slots=True)
class Site:
    """One of the tree. parent_id: None for what stands below nothing."""

    id: int
    name: str
    kind: SiteKind
    parent_id: int | None


@dataclass(frozen=True, slots=True)
class Grants:
    """Where somebody is to have rights, as it was granted: the whole tree, parts of it, single cameras (node id, name).

    A part goes on to cover what is put below it later.
    """

    everywhere: bool = False
    sites: frozenset[int] = frozenset()
    cameras: frozenset[tuple[int, str]] = frozenset()


WHOLE_TREE = Grants(everywhere=True)


def below(parents: Mapping[int, int | None], roots: Collection[int]) -> frozenset[int]:
    """Ids of `roots` and of all sites below them. parents: of each site the one above it, or None."""
    children: dict[int, list[int]] = defaultdict(list)
    for one, parent in parents.items():
        if parent is not None:
            children[parent].append(one)
    found: set[int] = set()
    waiting = [one for one in roots if one in parents]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += children[one]
    return frozenset(found)


def upwards(parents: Mapping[int, int | None], site_id: int) -> tuple[int, ...]:
    """A site and all above it, the nearest first. parents: of each site the one above it, or None."""
    found: list[int] = []
    one: int | None = site_id
    while one is not None and one not in found:
        found.append(one)
        one = parents.get(one)
    return tuple(found)


def reach_of(grants: Grants, parents: Mapping[int, int | None]) -> Reach:
    """The places that grants cover now."""
    if grants.everywhere:
        return EVERYWHERE
    return Reach(sites=below(parents, grants.sites), cameras=grants.cameras)


def common(first: Reach, second: Reach, sites_of_cameras: Mapping[tuple[int, str], int]) -> Reach:
    """The places that are in both. sites_of_cameras: where their single cameras stand."""
    if first.everywhere or second.everywhere:
        return second if first.everywhere else first
    single = {one for one in second.cameras if sites_of_cameras.get(one) in first.sites}
    single |= {one for one in first.cameras if sites_of_cameras.get(one) in second.sites}
    return Reach(sites=first.sites & second.sites, cameras=frozenset(single | first.cameras & second.cameras))


def may_stand_below(kind: SiteKind, parent: SiteKind | None) -> bool:
    """Whether a site of that kind can stand there: a district below a province, a school below either, all below none.

    A smaller one never has a larger one below it, so the tree has no loops.
    """
    return parent is None or _RANK[parent] < _RANK[kind]


def in_order(sites: Collection[Site]) -> list[tuple[int, Site]]:
    """Each site with its depth, a site before those below it, the same depth by name; for a list to read.

    One whose parent is not among `sites` stands at the left, as one below nothing does.
    """
    ids = {one.id for one in sites}
    children: dict[int | None, list[Site]] = defaultdict(list)
    for one in sorted(sites, key=lambda one: one.name.casefold(), reverse=True):
        children[one.parent_id if one.parent_id in ids else None].append(one)
    found: list[tuple[int, Site]] = []
    waiting = [(0, one) for one in children[None]]
    while waiting:
        depth, one = waiting.pop()
        found.append((depth, one))
        waiting += [(depth + 1, child) for child in children[one.id]]
    return found
