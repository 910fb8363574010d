"""Where somebody looks: a list to choose from, or, of a whole province, a site that is found by its name first."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from console.domain.site_tree import Site, below
from console.store import sites
from console.store.blind_times import Scope
from console.web.blind_places import MOST_CHOICES, Place, places

MOST_SITES = 24  # of those that a name fits, in the list to choose from


@dataclass(frozen=True, slots=True)
class Places:
    """What there is to choose, and what was chosen.

    options: by key; of the chosen site alone where there are too many cameras for one list (many).
    site: of what was chosen, or the one site there is; None where it is several sites. within: ids of the sites meant;
    None for all that may be seen. fitting: sites whose names fit what was searched for.
    """

    options: Mapping[str, Place]
    chosen: Place
    site: Site | None
    within: frozenset[int] | None
    many: bool
    fitting: Sequence[Site] = ()
    fitting_in_all: int = 0

    @property
    def of_many_sites(self) -> bool:
        """Whether the site must be told with each camera."""
        if self.site is None:
            return True
        above = self.chosen.scope.site_id is not None and self.chosen.camera is None  # a district, a province
        return above and (self.within is None or len(self.within) > 1)


def find(connection: Connection, key: str, name: str = "") -> Places | None:
    """The places for a page; None where what was chosen is not there. key: see `Place`; name: part of a site's."""
    every = {one.id: one for one in sites.listing(connection)}
    many = sites.has_more_cameras(connection, MOST_CHOICES)
    if not many:
        options = places(connection)
        own = {one.camera.site_id for one in options.values() if one.camera}
        chosen = options.get(key) or _of_site(key, every)
        if chosen is None:
            return None
        only = next(iter(own)) if len(own) == 1 else None
        return Places(options, chosen, every.get(_site_of(chosen) or only or 0), _within(chosen, every), many=False)
    fitting = _fitting(every.values(), name) if name else []
    if not key and len(fitting) == 1:
        key = f"/{fitting[0].id}"
    site_id = _number(key) if key.startswith("/") else sites.site_of_box(connection, key.split("/")[0])
    options = places(connection, site_id=site_id) if site_id in every else {}
    options = {one: place for one, place in options.items() if place.camera}
    chosen = options.get(key) or _of_site(key, every)
    if chosen is None:
        return None
    site = every.get(_site_of(chosen) or 0)
    shown = fitting[:MOST_SITES]
    return Places(options, chosen, site, _within(chosen, every), many=True, fitting=shown, fitting_in_all=len(fitting))


def folded(text: str) -> str:
    """Without capitals and marks, which people in a hurry do not write."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(one for one in plain if not unicodedata.combining(one))


def _fitting(every: Iterable[Site], name: str) -> list[Site]:
    wanted = folded(name)
    found = (one for one in every if wanted in folded(one.name))
    return sorted(found, key=lambda one: (len(one.name), one.name))


def _of_site(key: str, every: Mapping[int, Site]) -> Place | None:
    if not key:
        return Place("", "", Scope())
    site = every.get(_number(key)) if key.startswith("/") else None
    return Place(key, site.name, Scope(site.id)) if site else None


def _site_of(chosen: Place) -> int | None:
    return chosen.camera.site_id if chosen.camera else chosen.scope.site_id


def _within(chosen: Place, every: Mapping[int, Site]) -> frozenset[int] | None:
    if chosen.camera:
        return frozenset({chosen.camera.site_id})
    if chosen.scope.site_id is None:
        return None
    found = below({one.id: one.parent_id for one in every.values()}, [chosen.scope.site_id])
    # A list of all thousand sites says no more than no list, and costs more.
    return None if len(found) > 1 and found == every.keys() else found


def _number(key: str) -> int:
    digits = key.removeprefix("/")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
