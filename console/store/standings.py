"""Who still stands behind many sessions at once: asked for all who listen to a stream, each time something happens."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from console.domain.access import Rights, Role, rights_of
from console.domain.site_tree import Grants, reach_of
from console.store import grants, sessions, sites
from console.store.sessions import SignedIn


class Standings:
    """Looks sessions up by sets. Remembers what rights come of which grants, until the tree of sites is another one."""

    def __init__(self) -> None:
        self._parents: Mapping[int, int | None] = {}
        self._rights: dict[tuple[Role, Grants], Rights] = {}

    def of_sessions(self, connection: Connection, hashes: Collection[str], now_s: float) -> dict[str, SignedIn]:
        """By the hash of its token whom a session stands for; without those that ended."""
        granted, parents = grants.of_everybody(connection), sites.parents(connection)
        if parents != self._parents:
            self._parents, self._rights = parents, {}
        nothing, found = Grants(), dict[str, SignedIn]()
        for row in sessions.live(connection, hashes, now_s):
            key = (Role(row.role), granted.get(row.id, nothing))
            if key not in self._rights:
                self._rights[key] = rights_of(key[0], reach_of(key[1], parents))
            found[row.token_sha256] = sessions.signed_in(row, self._rights[key])
        return found
