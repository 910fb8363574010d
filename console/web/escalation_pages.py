"""Who is told of a site's alerts: its ladders, people, ways, hours of the wall and call card, and test alarms."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from console.domain.access import Action, Place, Rights, may
from console.domain.alert import Severity
from console.domain.calendar import DayKind
from console.domain.channel import EXAMPLES, ChannelKind, address_fault, to_fault
from console.domain.escalation import MOST_ROUNDS, MOST_STEPS, MOST_WAIT_S, Duty, Ladder, LadderStep
from console.store import audit, call_card, channels, escalations, ladders, site_setup
from console.store.channels import Address, Contact
from console.store.ladders import SiteLadder, WatchHours
from console.store.sessions import SignedIn
from console.web import escalation_view
from console.web.context import Context
from console.web.errors import Refused
from console.web.escalation_forms import (
    CardForm,
    ChannelForm,
    DutyForm,
    HoursForm,
    LadderForm,
    PersonForm,
    StepForm,
    hours_of,
)

router = APIRouter()
_MOST_ID = 2**31 - 1
_Site = Annotated[int, Path(ge=1, le=_MOST_ID)]
_TEST_LASTS_S = 60.0  # after that another one may begin, though nobody says that the last one is over
Change = Callable[[Connection], None]


class FormError(ValueError):
    """A form that can't be taken; the text is a word of the group "problem"."""


@router.get("/escalation")
def page(
    request: Request, site: Annotated[int | None, Query(ge=1, le=_MOST_ID)] = None, saved: bool = False
) -> Response:
    """The escalation of a site; of the first one where none is named."""
    return _page(request, site, saved=saved)


@router.get("/escalation/{site_id}/test")
def test_page(request: Request, site_id: _Site) -> Response:
    """What came of the last test, step by step: a part of the page, for it to refresh itself."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        seen = escalation_view.view(connection, _site(connection, site_id))
    part: Response = request.app.state.pages.render(request, "escalation_test.html", seen=seen, **_tools())
    return part


@router.post("/escalation/{site_id}/ladder")
def keep_ladder(request: Request, site_id: _Site, told: Annotated[LadderForm, Form()]) -> Response:
    """Adds, changes or removes a ladder."""

    def change(connection: Connection) -> None:
        if told.do == "remove":
            ladders.remove(connection, site_id, told.ladder)
            return
        if not told.severity:
            raise FormError("ladder_severity")
        before = _ladder(connection, site_id, told.ladder) if told.ladder else None
        steps = before.ladder.steps if before else ()
        ladder = Ladder(steps, min(told.rounds, MOST_ROUNDS), told.again_s, told.hold_s)
        ladders.keep(connection, SiteLadder(told.ladder, site_id, frozenset(told.severity), ladder))

    return _changed(request, site_id, "ladders", change)


@router.post("/escalation/{site_id}/step")
def keep_step(request: Request, site_id: _Site, told: Annotated[StepForm, Form()]) -> Response:
    """Adds, changes, moves or removes a step."""

    def change(connection: Connection) -> None:
        one = _ladder(connection, site_id, told.ladder, told.version)
        steps = list(one.ladder.steps)
        is_new = told.at >= len(steps)
        if told.do in ("keep", "add") and not told.name.strip():
            raise FormError("step_name")
        if told.do == "remove" and not is_new:
            del steps[told.at]
        elif told.do == "up" and 0 < told.at < len(steps):
            steps[told.at - 1], steps[told.at] = steps[told.at], steps[told.at - 1]
        elif told.do in ("keep", "add"):
            duties = () if is_new else steps[told.at].duties
            step = LadderStep(told.name.strip(), min(told.wait_s, MOST_WAIT_S), duties)
            steps[told.at : told.at + 1] = [step]
        if len(steps) > MOST_STEPS:
            raise FormError("too_many")
        ladders.keep(connection, replace(one, ladder=replace(one.ladder, steps=tuple(steps))))

    return _changed(request, site_id, "ladders", change)


@router.post("/escalation/{site_id}/duty")
def keep_duty(request: Request, site_id: _Site, told: Annotated[DutyForm, Form()]) -> Response:
    """Puts somebody on a step at some hours, or takes them off it."""

    def change(connection: Connection) -> None:
        one = _ladder(connection, site_id, told.ladder, told.version)
        if told.at >= len(one.ladder.steps):
            raise Refused(404, "not_found")
        step = one.ladder.steps[told.at]
        if told.do == "remove":
            duties = tuple(duty for at, duty in enumerate(step.duties) if at != told.duty)
        else:
            hours = hours_of(told)
            if hours is None:
                raise FormError("hours_wrong")
            if len(step.duties) >= channels.MOST_OF_SITE:
                raise FormError("too_many")
            seen = escalation_view.view(connection, _site(connection, site_id))
            if seen.person(told.person) is None:
                raise Refused(404, "not_found")
            duties = (*step.duties, Duty(told.person, hours))
        steps = list(one.ladder.steps)
        steps[told.at] = replace(step, duties=duties)
        ladders.keep(connection, replace(one, ladder=replace(one.ladder, steps=tuple(steps))))

    return _changed(request, site_id, "ladders", change)


@router.post("/escalation/{site_id}/person")
def keep_person(request: Request, site_id: _Site, told: Annotated[PersonForm, Form()]) -> Response:
    """Adds, changes or removes somebody who is told."""

    def change(connection: Connection) -> None:
        if told.do == "remove":
            channels.remove_contact(connection, site_id, told.person)
            return
        if not told.name.strip():
            raise FormError("contact_name")
        seen = escalation_view.view(connection, _site(connection, site_id))
        if not told.person and len(seen.people) >= channels.MOST_OF_SITE:
            raise FormError("too_many")
        addresses = []
        for channel_id, to in zip(told.channel, told.to, strict=False):
            way = seen.way(channel_id)
            if way is None:
                continue
            if fault := to_fault(way.kind, to.strip()):
                raise FormError(fault)
            addresses.append(Address(channel_id, to.strip()))
        name = told.name.strip()
        channels.keep_contact(connection, Contact(told.person, site_id, name, told.language, tuple(addresses)))

    return _changed(request, site_id, "people", change)


@router.post("/escalation/{site_id}/channel")
def keep_channel(request: Request, site_id: _Site, told: Annotated[ChannelForm, Form()]) -> Response:
    """Adds, changes or removes a way to tell people."""
    context: Context = request.app.state.context

    def change(connection: Connection) -> None:
        known = channels.find(connection, told.channel) if told.channel else None
        if told.channel and (known is None or known.site_id != site_id):
            raise Refused(404, "not_found")
        if known is not None and told.do == "remove":
            channels.remove(connection, known.id)
            return
        kind, address = known.kind if known else told.kind, told.address.strip()
        name = told.name.strip() or (known.name if known else str(kind))
        if address or known is None:
            fault = address_fault(kind, address)
            if fault or not context.is_channel_known(kind, address):
                raise FormError(fault or "channel_unknown")
        if known is not None:
            channels.change(connection, context.seal, known, name, address)
        elif len(channels.listing(connection, [site_id])) >= channels.MOST_OF_SITE:
            raise FormError("too_many")
        else:
            channels.add(connection, context.seal, site_id, name, kind, address)

    return _changed(request, site_id, "ways", change)


@router.post("/escalation/{site_id}/hours")
def keep_hours(request: Request, site_id: _Site, told: Annotated[HoursForm, Form()]) -> Response:
    """Says in which hours somebody must have the wall open."""

    def change(connection: Connection) -> None:
        if told.do == "forget":
            ladders.forget_watch_hours(connection, site_id)
            return
        hours = hours_of(told)
        if hours is None:
            raise FormError("hours_wrong")
        ladders.set_watch_hours(connection, WatchHours(site_id, told.do != "off", hours))

    return _changed(request, site_id, "hours", change)


@router.post("/escalation/{site_id}/call-card")
def keep_card(request: Request, site_id: _Site, told: Annotated[CardForm, Form()]) -> Response:
    """Writes down what is read out to the police."""
    words = (" ".join(each.split()) for each in (told.address, told.gate, told.phone))
    return _changed(request, site_id, "card", lambda connection: call_card.keep(connection, site_id, *words))


@router.post("/escalation/{site_id}/test")
def begin_test(request: Request, site_id: _Site, severity: Annotated[Severity, Form()] = Severity.HIGH) -> Response:
    """A test alarm through the real path: the same ladder, outbox, ways and people, in short steps."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person

    def change(connection: Connection) -> None:
        seen = escalation_view.view(connection, _site(connection, site_id))
        if severity in seen.uncovered:
            raise FormError("no_ladder")
        now_s = context.wall_s()
        if seen.drill and not seen.drill.is_over and abs(now_s - seen.drill.begun_at_s) < _TEST_LASTS_S:
            raise FormError("test_goes_on")  # a key pressed again and again would send everybody a message each time
        escalations.begin_test(connection, site_id, severity, who.user_id, now_s)

    return _changed(request, site_id, "test", change)


