"""Plans of sites: a drawing, and where cameras and zones stand on it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select, update

from console.store.tables import camera, node, plan_mark, site_plan


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a page must know of a plan."""

    sha256: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture (JPEG) of a site from above."""

    jpeg: bytes
    sheet: Sheet


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a plan: fractions of its width and height, from the upper left."""

    x: float
    y: float


Key = tuple[str, str, str]  # node, camera, zone; the zone is empty for the camera itself


def find(connection: Connection, site_id: int) -> Sheet | None:
    """The plan of a site, without its picture."""
    columns = (site_plan.c.sha256, site_plan.c.width_px, site_plan.c.height_px)
    row = connection.execute(select(*columns).where(site_plan.c.site_id == site_id)).first()
    return Sheet(row.sha256, row.width_px, row.height_px) if row else None


def jpeg(connection: Connection, site_id: int) -> bytes | None:
    """The picture of the plan of a site."""
    return connection.execute(select(site_plan.c.jpeg).where(site_plan.c.site_id == site_id)).scalar()


def set_drawing(connection: Connection, site_id: int, drawing: Drawing, now_s: float) -> None:
    """Keeps the plan of a site, in place of an older one; what stands on it stays where it is."""
    values = {**asdict(drawing.sheet), "jpeg": drawing.jpeg, "changed_at_s": now_s}
    same = site_plan.c.site_id == site_id
    if connection.execute(update(site_plan).where(same).values(**values)).rowcount == 0:
        connection.execute(insert(site_plan).values(site_id=site_id, **values))


def remove(connection: Connection, site_id: int) -> None:
    """Takes the plan of a site away, and what stands on it."""
    boxes = select(node.c.id).where(node.c.site_id == site_id)
    connection.execute(delete(plan_mark).where(plan_mark.c.node_id.in_(boxes)))
    connection.execute(delete(site_plan).where(site_plan.c.site_id == site_id))


def spots(connection: Connection, site_id: int) -> Mapping[Key, Spot]:
    """Where cameras and zones of a site stand on its plan."""
    query = select(plan_mark, node.c.name).join(node, node.c.id == plan_mark.c.node_id).where(node.c.site_id == site_id)
    return {(row.name, row.camera, row.zone): Spot(row.x, row.y) for row in connection.execute(query)}


def place(connection: Connection, site_id: int, key: Key, spot: Spot | None) -> bool:
    """Puts a camera or a zone of it at a spot, or takes it off; False where the site has no such camera."""
    node_name, camera_name, zone = key
    query = (
        select(camera.c.node_id)
        .join(node, node.c.id == camera.c.node_id)
        .where(node.c.site_id == site_id, node.c.name == node_name, camera.c.name == camera_name)
    )
    node_id = connection.execute(query).scalar()
    if node_id is None:
        return False
    mine = (plan_mark.c.node_id == node_id) & (plan_mark.c.camera == camera_name) & (plan_mark.c.zone == zone)
    if spot is None:
        connection.execute(delete(plan_mark).where(mine))
    elif connection.execute(update(plan_mark).where(mine).values(x=spot.x, y=spot.y)).rowcount == 0:
        values = {"node_id": node_id, "camera": camera_name, "zone": zone, "x": spot.x, "y": spot.y}
        connection.execute(insert(plan_mark).values(**values))
    return True
