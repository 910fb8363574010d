"""The pages that people see."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import Connection

from console.domain.access import Action, Rights, may
from console.domain.alert import OF_A_CAMERA, OF_PEOPLE, Severity
from console.domain.stay_story import story_of
from console.store import alert_work, alerts, audit, cameras, deliveries, holds, notifications, site_setup
from console.web.alert_view import MOST_IN_HAND, Wall, alert_views, places_of, wall, why
from console.web.alerts_api import FACTS
from console.web.calendar_words import told_change
from console.web.camera_view import Watch, watch, watch_for_alerts, with_blind_totals
from console.web.context import Context
from console.web.errors import Refused
from console.web.escalation_view import hidden_to
from console.web.i18n import Language
from console.web.instruction_pages import kind_of
from console.web.node_api import still_path
from console.web.preferences import LANGUAGE_COOKIE, theme_of
from console.web.search_pages import beside, earlier_here
from console.web.words import SCRIPT_WORDS, WORDS, sentence

router = APIRouter()
_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_TYPES[".webmanifest"] = "application/manifest+json"  # a phone that puts the console on its home screen
_STATIC = {path.name: path.read_bytes() for path in (_HERE / "static").iterdir() if path.suffix in _TYPES}


class Pages:
    """Renders templates in the language of the request."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"browser": browser_name, "is_alert": is_alert_id}

    def language(self, request: Request) -> Language:
        """The language of a request."""
        cookie = request.cookies.get(LANGUAGE_COOKIE)
        return self._context.languages.choose(cookie, request.headers.get("Accept-Language", ""))

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page. Every template gets `_` (text), `say` (sentence of a code word), `language`, `person`, `may`.

        language: another one than that of the request.
        """
        language: Language = values.pop("language", None) or self.language(request)
        person = getattr(request.state, "person", None)
        html = self._templates.get_template(template).render(
            _=language.text,
            say=lambda group, code, text=None: sentence(language, group, code, text),
            language=language,
            person=person,
            may=lambda action: person is not None and may(person.rights, Action(action)),
            told_change=lambda detail: told_change(detail, partial(sentence, language), WORDS),
            section="",  # which part of the menu a page belongs to; templates say it
            own_bell=False,  # whether a page rings by itself
            theme=theme_of(request),
            provider=self._context.provider.name if self._context.provider else "",
            timezone=self._context.timezone,
            now_s=self._context.wall_s(),
            disk_is_full=self._context.files.is_full(),
            script_words=_script_words(language),
            choices={"people": OF_PEOPLE, "lens": OF_A_CAMERA, "priority": tuple(reversed(Severity))},
            **values,
        )
        return HTMLResponse(html, status)

    def refusal(self, request: Request, refused: Refused) -> Response:
        """A page that says why not, and the way back."""
        if refused.code == "not_yours" and request.url.path == "/":
            return RedirectResponse("/cameras", status_code=303)
        return self.render(request, "refusal.html", status=refused.status, code=refused.code)


def browser_name(told: str) -> str:
    """What people call a browser and its system, by what it tells; empty where it tells nothing known."""
    browser = next((name for word, name in _BROWSERS if word in told), "")
    system = next((name for word, name in _SYSTEMS if word in told), "")
    return " · ".join(part for part in (browser, system) if part)


# The first that fits: most tell the names of others, too.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def is_alert_id(subject: str) -> bool:
    """Whether the subject of an act is an alert, by the shape of its id."""
    return len(subject) == len(str(UUID(int=0))) and subject.count("-") == str(UUID(int=0)).count("-")


def _script_words(language: Language) -> str:
    """JSON that can stand inside a script element."""
    words = {key: language.text(text) for key, text in SCRIPT_WORDS.items()}
    return json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def _render(request: Request, template: str, **values: Any) -> Response:
    page: Response = request.app.state.pages.render(request, template, **values)
    return page


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """A stylesheet, script or drawing: from memory, without a thread, which others may hold while they wait."""
    if name not in _STATIC:
        raise Refused(404, "not_found")
    return Response(_STATIC[name], media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": "no-cache"})


_Found = Annotated[str, Query(max_length=2000)]
_InHand = Annotated[int, Query(ge=MOST_IN_HAND, le=5000)]  # how many of them people want to see


def _wall(request: Request, in_hand: int) -> Wall:
    context = _context(request)
    with context.database.read() as connection:
        return wall(connection, context.wall_s(), context.broker_connected(), ZoneInfo(context.timezone), in_hand)


@router.get("/")
def wall_page(request: Request, in_hand: _InHand = MOST_IN_HAND) -> Response:
    """The alert wall."""
    return _render(request, "wall.html", wall=_wall(request, in_hand))


@router.get("/wall")
def wall_inside(request: Request, in_hand: _InHand = MOST_IN_HAND) -> Response:
    """The wall's inside, for a page that is open."""
    return _render(request, "wall_inside.html", wall=_wall(request, in_hand))


