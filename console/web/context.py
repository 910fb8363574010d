"""What every route needs, handed to it by the factory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.domain.access import Role
from console.domain.channel import ChannelKind
from console.store.database import Database
from console.store.sealed import Seal
from console.store.write_behind import WriteBehind
from console.web.file_store import FileStore
from console.web.i18n import Languages
from console.web.identity_provider import IdentityProvider
from console.web.turns import Turns
from console.web.whep import LiveSource


@dataclass(frozen=True, slots=True)
class Context:
    """What every route needs.

    database: its writers don't wait long, because people wait for them. notes: what no page waits for.
    sign_ins: strangers take turns to try a password; known_sign_ins: browsers that somebody has signed in with.
    send_still: asks a node for a picture; False where it can't be asked now.
    broker_connected: whether the console hears the boxes now.
    address: how people reach the console, for links; empty: as the request did.
    live: where live pictures come from, where a media server runs beside the console.
    totp_roles: who must have a second factor.
    provider: who else says who somebody is; None: passwords alone.
    seal: for what opens other services. is_channel_known: whether an address of a way to tell people can be used.
    push_key: what a browser must know to take pushed alarms of this console.
    """

    database: Database
    notes: WriteBehind
    sign_ins: Turns
    known_sign_ins: Turns
    files: FileStore
    seal: Seal
    is_channel_known: Callable[[ChannelKind, str], bool]
    push_key: str
    stills: Path
    languages: Languages
    wall_s: Callable[[], float]
    send_still: Callable[[str, str], bool]
    broker_connected: Callable[[], bool]
    timezone: str
    secure: bool
    max_file_bytes: int
    address: str = ""
    live: LiveSource | None = None
    totp_roles: frozenset[Role] = frozenset()
    provider: IdentityProvider | None = None
