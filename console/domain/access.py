"""Who may do what, and where. One function answers, and its answer is no unless the tables say yes."""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is here for."""

    ADMINISTRATOR = "administrator"
    SUPERVISOR = "supervisor"
    GUARD = "guard"
    POLICE = "police"
    INSTALLER = "installer"
    AUDITOR = "auditor"


class Action(StrEnum):
    """Something that a person does at the console."""

    USE_CONSOLE = "use_console"  # follow the live stream, which tells each only what they may know
    OWN_ACCOUNT = "own_account"  # sign out; one's own password, second factor, sessions
    OWN_TOKENS = "own_tokens"  # hand rights of one's own, or less, to a program
    SEE_ALERTS = "see_alerts"
    HANDLE_ALERTS = "handle_alerts"
    CORRECT_CLOSINGS = "correct_closings"  # of others: what an alert turned out to be, or that it is over at all
    DOWNLOAD_EVIDENCE = "download_evidence"
    HOLD_RECORDING = "hold_recording"  # have a box keep what it recorded, and let go of that again
    SEE_NODES = "see_nodes"
    SEE_STILLS = "see_stills"
    SEE_BLIND_TIMES = "see_blind_times"
    SEE_STATISTICS = "see_statistics"  # numbers of alerts, and of nobody's
    SET_INSTRUCTIONS = "set_instructions"  # what is to be done about alerts of a site, and which cameras are neighbours
    SET_CALENDAR = "set_calendar"  # when which rules of a site are armed
    SET_ESCALATION = "set_escalation"  # who is told of alerts of a site and when, and test alarms
    SET_CHANNELS = "set_channels"  # the ways by which people are told, with what opens them
    SET_PLANS = "set_plans"  # a site's plan, and where its cameras and zones stand on it
    MANAGE_USERS = "manage_users"
    MANAGE_SITES = "manage_sites"
    MANAGE_NODES = "manage_nodes"
    READ_AUDIT = "read_audit"


_EVERYBODY = frozenset({Action.USE_CONSOLE, Action.OWN_ACCOUNT})
_GUARD = _EVERYBODY | {
    Action.SEE_ALERTS,
    Action.HANDLE_ALERTS,
    Action.DOWNLOAD_EVIDENCE,
    Action.SEE_NODES,
    Action.SEE_STILLS,
    Action.SEE_BLIND_TIMES,
    Action.SEE_STATISTICS,
}
_ALLOWED: dict[Role, frozenset[Action]] = {
    Role.ADMINISTRATOR: frozenset(Action),
    # A supervisor answers for what the guards did.
    Role.SUPERVISOR: _GUARD
    | {Action.READ_AUDIT, Action.OWN_TOKENS, Action.SET_INSTRUCTIONS, Action.SET_CALENDAR, Action.CORRECT_CLOSINGS}
    | {Action.SET_ESCALATION, Action.SET_PLANS, Action.HOLD_RECORDING},
    Role.GUARD: _GUARD,
    # Police review what was recorded, and say what must be kept; handling alerts stays with the school.
    Role.POLICE: _EVERYBODY
    | {Action.SEE_ALERTS, Action.DOWNLOAD_EVIDENCE, Action.SEE_BLIND_TIMES, Action.HOLD_RECORDING},
    # An installer sets cameras up and has no business with alerts of people.
    Role.INSTALLER: _EVERYBODY
    | {Action.SEE_NODES, Action.SEE_STILLS, Action.MANAGE_NODES, Action.SEE_BLIND_TIMES, Action.SET_PLANS},
    # An auditor looks at what people did and whether it was watched, at no picture of anybody.
    Role.AUDITOR: _EVERYBODY
    | {Action.READ_AUDIT, Action.SEE_NODES, Action.SEE_BLIND_TIMES, Action.SEE_STATISTICS, Action.OWN_TOKENS},
}
# What a program never does in the name of a person: accounts, rights, and what leads to them.
_BY_PEOPLE_ONLY = frozenset(
    {Action.OWN_ACCOUNT, Action.OWN_TOKENS, Action.MANAGE_USERS, Action.MANAGE_SITES, Action.SET_CHANNELS}
)
_CHANGING = frozenset(
    {Action.HANDLE_ALERTS, Action.CORRECT_CLOSINGS, Action.SET_INSTRUCTIONS, Action.SET_CALENDAR}
    | {Action.SET_ESCALATION, Action.SET_PLANS, Action.MANAGE_NODES, Action.HOLD_RECORDING}
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands. node_id, camera: where it is one of a box, or of one of its cameras."""

    site_id: int
    node_id: int | None = None
    camera: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """The places of a person. Nowhere, unless said.

    everywhere: the whole tree, with what will be added. sites: ids of all sites, those below a granted one included.
    cameras: (node id, camera) of single cameras at other sites.
    """

    everywhere: bool = False
    sites: frozenset[int] = frozenset()
    cameras: frozenset[tuple[int, str]] = frozenset()

    def covers(self, place: Place) -> bool:
        """Whether a place is one of them. A box is, where its whole site is; or one camera of it, for that alone."""
        if self.everywhere or place.site_id in self.sites:
            return True
        return place.node_id is not None and (place.node_id, place.camera) in self.cameras

    def touches(self, place: Place) -> bool:
        """Whether a place, or a camera of that box, is one of them: then its name may be known."""
        return self.covers(place) or any(node_id == place.node_id for node_id, _ in self.cameras)

    def contains(self, other: "Reach", sites_of_cameras: dict[tuple[int, str], int]) -> bool:
        """Whether every place of `other` is one of these. sites_of_cameras: where its single cameras stand."""
        if self.everywhere:
            return True
        alone = {one for one in other.cameras if sites_of_cameras.get(one) not in self.sites}
        return not other.everywhere and other.sites <= self.sites and alone <= self.cameras


