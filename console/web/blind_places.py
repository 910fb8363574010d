"""Places of which one can ask when they were watched: everything, each site, each camera, each zone."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from console.store import known_cameras
from console.store.blind_times import BlindTime, Scope

MOST_CHOICES = 150  # cameras in a list to choose from; among more one searches


@dataclass(frozen=True, slots=True)
class Place:
    """Something to choose. key: what stands for it in addresses. camera: None where it is a site, or everything."""

    key: str
    label: str
    scope: Scope
    camera: known_cameras.KnownCamera | None = None
    zone: known_cameras.Zone | None = None


def places(connection: Connection, *, whole: bool = False, site_id: int | None = None) -> dict[str, Place]:
    """By key everything, each site, each camera and each zone, in the order of a list to choose from.

    Without the zones where there are too many for a list; whole: with them all the same. site_id: those of one site.
    """
    found = {"": Place("", "", Scope())}
    cameras = known_cameras.listing(connection, site_id)
    boxes = None if site_id is None else {one.node_id for one in cameras}
    zones = known_cameras.zones(connection, boxes) if len(cameras) <= MOST_CHOICES or whole else {}
    for camera in cameras:
        one = replace(camera, zones=zones.get((camera.node_id, camera.name), ()))
        site = key_of("", str(one.site_id))
        found.setdefault(site, Place(site, one.site, Scope(one.site_id)))
        scope = Scope(node_id=one.node_id, camera=one.name)
        key = key_of(one.node, one.name)
        found[key] = Place(key, one.label, scope, one)
        found |= _zones_of(one)
    return found


def _zones_of(camera: known_cameras.KnownCamera) -> dict[str, Place]:
    found = {}
    for zone in camera.zones:
        scope = Scope(node_id=camera.node_id, camera=camera.name, zone=zone.name)
        key = key_of(camera.node, camera.name, zone.name)
        found[key] = Place(key, zone.label, scope, camera, zone)
    return found


def add_zones(connection: Connection, known: dict[str, Place], keys: Iterable[str]) -> None:
    """Adds the zones of the cameras of these places, where `places` left them out."""
    lacking = {key: one for key in keys if (one := known.get(key)) and one.camera and not one.camera.zones}
    zones = known_cameras.zones(connection, {one.scope.node_id or 0 for one in lacking.values()}) if lacking else {}
    for key, place in lacking.items():
        assert place.camera is not None
        camera = replace(place.camera, zones=zones.get((place.camera.node_id, place.camera.name), ()))
        known[key] = replace(place, camera=camera)
        known |= _zones_of(camera)


def camera_key(key: str) -> str:
    """The key of the camera of a place: of a zone that of its camera."""
    return key_of(*key.split("/")[:2])


def camera_keys(times: Iterable[BlindTime]) -> Iterable[str]:
    """The keys of the cameras of times."""
    return (key_of(one.node, one.camera) for one in times)


def key_of(*names: str) -> str:
    """What stands for a place in addresses, by the names of its node, its camera and its zone."""
    return "/".join(names)
