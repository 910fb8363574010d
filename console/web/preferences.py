"""What each browser remembers of its user's taste: language and theme."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from console.web.context import Context
from console.web.errors import Refused
from console.web.i18n import CODES

router = APIRouter()
LANGUAGE_COOKIE, THEME_COOKIE = "gatehouse_language", "gatehouse_theme"
THEMES = ("dark", "light")
_YEAR_S = 365 * 86400


@router.post("/language/{code}")
def language(request: Request, code: str) -> Response:
    """Remembers a language and goes back."""
    return _remember(request, LANGUAGE_COOKIE, code, CODES)


@router.post("/theme/{code}")
def theme(request: Request, code: str) -> Response:
    """Remembers dark or light and goes back."""
    return _remember(request, THEME_COOKIE, code, THEMES)


def theme_of(request: Request) -> str:
    """The theme of a browser. Dark until somebody asks for light: the wall hangs in dark rooms."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


def _remember(request: Request, cookie: str, code: str, known: tuple[str, ...]) -> Response:
    if code not in known:
        raise Refused(404, "not_found")
    context: Context = request.app.state.context
    response = RedirectResponse(_path_back(request), status_code=303)
    response.set_cookie(cookie, code, max_age=_YEAR_S, httponly=True, samesite="lax", secure=context.secure)
    return response


def _path_back(request: Request) -> str:
    """The path of the page that asked; never an address elsewhere."""
    path = urlsplit(request.headers.get("Referer", "")).path
    return path if path.startswith("/") and not path.startswith("//") else "/"
