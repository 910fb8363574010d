"""Where people have rights, as it was granted."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.access import Reach, Rights, Role, may_manage
from console.domain.site_tree import Grants, reach_of
from console.store import sites
from console.store.tables import camera_grant, site_grant, user_account


def of_user(connection: Connection, user_id: int) -> Grants:
    """What was granted to a person; nothing where there is no such person."""
    everywhere = connection.execute(select(user_account.c.everywhere).where(user_account.c.id == user_id)).scalar()
    if everywhere:
        return Grants(everywhere=True)
    granted = select(site_grant.c.site_id).where(site_grant.c.user_id == user_id)
    single = select(camera_grant.c.node_id, camera_grant.c.camera).where(camera_grant.c.user_id == user_id)
    cameras = frozenset((row.node_id, row.camera) for row in connection.execute(single))
    return Grants(False, frozenset(connection.execute(granted).scalars()), cameras)


def of_everybody(connection: Connection) -> dict[int, Grants]:
    """What was granted to each account."""
    everywhere = select(user_account.c.id, user_account.c.everywhere)
    found = {row.id: (row.everywhere, set[int](), set[tuple[int, str]]()) for row in connection.execute(everywhere)}
    for row in connection.execute(select(site_grant)):
        found[row.user_id][1].add(row.site_id)
    for row in connection.execute(select(camera_grant)):
        found[row.user_id][2].add((row.node_id, row.camera))
    return {
        user_id: Grants(True) if whole else Grants(False, frozenset(granted), frozenset(cameras))
        for user_id, (whole, granted, cameras) in found.items()
    }


def manageable(connection: Connection, giver: Rights, roles: Mapping[int, Role]) -> dict[int, Grants]:
    """Of accounts with these roles those that somebody may look after, and what was granted to each."""
    granted, parents = of_everybody(connection), sites.parents(connection)
    reaches = {one: reach_of(granted[one], parents) for one in roles}
    boxes = sites_of_cameras(connection, reaches.values())
    return {one: granted[one] for one, role in roles.items() if may_manage(giver, role, reaches[one], boxes)}


def reach(connection: Connection, granted: Grants) -> Reach:
    """The places that grants cover now."""
    return reach_of(granted, {} if granted.everywhere or not granted.sites else sites.parents(connection))


def give(connection: Connection, user_id: int, granted: Grants) -> None:
    """Replaces what was granted to a person; it counts from their next request on."""
    for table in (site_grant, camera_grant):
        connection.execute(delete(table).where(table.c.user_id == user_id))
    everywhere = update(user_account).where(user_account.c.id == user_id)
    connection.execute(everywhere.values(everywhere=granted.everywhere))
    if granted.everywhere:
        return
    if granted.sites:
        rows = [{"user_id": user_id, "site_id": one} for one in sorted(granted.sites)]
        connection.execute(insert(site_grant), rows)
    if granted.cameras:
        single = [{"user_id": user_id, "node_id": box, "camera": name} for box, name in sorted(granted.cameras)]
        connection.execute(insert(camera_grant), single)


def sites_of_cameras(connection: Connection, reaches: Collection[Reach]) -> dict[tuple[int, str], int]:
    """Where the single cameras of all these stand."""
    cameras = {one for reach in reaches for one in reach.cameras}
    found = sites.sites_of_nodes(connection, {node_id for node_id, _ in cameras})
    return {one: found[one[0]] for one in cameras if one[0] in found}


def may_be_managed(connection: Connection, giver: Rights, role: Role, granted: Grants) -> bool:
    """Whether somebody may look after, or make, an account of that role with these grants."""
    its_reach = reach(connection, granted)
    return may_manage(giver, role, its_reach, sites_of_cameras(connection, (its_reach,)))
