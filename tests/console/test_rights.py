"""Rights as plain logic, and that no query finds what is out of reach."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from console.domain.access import EVERYWHERE, NOWHERE, Action, Place, Reach, Role, lent, may, may_give, rights_of
from console.domain.site_tree import Grants, Site, SiteKind, below, common, in_order, may_stand_below, reach_of
from console.store import narrowing, sites
from console.store.narrowing import PLACES, is_narrowed, seeing
from console.store.tables import alert, event, evidence_file, metadata, node, site

TREE = {1: None, 2: 1, 3: 1, 4: 2, 5: 3, 6: None}
# Tables that hold nothing of a place. A new one has to be named here, or have a column that says of which place it is.
OF_NO_PLACE = {"user_account", "recovery_code", "session", "sign_in_try", "known_browser", "one_time_link", "change"}
OF_NO_PLACE |= {"set_aside"}  # pages sort it out by the box that its topic names
OF_NO_PLACE |= {"outbox", "outbox_gap"}  # counts, read for a box that was found
OF_NO_PLACE |= {"wall_page", "push_subscription", "user_oidc"}  # of people; the console alone looks at them
NAMES_PLACES = {"site_grant", "camera_grant", "link_site", "api_token", "audit_entry"}


def test_a_grant_covers_what_is_below_it():
    assert below(TREE, {2}) == {2, 4}
    assert below(TREE, {1}) == {1, 2, 3, 4, 5}
    assert below(TREE, {9}) == set()
    assert below({1: 2, 2: 1}, {1}) == {1, 2}  # a loop, should there ever be one, ends
    reach = reach_of(Grants(sites=frozenset({3})), TREE)
    assert [one for one in TREE if reach.covers(Place(one))] == [3, 5]
    assert reach_of(Grants(), TREE) == NOWHERE
    assert reach_of(Grants(True), TREE) == EVERYWHERE


def test_no_by_default():
    assert not any(may(rights_of("stranger", EVERYWHERE), action) for action in Action)
    for role in Role:
        for action in Action:
            assert not may(rights_of(role, NOWHERE), action, Place(1))
    guard = rights_of(Role.GUARD, Reach(cameras=frozenset({(7, "gate")})))
    assert may(guard, Action.SEE_ALERTS, Place(4, 7, "gate"))
    for place in (Place(4), Place(4, 7), Place(4, 7, "yard"), Place(4, 8, "gate")):
        assert not may(guard, Action.SEE_ALERTS, place)
    assert guard.reach.touches(Place(4, 7))
    assert not guard.reach.touches(Place(4, 8))


@given(
    st.sets(st.sampled_from(sorted(TREE))),
    st.sets(st.sampled_from(sorted(TREE))),
    st.sets(st.tuples(st.integers(1, 6), st.sampled_from("ab"))),
    st.sets(st.tuples(st.integers(1, 6), st.sampled_from("ab"))),
)
def test_what_is_common_to_two_is_in_both_and_nothing_is_left_out(first, second, its, others):
    """Boxes stand at the site of their own number."""
    boxes = {(box, name): box for box in TREE for name in "ab"}
    one = reach_of(Grants(False, frozenset(first), frozenset(its)), TREE)
    two = reach_of(Grants(False, frozenset(second), frozenset(others)), TREE)
    both = common(one, two, boxes)
    for place in [Place(box, box, name) for box, name in boxes] + [Place(number) for number in TREE]:
        assert both.covers(place) == (one.covers(place) and two.covers(place))
    assert one.contains(both, boxes)
    assert two.contains(both, boxes)
    whole = {Place(box, box, name) for box, name in boxes if two.covers(Place(box, box, name))}
    if not one.contains(two, boxes):
        assert [place for place in whole if not one.covers(place)] or two.sites - one.sites


def test_a_token_is_never_more_than_its_owner():
    for owner in Role:
        for role in Role:
            for reads_only in (True, False):
                given_away = lent(rights_of(owner, EVERYWHERE), role, EVERYWHERE, reads_only=reads_only)
                assert given_away.actions <= rights_of(owner, EVERYWHERE).actions & rights_of(role, EVERYWHERE).actions
                assert Action.MANAGE_USERS not in given_away.actions
                assert not (reads_only and Action.HANDLE_ALERTS in given_away.actions)


def test_only_administrators_make_people():
    for role in Role:
        assert [may_give(rights_of(role, EVERYWHERE), other) for other in Role] == [role == Role.ADMINISTRATOR] * len(
            Role
        )


def test_the_order_of_sites():
    assert may_stand_below(SiteKind.SCHOOL, SiteKind.PROVINCE)
    assert not any(may_stand_below(kind, kind) for kind in SiteKind)
    tree = [
        Site(1, "P", SiteKind.PROVINCE, None),
        Site(2, "b", SiteKind.DISTRICT, 1),
        Site(3, "A", SiteKind.DISTRICT, 1),
    ]
    tree += [Site(4, "s", SiteKind.SCHOOL, 2), Site(5, "orphan", SiteKind.SCHOOL, 77)]
    assert [(depth, one.id) for depth, one in in_order(tree)] == [(0, 5), (0, 1), (1, 3), (1, 2), (2, 4)]


def test_every_table_is_of_places_or_of_none():
    placed = {name for name, table in metadata.tables.items() if is_narrowed(table)}
    assert placed | OF_NO_PLACE | NAMES_PLACES == set(metadata.tables)
    assert not placed & (OF_NO_PLACE | NAMES_PLACES)
    for name in placed - {"site"}:
        assert set(PLACES) & set(metadata.tables[name].c.keys())


@pytest.mark.system
def test_no_query_finds_what_is_out_of_reach(desk, schools):
    here, other = schools
    other_name = event.alias("second")
    queries = [
        sa.select(event.c.event_id),
        sa.select(alert.c.event_id).where(alert.c.state == "new"),
        sa.select(evidence_file.c.event_id),
        sa.select(event.c.event_id).join(node, node.c.id == event.c.node_id).join(site, site.c.id == node.c.site_id),
        sa.select(other_name.c.event_id),
        sa.select(sa.select(event.c.event_id).subquery().c.event_id),
        sa.select(event.c.event_id).union_all(sa.select(alert.c.event_id)),
        sa.select(event.c.event_id).where(sa.exists(sa.select(alert.c.event_id))),
        sa.select(alert.c.event_id).select_from(alert.outerjoin(event, event.c.event_id == alert.c.event_id)),
        sa.select(event.c.event_id).with_for_update(),
    ]
    for granted, found in ((Grants(sites=frozenset({here.district})), {here.event_id}), (Grants(), set())):
        with desk.console.database.read() as connection:
            reach = reach_of(granted, sites.parents(connection))
            for query in queries:
                with seeing(reach):
                    assert set(connection.execute(query).scalars()) == found, str(query)
                assert set(connection.execute(query).scalars()) == {here.event_id, other.event_id}
            with seeing(reach):
                assert connection.execute(sa.select(sa.func.count()).select_from(alert)).scalar_one() == len(found)
    assert narrowing._reach.get() == EVERYWHERE
