"""The watch over the watch: walls report themselves, faults are taken note of; and what to read out to the police."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from console.store import alerts, audit, call_card, site_setup, wall_watch
from console.store.alerts import Alert
from console.store.call_card import CallCard
from console.store.sessions import SignedIn
from console.web.context import Context
from console.web.errors import Refused
from console.web.i18n import Language
from console.web.instruction_pages import kind_of
from console.web.words import sentence

router = APIRouter()
_Site = Annotated[int, Path(ge=1, le=2**31 - 1)]
SPOKEN = "vi"  # by whoever answers at 113
POLICE, CHILD_LINE = "113", "111"


class WallForm(BaseModel):
    """A wall that is open. page: names this one among all; heard: whether its sound may ring."""

    page: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    heard: bool


@router.post("/watch")
def report(request: Request, told: Annotated[WallForm, Form()]) -> Response:
    """A wall says that it is open."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    now_s = context.wall_s()
    context.notes.write(
        lambda connection: wall_watch.report(connection, told.page, who.user_id, now_s, heard=told.heard)
    )
    return Response(status_code=204)


@router.post("/watch-faults/{site_id}/acknowledge")
def acknowledge(request: Request, site_id: _Site, fault: Annotated[int, Form(ge=1, le=2**31 - 1)]) -> Response:
    """Somebody knows of something that is wrong with the watch over a site: nobody else is told of it any more."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    with context.database.write() as connection:
        site = next((one for one in site_setup.everywhere(connection) if one.id == site_id), None)
        if site is None:
            raise Refused(404, "not_found")
        now_s = context.wall_s()
        about = audit.About(site_id=site_id)
        if wall_watch.acknowledge(connection, site_id, fault, who.name, now_s):
            audit.write_about(connection, who.by, "watch_fault", site.name, "", now_s, about)
    return RedirectResponse("/", status_code=303)


@router.get("/alerts/{event_id}/call-card")
def card_page(request: Request, event_id: str) -> Response:
    """What to say on the phone about an alert, in the language of whoever answers."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        found = alerts.find(connection, event_id)
        if found is None:
            raise Refused(404, "not_found")
        card = call_card.of_site(connection, found.site_id)
    spoken = context.languages.choose(SPOKEN, "")
    own: Language = request.app.state.pages.language(request)
    page: Response = request.app.state.pages.render(
        request,
        "call_card.html",
        alert=found,
        card=card,
        spoken=to_say(spoken, found, card),
        translated=to_say(own, found, card) if own.code != SPOKEN else (),
        numbers=(POLICE, CHILD_LINE),
    )
    return page


def to_say(language: Language, found: Alert, card: CallCard) -> list[str]:
    """The sentences of a call, in order; where nobody wrote something down, a sentence that asks to say it."""
    event = found.event
    since_s = event["captured_at_s"] + found.clock_behind_s - event["dwell_s"]
    facts = {"place": found.camera_label, "time": language.hour(since_s, since_s)}
    facts |= {"people": language.number(event["people"])}
    lines = [
        _line(language, "from", card.name),
        _line(language, "address", card.address),
        sentence(language, "call_what", kind_of(event["rule"])).format(**facts),
        _line(language, "gate", card.gate),
    ]
    return [*lines, _line(language, "phone", card.phone)] if card.phone else lines


def _line(language: Language, word: str, text: str) -> str:
    return sentence(language, "call", word if text else f"no_{word}").format(text=text)
