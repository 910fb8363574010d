"""One shape for everything that is refused: a code word for scripts, a sentence for people."""

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse


class Refused(Exception):
    """A request that is not carried out. `code` is a stable word; pages translate it."""

    def __init__(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.headers = status, code, headers or {}


def refusal_response(request: Request, refused: Refused) -> Response:
    """JSON for scripts and nodes; for people a page, or the way to sign in."""
    wants_page = "text/html" in request.headers.get("Accept", "") and not request.url.path.startswith("/api/")
    if wants_page and refused.status == 401:
        return RedirectResponse("/sign-in", status_code=303)
    if wants_page:
        page: Response = request.app.state.pages.refusal(request, refused)
        page.headers.update(refused.headers)
        return page
    return JSONResponse({"error": refused.code}, refused.status, headers=refused.headers)
