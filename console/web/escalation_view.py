"""What the page of a site's escalation shows: what is its own, and what counts there from the sites above."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from console.domain.access import EVERYWHERE
from console.domain.alert import Severity
from console.domain.channel import ChannelKind, shown_to
from console.domain.escalation import Hours
from console.domain.site_tree import upwards
from console.store import call_card, channels, escalations, ladders, notifications, site_setup, sites
from console.store.call_card import CallCard
from console.store.channels import Channel, Contact
from console.store.ladders import SiteLadder, WatchHours
from console.store.narrowing import seeing


@dataclass(frozen=True, slots=True)
class EscalationView:
    """A site's escalation. own: whether a ladder, person or way is the site's own; the others come from above.

    covered: priorities for which somebody is told.
    """

    site: site_setup.Site
    ladders: Sequence[SiteLadder]
    people: Sequence[Contact]
    ways: Sequence[Channel]
    hours: WatchHours | None
    card: CallCard
    drill: escalations.Drill | None
    told: Sequence[notifications.Notification]

    def own(self, one: SiteLadder | Contact | Channel | WatchHours) -> bool:
        """Whether it is the site's own."""
        return one.site_id == self.site.id

    @property
    def uncovered(self) -> tuple[Severity, ...]:
        """Priorities for which nobody is told, the most urgent first."""
        covered = {severity for one in self.ladders if one.ladder.steps for severity in one.severities}
        return tuple(one for one in reversed(Severity) if one not in covered)

    def person(self, person_id: int) -> Contact | None:
        """Somebody by their number; None where they were taken away."""
        return next((one for one in self.people if one.id == person_id), None)

    def way(self, channel_id: int) -> Channel | None:
        """A way by its number."""
        return next((one for one in self.ways if one.id == channel_id), None)

    def reached(self, person: Contact) -> list[tuple[Channel, str]]:
        """By which ways somebody is reached, and where."""
        found = ((self.way(one.channel_id), one.to) for one in person.addresses)
        return [(way, to) for way, to in found if way is not None]


def view(connection: Connection, site: site_setup.Site) -> EscalationView:
    """The escalation of a site that the asker may set: with what the sites above lend it, whoever may see these."""
    with seeing(EVERYWHERE):
        chain = upwards(sites.parents(connection), site.id)
        hours = ladders.all_watch_hours(connection)
        drill = escalations.last_test(connection, site.id)
        return EscalationView(
            site,
            _counting(ladders.of_sites(connection, chain), chain),
            channels.contacts(connection, chain),
            channels.listing(connection, chain),
            next((hours[one] for one in chain if one in hours), None),
            call_card.of_site(connection, site.id),
            drill,
            notifications.of_escalation(connection, drill.id) if drill else (),
        )


def _counting(found: Collection[SiteLadder], chain: Sequence[int]) -> list[SiteLadder]:
    """The site's own ladders, and of those above what they are still for."""
    taken: set[Severity] = set()
    counting = []
    for site_id in chain:
        here = [one for one in found if one.site_id == site_id]
        for one in here:
            rest = one.severities - taken
            if rest or site_id == chain[0]:
                counting.append(SiteLadder(one.id, one.site_id, frozenset(rest), one.ladder))
        taken |= {severity for one in here for severity in one.severities}
    return counting


def clock(minutes: int) -> str:
    """Minutes since midnight as people write them."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def is_always(hours: Hours) -> bool:
    """Whether hours have no limit but that of the kinds of day."""
    return replace(hours, kinds=frozenset()) == Hours()


def hidden_to(notification: notifications.Notification) -> str:
    """Where somebody was reached, as far as others may read it."""
    return shown_to(ChannelKind(notification.kind), notification.recipient) if notification.kind else ""
