"""The pages that people see."""

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from console.domain.access import Action, may
from console.domain.alert import AlertState, CloseReason
from console.store import alerts, audit, deliveries, nodes
from console.web.alert_view import MOST, Wall, alert_views, wall, why
from console.web.alerts_api import FACTS
from console.web.camera_view import watch
from console.web.context import Context
from console.web.errors import Refused
from console.web.i18n import Language
from console.web.node_api import still_path
from console.web.preferences import LANGUAGE_COOKIE, theme_of
from console.web.words import SCRIPT_WORDS, sentence

router = APIRouter()
_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
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

    def language(self, request: Request) -> Language:
        """The language of a request."""
        cookie = request.cookies.get(LANGUAGE_COOKIE)
        return self._context.languages.choose(cookie, request.headers.get("Accept-Language", ""))

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page. Every template gets `_` (text), `say` (sentence of a code word), `language`, `person`, `may`."""
        language = self.language(request)
        person = getattr(request.state, "person", None)
        html = self._templates.get_template(template).render(
            _=language.text,
            say=lambda group, code, text=None: sentence(language, group, code, text),
            language=language,
            person=person,
            may=lambda action: person is not None and may(person.role, Action(action)),
            section="",  # which part of the menu a page belongs to; templates say it
            theme=theme_of(request),
            timezone=self._context.timezone,
            now_s=self._context.wall_s(),
            script_words=_script_words(language),
            **values,
        )
        return HTMLResponse(html, status)

    def refusal(self, request: Request, refused: Refused) -> Response:
        """A page that says why not, and the way back."""
        if refused.code == "not_yours" and request.url.path == "/":
            return RedirectResponse("/cameras", status_code=303)
        return self.render(request, "refusal.html", status=refused.status, code=refused.code)


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


_IN_HAND = MOST[AlertState.ACKNOWLEDGED]
_InHand = Annotated[int, Query(ge=_IN_HAND, le=5000)]  # how many of them people want to see


def _wall(request: Request, in_hand: int) -> Wall:
    context = _context(request)
    with context.database.read() as connection:
        return wall(connection, watch(connection, context.wall_s(), context.broker_connected()), in_hand)


@router.get("/")
def wall_page(request: Request, in_hand: _InHand = _IN_HAND) -> Response:
    """The alert wall."""
    return _render(request, "wall.html", wall=_wall(request, in_hand))


@router.get("/wall")
def wall_inside(request: Request, in_hand: _InHand = _IN_HAND) -> Response:
    """The wall's inside, for a page that is open."""
    return _render(request, "wall_inside.html", wall=_wall(request, in_hand))


@router.get("/alerts/{event_id}")
def alert_page(request: Request, event_id: str, taken: bool = False) -> Response:
    """One alert: clip, snapshot, facts, what to do. taken: say that somebody else was faster to take it on."""
    context = _context(request)
    now_s = context.wall_s()
    with context.database.read() as connection:
        found = alerts.find(connection, event_id)
        if found is None:
            raise Refused(404, "not_found")
        (view,) = alert_views(connection, [found], watch(connection, now_s, context.broker_connected()))
        handed_out = audit.digests_handed_out(connection, event_id, FACTS)
    person, user_id = request.state.person.name, request.state.person.user_id
    context.notes.write(lambda connection: audit.write_view(connection, user_id, event_id, "", now_s))
    sentence_why = why(request.app.state.pages.language(request), found)
    return _render(
        request,
        "alert.html",
        view=view,
        why=sentence_why,
        reasons=view.reasons,
        handed_out=sorted(handed_out, key=lambda one: one[0].user != person),  # one's own first
        taken=taken,
    )


@router.post("/alerts/{event_id}/acknowledge")
def acknowledge(request: Request, event_id: str) -> Response:
    """A person takes an alert on. A second time changes nothing; who comes second is told who has it."""
    context = _context(request)
    try:
        with context.database.write() as connection:
            first = alerts.acknowledge(connection, event_id, request.state.person.user_id, context.wall_s())
            found = None if first else alerts.find(connection, event_id)
    except alerts.NoSuchAlertError:
        raise Refused(404, "not_found") from None
    except alerts.AlertStepError:
        raise Refused(409, "already_closed") from None
    if found is None or found.acknowledged_by == request.state.person.name:
        return _back(request, event_id)
    if "text/html" in request.headers.get("Accept", ""):
        return RedirectResponse(f"/alerts/{event_id}?taken=true", status_code=303)
    return JSONResponse({"error": "taken", "by": found.acknowledged_by}, 409)


@router.post("/alerts/{event_id}/close")
def close(request: Request, event_id: str, reason: str = Form(""), note: str = Form("", max_length=1000)) -> Response:
    """A person closes an alert and says what it was."""
    context = _context(request)
    if reason not in list(CloseReason):
        raise Refused(422, "reason_missing")
    try:
        with context.database.write() as connection:
            user_id, now_s = request.state.person.user_id, context.wall_s()
            alerts.close(connection, event_id, user_id, CloseReason(reason), note, now_s)
    except alerts.NoSuchAlertError:
        raise Refused(404, "not_found") from None
    except alerts.AlertStepError:
        raise Refused(409, "already_closed") from None
    return _back(request, event_id)


def _back(request: Request, event_id: str) -> Response:
    """Scripts get a short yes, forms their page."""
    if "text/html" not in request.headers.get("Accept", ""):
        return Response(status_code=204)
    return RedirectResponse(f"/alerts/{event_id}", status_code=303)


@router.get("/cameras")
def cameras_page(request: Request) -> Response:
    """Cameras and nodes: who sees, who does not, and why."""
    context = _context(request)
    with context.database.read() as connection:
        seen = watch(connection, context.wall_s(), context.broker_connected())
        aside = deliveries.listing_aside(connection) if may(request.state.person.role, Action.MANAGE_NODES) else ()
        return _render(request, "cameras.html", watch=seen, aside=aside, aside_count=deliveries.count_aside(connection))


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
        known = any((one.node, one.name) == (node, camera) for one in nodes.cameras(connection))
    if not known:
        raise Refused(404, "not_found")
    if not context.send_still(node, camera):
        raise Refused(503, "broker_away")
    if "text/html" not in request.headers.get("Accept", ""):
        return Response(status_code=202)
    return RedirectResponse("/cameras", status_code=303)