@router.get("/alerts/{event_id}")
def alert_page(request: Request, event_id: str, taken: bool = False, found: _Found = "") -> Response:
    """One alert: clip, snapshot, facts, what to do. taken: say that somebody else was faster to take it on.

    found: the query of the search among whose results one goes on from here.
    """
    context = _context(request)
    now_s, language = context.wall_s(), request.app.state.pages.language(request)
    with context.database.read() as connection:
        own = alerts.find(connection, event_id)
        if own is None:
            raise Refused(404, "not_found")
        before_this = earlier_here(connection, language, own)
        way = beside(connection, language, found, (own.opened_at_s, event_id), now_s)
        of_incident = alerts.of_incidents(connection, [own.incident_id])
        others = [one for one in of_incident if one.event_id != event_id]
        shown = [own, *others]
        seen = watch_for_alerts(connection, now_s, context.broker_connected(), places_of(shown))
        view, *other_views = alert_views(connection, shown, seen)
        handed_out = audit.digests_handed_out(connection, event_id, FACTS)
        history = alert_work.history(connection, event_id)
        notified = notifications.of_alert(connection, event_id)
        kept = holds.of_alert(connection, event_id)
        related = site_setup.related(connection, own.site_id, own.node, own.event["camera"])
        instruction = site_setup.instructions(connection, own.site_id).get(kind_of(own.event["rule"]), "")
    person, by = request.state.person.name, request.state.person.by
    context.notes.write(lambda connection: audit.write_view(connection, by, event_id, "", now_s))
    return _render(
        request,
        "alert.html",
        view=view,
        why=why(language, own),
        incident=sorted((view, *other_views), key=lambda one: one.alert.opened_at_s),
        history=history,
        notified=notified,
        hidden_to=hidden_to,
        related=related,
        instruction=instruction,
        handed_out=sorted(handed_out, key=lambda one: one[0].user != person),  # one's own first
        taken=taken,
        way=way,
        story=story_of(own.event, own.clock_behind_s),
        before_this=before_this,
        kept=kept,
        new_id=str(uuid4()),
    )


@router.get("/cameras")
def cameras_page(request: Request) -> Response:
    """Cameras and nodes: who sees, who does not, and why."""
    context = _context(request)
    with context.database.read() as connection:
        now_s = context.wall_s()
        seen = with_blind_totals(connection, watch(connection, now_s, context.broker_connected()), now_s)
        aside, count = _aside(connection, request.state.person.rights, seen)
        return _render(request, "cameras.html", watch=seen, aside=aside, aside_count=count)


def _aside(connection: Connection, rights: Rights, seen: Watch) -> tuple[Sequence[deliveries.SetAside], int]:
    """What was put aside, the newest of it, and how much there is; of boxes that may be seen."""
    if not may(rights, Action.MANAGE_NODES):
        return (), 0
    if rights.reach.everywhere:
        return deliveries.listing_aside(connection), deliveries.count_aside(connection)
    names = {box.node.name for box in seen.nodes}
    mine = [one for one in deliveries.listing_aside(connection, deliveries.MOST_ASIDE) if one.node in names]
    return mine[:20], len(mine)


@router.get("/cameras/{node}/{camera}/still.jpg")
def still(request: Request, node: str, camera: str) -> Response:
    """A camera's last picture."""
    path = still_path(_context(request), node, camera)
    if not path.is_file():
        raise Refused(404, "not_found")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, no-cache"})


@router.post("/cameras/{node}/{camera}/still")
def ask_still(request: Request, node: str, camera: str) -> Response:
    """Asks the node for a fresh picture."""
    context = _context(request)
    with context.database.read() as connection:
        known = bool(cameras.named(connection, {(node, camera)}))
    if not known:
        raise Refused(404, "not_found")
    if not context.send_still(node, camera):
        raise Refused(503, "broker_away")
    if "text/html" not in request.headers.get("Accept", ""):
        return Response(status_code=202)
    return RedirectResponse("/cameras", status_code=303)