EVERYWHERE, NOWHERE = Reach(everywhere=True), Reach()


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do, and where."""

    actions: frozenset[Action]
    reach: Reach


def rights_of(role: Role, reach: Reach) -> Rights:
    """The rights of a person with `role` at these places."""
    return Rights(_ALLOWED.get(role, frozenset()), reach)


def lent(owner: Rights, role: Role, reach: Reach, *, reads_only: bool) -> Rights:
    """What a program may do with a token that its owner lent: never more than the owner may at this moment.

    reach: of the owner and of the token, both. reads_only: neither does nor changes anything.
    """
    actions = _ALLOWED.get(role, frozenset()) & owner.actions - _BY_PEOPLE_ONLY
    changing = _CHANGING if reads_only else set()
    return Rights(frozenset(actions - changing), reach)


def may(rights: Rights, action: Action, place: Place | None = None) -> bool:
    """Whether somebody may do `action`, at `place` where it is done at one; no by default."""
    return action in rights.actions and (place is None or rights.reach.covers(place))


def may_give(giver: Rights, role: Role) -> bool:
    """Whether somebody may make others what `role` is: who may do no more than they."""
    return Action.MANAGE_USERS in giver.actions and _ALLOWED[role] <= giver.actions


def may_manage(giver: Rights, role: Role, reach: Reach, sites_of_cameras: dict[tuple[int, str], int]) -> bool:
    """Whether somebody may look after an account of that role and reach: of nobody who may do or see more than they.

    An account without any place belongs to nobody's part of the tree, but to the whole. sites_of_cameras: see `Reach`.
    """
    somewhere = reach != NOWHERE or giver.reach.everywhere
    return may_give(giver, role) and somewhere and giver.reach.contains(reach, sites_of_cameras)


def roles_to_lend(actions: Set[Action]) -> tuple[Role, ...]:
    """Roles that a token of somebody may have."""
    return tuple(role for role in Role if _ALLOWED[role] - _BY_PEOPLE_ONLY <= actions)
