"""Alerts for scripts, and their evidence for people who must prove something."""

import json
from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from console.store import alerts, audit, evidence
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter(prefix="/api")


@router.get("/alerts")
def listing(request: Request) -> list[dict[str, object]]:
    """The newest alerts with their files, in the order of the wall."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        found = alerts.listing(connection, limit=100)
        files = evidence.files_of_each(connection, [one.event_id for one in found])
        return [{**asdict(one), "files": [asdict(file) for file in files[one.event_id]]} for one in found]


@router.get("/alerts/{event_id}/files/{name}")
def file(request: Request, event_id: str, name: str, download: bool = False) -> Response:
    """One file of an alert, whole or by range; a download is written into the audit."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        found = next((f for f in evidence.files_of(connection, event_id) if f.name == name), None)
    if found is None or not context.files.has(found.sha256):
        raise Refused(404, "not_found")
    if download:
        _note_download(request, event_id, f"{name} {found.sha256}")
    else:
        with context.database.write() as connection:
            user_id, now_s = request.state.person.user_id, context.wall_s()
            audit.write_view(connection, user_id, event_id, f"{name} {found.sha256}", now_s)
    response = FileResponse(
        context.files.path(found.sha256),
        media_type=found.media_type,
        filename=f"{event_id}-{name}" if download else None,
        content_disposition_type="attachment" if download else "inline",
    )
    response.headers["ETag"] = f'"{found.sha256}"'
    response.headers["X-Content-SHA256"] = found.sha256
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@router.get("/alerts/{event_id}/facts.json")
def facts(request: Request, event_id: str) -> Response:
    """Everything known of an alert, with the hashes of its files."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        found = alerts.find(connection, event_id)
        if found is None:
            raise Refused(404, "not_found")
        files = [asdict(one) for one in evidence.files_of(connection, event_id)]
        views = [asdict(entry) for entry in audit.of_subject(connection, event_id)]
    _note_download(request, event_id, "facts.json")
    text = json.dumps({**asdict(found), "files": files, "custody": views}, ensure_ascii=False, indent=1)
    name = f'attachment; filename="{event_id}-facts.json"'
    return Response(text, media_type="application/json", headers={"Content-Disposition": name})


def _note_download(request: Request, subject: str, detail: str) -> None:
    context: Context = request.app.state.context
    with context.database.write() as connection:
        audit.write(connection, request.state.person.user_id, "download", subject, detail, context.wall_s())