def _changed(request: Request, site_id: int, section: str, change: Change) -> Response:
    """Changes something of a site, notes who did, and shows the page again where it is."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    try:
        with context.database.write() as connection:
            site = _site(connection, site_id)
            change(connection)
            about = audit.About(site_id=site_id)
            now_s = context.wall_s()
            audit.write_about(connection, who.by, f"escalation_{section}", site.name, "", now_s, about)
    except FormError as error:
        return _page(request, site_id, status=422, problem=str(error), section=section)
    return RedirectResponse(f"/escalation?site={site_id}&saved=true#{section}", status_code=303)


def _site(connection: Connection, site_id: int) -> site_setup.Site:
    """Raises Refused where there is none."""
    site = next((one for one in site_setup.everywhere(connection) if one.id == site_id), None)
    if site is None:
        raise Refused(404, "not_found")
    return site


def _ladder(connection: Connection, site_id: int, ladder_id: int, version: str = "") -> SiteLadder:
    """Raises Refused where the site has no such ladder of its own, FormError where it is not as whoever asks saw it."""
    one = next((one for one in ladders.of_sites(connection, [site_id]) if one.id == ladder_id), None)
    if one is None:
        raise Refused(422, "malformed")
    if version not in ("", one.version):
        raise FormError("changed_meanwhile")
    return one


def _tools() -> dict[str, object]:
    return {
        "clock": escalation_view.clock,
        "is_always": escalation_view.is_always,
        "hidden_to": escalation_view.hidden_to,
        "day_kinds": tuple(DayKind),
        "kinds": tuple(ChannelKind),
        "examples": EXAMPLES,
    }


def _page(request: Request, site_id: int | None, *, status: int = 200, **values: object) -> Response:
    context: Context = request.app.state.context
    rights: Rights = request.state.person.rights
    with context.database.read() as connection:
        listed = site_setup.everywhere(connection)
        every = [one for one in listed if may(rights, Action.SET_ESCALATION, Place(one.id))]
        chosen = next((one for one in every if one.id == site_id), every[0] if every and site_id is None else None)
        if chosen is None and site_id is not None:
            raise Refused(404, "not_found")
        seen = escalation_view.view(connection, chosen) if chosen else None
    shown = {"problem": "", "section": "", "saved": False} | values
    page: Response = request.app.state.pages.render(
        request, "escalation.html", status=status, sites=every, seen=seen, at=shown.pop("section"), **shown, **_tools()
    )
    return page
