"""What nodes say by HTTP: files that resume in the middle, pictures of cameras."""

import hashlib
import re
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from console.domain.jpeg import jpeg_size
from console.store import evidence, nodes
from console.web.context import Context
from console.web.errors import Refused
from console.web.file_store import LARGEST_PIECE_BYTES, NoRoomError

router = APIRouter(prefix="/api/node")
MAX_STILL_BYTES = 2 * 1024 * 1024
UNFINISHED_KEPT_S = 3 * 24 * 3600.0  # a box may be away over a weekend
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
    """How much of a file is here of what this node brought. That another node brought the same stays unsaid."""
    context, owner = _context(request), _owner(request)
    announced = _announced(request, sha256)
    if context.files.offset(owner, sha256) == announced.bytes:  # the console died between the last byte and the check
        context.files.finish(owner, sha256, lambda: _note_stored(request, sha256))
    complete = _is_here(request, sha256)
    if complete and announced.stored_at_s is None:
        _note_stored(request, sha256)  # its file for another event is the same
    offset = announced.bytes if complete else context.files.offset(owner, sha256)
    return Response(headers={"Upload-Offset": str(offset), "Upload-Complete": "?1" if complete else "?0"})


@router.patch("/files/{sha256}")
async def add_to_file(request: Request, sha256: str) -> Response:
    """Adds bytes at `Upload-Offset`; the last ones are followed by a check of the hash.

    Where the connection breaks, what has come is kept, so that a line that breaks all the time brings files over, too.
    """
    announced = await run_in_threadpool(_announced, request, sha256)
    context = _context(request)
    offset, length = _number(request, "Upload-Offset"), _number(request, "Upload-Length")
    if length != announced.bytes:
        raise Refused(422, "wrong_length")
    if length > context.max_file_bytes:  # no 413: that may be a proxy's word on one piece, and older boxes wait at it
        raise Refused(422, "file_too_large")
    data, _ = await _received(request, min(LARGEST_PIECE_BYTES, announced.bytes - offset))
    return await run_in_threadpool(_append, request, sha256, offset, data, length)


def _append(request: Request, sha256: str, offset: int, data: bytes, length: int) -> Response:
    context, owner = _context(request), _owner(request)
    if _is_here(request, sha256):
        _note_stored(request, sha256)
        raise Refused(409, "wrong_offset", {"Upload-Offset": str(length)})  # nothing more is wanted
    if offset == 0:
        context.files.sweep(context.wall_s() - UNFINISHED_KEPT_S)
    try:
        reached = context.files.append(owner, sha256, offset, data)
    except ValueError:
        raise Refused(409, "wrong_offset", {"Upload-Offset": str(context.files.offset(owner, sha256))}) from None
    except NoRoomError:
        raise Refused(507, "no_room") from None  # the pages say so, too; the node keeps the file and comes again
    if reached == length and not context.files.finish(owner, sha256, lambda: _note_stored(request, sha256)):
        raise Refused(422, "wrong_hash")
    return Response(status_code=204, headers={"Upload-Offset": str(reached)})


@router.put("/cameras/{camera}/still")
async def still(request: Request, camera: str) -> Response:
    """Takes in a camera's newest picture (JPEG)."""
    data, whole = await _received(request, MAX_STILL_BYTES)
    if not whole or jpeg_size(data) is None:
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


def _is_here(request: Request, sha256: str) -> bool:
    """Whether this node has brought it, and the bytes themselves are here: the node deletes its own at this word."""
    context = _context(request)
    with context.database.read() as connection:
        brought = evidence.is_brought(connection, request.state.node, sha256)
    return brought and context.files.has(sha256)


def _note_stored(request: Request, sha256: str) -> None:
    context = _context(request)
    with context.database.write() as connection:
        evidence.stored(connection, request.state.node, sha256, context.wall_s())


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused(400, "number_missing")
    return int(text)


def _owner(request: Request) -> str:
    return str(request.state.node.id)


async def _received(request: Request, most_bytes: int) -> tuple[bytes, bool]:
    """What came of a body, and whether that is all of it."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > most_bytes:
                raise Refused(413, "too_large")
    except ClientDisconnect:
        return bytes(data), False
    return bytes(data), True
