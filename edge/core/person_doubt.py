"""Whose track is this now? Checks identities against clothes after people met, crossed, or were out of sight.

When two people pass each other a tracker may swap them, or hop from one to the other. Neither can be seen in the
moment, because the boxes cover each other and the colours are mixed. So every meeting opens a doubt: what the people
looked like before is kept, what the tracks look like afterwards is gathered, and when enough was seen, the
exchange that makes both fit plainly better is made.
"""

import math
from collections.abc import Iterable, Mapping

from edge.core import appearance
from edge.core.person import NO_TRACK, Doubt, GapBridged, Identity

RIPE_S = 0.9  # looks gathered over so long after the meeting have a mean that is steady enough to judge by
RIPE_LOOKS = 4  # or so many of them in half the time
UNKNOWN = 0.35  # what a stranger's clothes count as: between the same person's (0.25) and another's (0.47) on PETS
SWAP_GAIN = 0.12  # so much better both must fit
HOP_GAIN = 0.12  # of one side alone
EARLY_GAIN = 0.06  # and so much more while others of the group can not be judged yet
STRANGE = 0.4  # who looks like that is not taken for themselves again until there is no other explanation
GIVE_UP_S = 5.0  # after so long without a decision the tracker is believed


def meet(first: Identity, second: Identity, now_s: float) -> None:
    """The two are so near each other at `now_s` that their tracks may pass from one to the other."""
    for one, other in ((first, second), (second, first)):
        if one.doubt is None:
            one.settle_looks(one.previous_s)
            one.doubt = Doubt(one.previous_s, one.previous_s, one.previous_xyxy, now_s)
        one.doubt.rivals.add(other.person_id)
        one.doubt.contact_s = now_s
        one.looks.clear()


def brush(one: Identity, other: Identity, now_s: float) -> None:
    """One of the two is hidden, and the other passes so near that it may be the hidden one who is seen now."""
    if one.doubt is None or other.person_id not in one.doubt.rivals:
        suspect(one, other, min(one.previous_s, other.last_seen_s), now_s)


def suspect(one: Identity, other: Identity, since_s: float, now_s: float) -> None:
    """`other` began near `one`: from `since_s` on, one's track may have been other's and the reverse."""
    for this, that in ((one, other), (other, one)):
        if this.doubt is None:
            this.settle_looks(since_s)
            this.doubt = Doubt(since_s, this.previous_s, this.previous_xyxy, now_s)
        this.doubt.rivals.add(that.person_id)


def resolve(alive: Mapping[int, Identity], seen_tracks: Iterable[int], now_s: float) -> list[tuple[Identity, Identity]]:
    """Decides every doubt that can be decided, exchanging tracks between persons where clothes say so.

    Returns pairs (younger, older): the younger person turned out to be nobody but the older one.
    """
    seen = set(seen_tracks)
    merged: list[tuple[Identity, Identity]] = []
    for group in _groups(alive):
        members = [alive[person_id] for person_id in group]
        visible = [one for one in members if one.track_id in seen]
        ripe = [one for one in visible if _ripe(one)]
        complete = all(_ripe(one) or _stale(one, now_s) for one in visible)
        hidden = [one for one in members if one.track_id not in seen]
        for _ in range(2 * len(members)):  # every exchange lowers the sum of misfits; the bound is for rounding
            exchange = _best_exchange(ripe, hidden, 0.0 if complete else EARLY_GAIN)
            if exchange is None:
                break
            _, one, other = exchange
            if other in ripe:
                _exchange(one, other, now_s)
                continue
            newcomer = one.reference is None
            _hand_over(one, other, now_s)
            ripe[ripe.index(one)] = other
            hidden.remove(other)
            if newcomer:
                merged.append((one, other))
            else:
                hidden.append(one)
        for one in members:
            certain = one in ripe and (_plainly_itself(one, members) or (complete and _fit(one, one) < STRANGE))
            if certain or _stale(one, now_s):
                _clear(one)
    return merged


def _groups(alive: Mapping[int, Identity]) -> list[list[int]]:
    # Persons in doubt, joined where one is another's rival.
    left = {person_id for person_id, one in alive.items() if one.doubt is not None}
    groups: list[list[int]] = []
    while left:
        group, edge = set[int](), {min(left)}
        while edge:
            person_id = edge.pop()
            group.add(person_id)
            doubt = alive[person_id].doubt
            edge |= {rival for rival in (doubt.rivals if doubt else ()) if rival in left and rival not in group}
        left -= group
        groups.append(sorted(group))
    return groups


def _ripe(one: Identity) -> bool:
    span_s = one.looks[-1][0] - one.looks[0][0] if one.looks else 0.0
    return span_s >= RIPE_S or (len(one.looks) >= RIPE_LOOKS and span_s >= RIPE_S / 2)


def _plainly_itself(one: Identity, members: list[Identity]) -> bool:
    return all(_fit(other, one) - _fit(one, one) > HOP_GAIN for other in members if other is not one)


def _stale(one: Identity, now_s: float) -> bool:
    return one.doubt is not None and now_s - one.doubt.contact_s > GIVE_UP_S


def _clear(one: Identity) -> None:
    one.settle_looks(math.inf)
    one.doubt = None


def _best_exchange(
    ripe: list[Identity], hidden: list[Identity], more: float
) -> tuple[float, Identity, Identity] | None:
    # The one exchange that gains most: of the tracks of two visible persons, or of a visible one's to a hidden one.
    offers = [
        (_fit(one, one) + _fit(other, other) - _fit(one, other) - _fit(other, one) - SWAP_GAIN - more, one, other)
        for row, one in enumerate(ripe)
        for other in ripe[row + 1 :]
    ]
    offers += [
        (_fit(one, one) - _fit(other, one) - HOP_GAIN - more, one, other)
        for one in ripe
        for other in hidden
        if other.reference is not None
    ]
    best = max(offers, key=lambda offer: offer[0], default=None)
    return best if best is not None and best[0] > 0 else None


def _fit(person: Identity, track_of: Identity) -> float:
    look = track_of.recent_look()
    if person.reference is None or look is None:
        return UNKNOWN
    return appearance.distance(person.reference, look)


def _exchange(one: Identity, other: Identity, now_s: float) -> None:
    _note(one, other.track_id, now_s)
    _note(other, one.track_id, now_s)
    first, second = one.track_id, other.track_id
    one.rebind(second)
    other.rebind(first)
    for name in ("xyxy", "confidence", "height_px", "trail", "looks", "crowded"):
        mine, theirs = getattr(one, name), getattr(other, name)
        setattr(one, name, theirs)
        setattr(other, name, mine)


def _hand_over(one: Identity, other: Identity, now_s: float) -> None:
    # one's track is really other's; one was last seen before the meeting.
    _note(other, one.track_id, now_s)
    other.rebind(one.track_id)
    one.rebind(NO_TRACK)
    for name in ("xyxy", "confidence", "height_px", "crowded", "last_seen_s"):
        setattr(other, name, getattr(one, name))
    other.trail, other.looks = one.trail, one.looks
    one.trail, one.looks = type(one.trail)(maxlen=one.trail.maxlen), type(one.looks)(maxlen=one.looks.maxlen)
    if one.doubt is not None:
        one.xyxy, one.last_seen_s = one.doubt.before_xyxy, one.doubt.before_s
        one.trail.append((one.last_seen_s, *one.foot_px))


def _note(one: Identity, to_track: int, now_s: float) -> None:
    since_s = one.doubt.since_s if one.doubt is not None else one.last_seen_s
    one.bridged = GapBridged(since_s, now_s, "identity_switch", one.track_ids[-1], to_track)
