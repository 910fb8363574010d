"""Who may do what. One function answers, and its answer is no unless the table says yes."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is here for."""

    ADMINISTRATOR = "administrator"
    GUARD = "guard"
    POLICE = "police"
    INSTALLER = "installer"


class Action(StrEnum):
    """Something that a person does at the console."""

    USE_CONSOLE = "use_console"  # sign out, own account, follow the live stream
    SEE_ALERTS = "see_alerts"
    HANDLE_ALERTS = "handle_alerts"
    DOWNLOAD_EVIDENCE = "download_evidence"
    SEE_NODES = "see_nodes"
    SEE_STILLS = "see_stills"
    MANAGE_USERS = "manage_users"
    MANAGE_NODES = "manage_nodes"


_ALLOWED: dict[Role, frozenset[Action]] = {
    Role.ADMINISTRATOR: frozenset(Action),
    Role.GUARD: frozenset(
        {
            Action.USE_CONSOLE,
            Action.SEE_ALERTS,
            Action.HANDLE_ALERTS,
            Action.DOWNLOAD_EVIDENCE,
            Action.SEE_NODES,
            Action.SEE_STILLS,
        }
    ),
    # Police review what was recorded; handling alerts stays with the school.
    Role.POLICE: frozenset({Action.USE_CONSOLE, Action.SEE_ALERTS, Action.DOWNLOAD_EVIDENCE}),
    # An installer sets cameras up and has no business with alerts of people.
    Role.INSTALLER: frozenset({Action.USE_CONSOLE, Action.SEE_NODES, Action.SEE_STILLS, Action.MANAGE_NODES}),
}


def may(role: Role, action: Action) -> bool:
    """Whether a person with `role` may do `action`; no by default."""
    return action in _ALLOWED.get(role, frozenset())
