"""Alerts for scripts, and their evidence for people who must prove something."""

import base64
import hashlib
import json
from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from console.domain.alert import AlertState
from console.store import alert_work, alerts, audit, changes, evidence
from console.web.alert_view import rings
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter(prefix="/api")
MOST_OF_STATE = 100
FACTS = "facts.json"


@router.get("/alerts")
def listing(request: Request) -> list[dict[str, object]]:
    """Alerts with their files, in the order of the wall; each state has room of its own, so that none hides another."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        every = [one for state in AlertState for one in alerts.of_state(connection, state, MOST_OF_STATE)]
        found = alerts.named_in_sight(connection, every)
        files = evidence.files_of_each(connection, [one.event_id for one in found])
        return [{**asdict(one), "files": [asdict(file) for file in files[one.event_id]]} for one in found]


@router.get("/rings")
def rings_now(request: Request) -> dict[str, object]:
    """How many ring, and how urgent the most urgent is."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        return asdict(rings(connection, context.broker_connected()))


@router.get("/alerts/{event_id}/files/{name}")
def file(request: Request, event_id: str, name: str, download: bool = False) -> Response:
    """One file of an alert, whole or by range; a download is written into the audit."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        found = next((f for f in evidence.files_of(connection, event_id) if f.name == name), None)
    if found is None or found.stored_at_s is None or not context.files.has(found.sha256):
        raise Refused(404, "not_found")
    by, now_s, detail = request.state.person.by, context.wall_s(), f"{name} {found.sha256}"
    if download:
        with context.database.write() as connection:
            audit.write(connection, by, "download", event_id, detail, now_s)
    else:
        context.notes.write(lambda connection: audit.write_view(connection, by, event_id, detail, now_s))
    response = FileResponse(
        context.files.path(found.sha256),
        media_type=found.media_type,
        filename=f"{event_id}-{name}" if download else None,
        content_disposition_type="attachment" if download else "inline",
    )
    response.headers["ETag"] = f'"{found.sha256}"'
    response.headers.update(_digest_headers(found.sha256))
    response.headers["Cache-Control"] = "private, no-cache"  # the next person at this desk is asked for anew
    return response


@router.get("/alerts/{event_id}/facts.json")
def facts(request: Request, event_id: str) -> Response:
    """Everything known of an alert, with the hashes of its files and who looked at it, this download included.

    What is known grows, so each download may be another file. The SHA-256 of each goes into the record of custody with
    who got it and when, in the same transaction: whoever holds a file can prove that it is the one handed out. Only the
    file's own line lacks it, since no file can hold its own hash; the headers and the alert's page have it.
    """
    context: Context = request.app.state.context
    person, now_s = request.state.person, context.wall_s()
    context.notes.flush()
    with context.database.write() as connection:
        found = alerts.find(connection, event_id)
        if found is None:
            raise Refused(404, "not_found")
        (found,) = alerts.named_in_sight(connection, [found])
        files = [asdict(one) for one in evidence.files_of(connection, event_id)]
        history = [asdict(one) for one in alert_work.history(connection, event_id)]
        this = audit.AuditEntry(now_s, person.name, "download", event_id, FACTS, person.token_name)
        custody = [asdict(entry) for entry in (this, *audit.of_subject(connection, event_id))]
        content = json.dumps(
            {**asdict(found), "files": files, "history": history, "custody": custody}, ensure_ascii=False, indent=1
        ).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        audit.write(connection, person.by, "download", event_id, f"{FACTS} {sha256}", now_s)
        changes.append(connection, "alert", event_id, "downloaded", now_s)  # open pages show the hash
    headers = {"Content-Disposition": f'attachment; filename="{event_id}-{FACTS}"', **_digest_headers(sha256)}
    return Response(content, media_type="application/json", headers=headers)


def _digest_headers(sha256: str) -> dict[str, str]:
    """The hash of the whole file, for scripts (RFC 9530) and for people who read headers."""
    in_base64 = base64.b64encode(bytes.fromhex(sha256)).decode()
    return {"Repr-Digest": f"sha-256=:{in_base64}:", "X-Content-SHA256": sha256}
