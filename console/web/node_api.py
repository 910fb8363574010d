"""What nodes say by HTTP: files that resume in the middle, pictures of cameras."""

import hashlib
import re
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from console.domain.jpeg import jpeg_size
from console.store import evidence, nodes
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter(prefix="/api/node")
MAX_CHUNK_BYTES = 8 * 1024 * 1024
MAX_STILL_BYTES = 2 * 1024 * 1024
UNFINISHED_KEPT_S = 24 * 3600.0
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


@router.get("/hello")
def hello(request: Request) -> dict[str, str | float]:
    """Shows a node that its token works, and the console's time."""
    return {"node": request.state.node.name, "version": version("gatehouse"), "at_s": _context(request).wall_s()}


@router.head("/files/{sha256}")
def file_state(request: Request, sha256: str) -> Response:
    """How much of a file is here."""
    context = _context(request)
    announced = _announced(request, sha256)
    if context.files.offset(sha256) == announced.bytes:
        context.files.finish(sha256)  # the console died between the last byte and the check
    complete = context.files.has(sha256)  # the bytes themselves: the node deletes its own at this word
    if complete and announced.stored_at_s is None:
        _note_stored(
            request, sha256
        )  # the console died between the move and the row, or another event's file is the same
    offset = announced.bytes if complete else context.files.offset(sha256)
    return Response(headers={"Upload-Offset": str(offset), "Upload-Complete": "?1" if complete else "?0"})


@router.patch("/files/{sha256}")
async def add_to_file(request: Request, sha256: str) -> Response:
    """Adds bytes at `Upload-Offset`; the last ones are followed by a check of the hash."""
    announced = await run_in_threadpool(_announced, request, sha256)
    context = _context(request)
    offset, length = _number(request, "Upload-Offset"), _number(request, "Upload-Length")
    if length != announced.bytes or length > context.max_file_bytes:
        raise Refused(422, "wrong_length")
    data = await _body(request, min(MAX_CHUNK_BYTES, announced.bytes - offset))
    return await run_in_threadpool(_append, request, sha256, offset, data, length)


def _append(request: Request, sha256: str, offset: int, data: bytes, length: int) -> Response:
    context = _context(request)
    if context.files.has(sha256):
        _note_stored(request, sha256)
        raise Refused(409, "wrong_offset", {"Upload-Offset": str(length)})  # nothing more is wanted
    if offset == 0:
        _make_room(request)
    try:
        reached = context.files.append(sha256, offset, data)
    except ValueError:
        raise Refused(409, "wrong_offset", {"Upload-Offset": str(context.files.offset(sha256))}) from None
    if reached == length:
        if not context.files.finish(sha256):
            raise Refused(422, "wrong_hash")
        _note_stored(request, sha256)
    return Response(status_code=204, headers={"Upload-Offset": str(reached)})


def _make_room(request: Request) -> None:
    """Before a file begins: what nobody went on with is swept away, and a node has only so much in the making."""
    context = _context(request)
    context.files.sweep(context.wall_s() - UNFINISHED_KEPT_S)
    with context.database.read() as connection:
        awaited = evidence.awaited_hashes(connection, request.state.node)
    if sum(map(context.files.offset, awaited)) > context.max_file_bytes:
        raise Refused(413, "too_large")


@router.put("/cameras/{camera}/still")
async def still(request: Request, camera: str) -> Response:
    """Takes in a camera's newest picture (JPEG)."""
    data = await _body(request, MAX_STILL_BYTES)
    if jpeg_size(data) is None:
        raise Refused(415, "not_a_jpeg")
    return await run_in_threadpool(_keep_still, request, camera, data)


def _keep_still(request: Request, camera: str, data: bytes) -> Response:
    context, node = _context(request), request.state.node
    digest = hashlib.sha256(data).hexdigest()
    with context.database.write() as connection:
        forgotten = nodes.set_still(connection, node, camera, digest, context.wall_s())
        if forgotten is None:
            raise Refused(404, "no_such_camera")
        for name in forgotten:
            still_path(context, node.name, name).unlink(missing_ok=True)
        # Below the camera's own numbers, so that a name can never be a path.
        path = still_path(context, node.name, camera)
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
    return Response(status_code=204)


def still_path(context: Context, node: str, camera: str) -> Path:
    """Where a camera's newest picture lies."""
    name = hashlib.sha256(f"{node}/{camera}".encode()).hexdigest()
    return context.stills / f"{name}.jpg"


def _announced(request: Request, sha256: str) -> evidence.EvidenceFile:
    if not _SHA256.match(sha256):
        raise Refused(404, "not_found")
    with _context(request).database.read() as connection:
        found = evidence.announced(connection, request.state.node, sha256)
    if found is None:
        raise Refused(425, "announce_first")  # its evidence message is still on its way
    return found


def _note_stored(request: Request, sha256: str) -> None:
    context = _context(request)
    with context.database.write() as connection:
        evidence.stored(connection, request.state.node, sha256, context.wall_s())


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused(400, "number_missing")
    return int(text)


async def _body(request: Request, most_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most_bytes:
            raise Refused(413, "too_large")
    return bytes(data)
