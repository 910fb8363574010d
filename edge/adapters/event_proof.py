"""What a folder of evidence says of itself: the event's opening and its list of files, as they were told.

`evidence/<event>/evidence.json`. Should the outbox be lost, the console can be told all of it again from here.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.contract.messages import EventMessage, EvidenceFile, EvidenceMessage
from edge.adapters.durable import put_in_place
from edge.adapters.outbox_rows import parsed, parsed_listing

PROOF = "evidence.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventProof:
    """opening: first revision of the event, where it was known. listing: its last list. names: of files, by SHA-256.

    is_open: whether the event went on when that list was made.
    """

    folder: Path
    opening: EventMessage | None
    listing: EvidenceMessage
    names: dict[str, str]
    is_open: bool

    def here(self) -> Iterator[tuple[EvidenceFile, Path]]:
        """The files of the list that lie in the folder."""
        for file in self.listing.files:
            path = self.folder / self.names.get(file.sha256, "")
            if path.is_file():
                yield file, path


def note_listing(
    listing: EvidenceMessage, opening: str | None, files: Sequence[tuple[EvidenceFile, Path]], *, is_open: bool
) -> None:
    """Writes down a list of evidence beside its newest `files`, in the folder that bears the event's name.

    A precaution: where it can't be written, that is logged. opening: body of the event's first revision.
    is_open: whether the event goes on.
    """
    if not files or files[0][1].parent.name != listing.event_id:
        return
    folder = files[0][1].parent
    before = proof_in(folder)
    names = {**(before.names if before else {}), **{file.sha256: path.name for file, path in files}}
    if opening is None and before is not None and before.opening is not None:
        opening = before.opening.model_dump_json()
    content = {
        "opening": json.loads(opening) if opening else None,
        "open": is_open,
        "listing": listing.model_dump(mode="json"),
        "names": {file.sha256: names[file.sha256] for file in listing.files if file.sha256 in names},
    }
    _write(folder, content)


def note_over(evidence: Path, messages: Iterable[EventMessage]) -> None:
    """Writes down beside the evidence of events which of them have ended: no later list may ever say it."""
    for message in messages:
        folder = evidence / message.event_id
        if message.state == "closed" and (proof := proof_in(folder)) is not None and proof.is_open:
            opening = proof.opening.model_dump(mode="json") if proof.opening else None
            listing = proof.listing.model_dump(mode="json")
            _write(folder, {"opening": opening, "open": False, "listing": listing, "names": proof.names})


def _write(folder: Path, content: Mapping[str, object]) -> None:
    part = folder / f"{PROOF}.part"
    try:
        part.write_text(json.dumps(content), encoding="utf-8")
        put_in_place(part, folder / PROOF)
    except OSError as error:
        log.warning("%s can't be written: %s", folder / PROOF, error.strerror)


def proof_in(folder: Path) -> EventProof | None:
    """What the folder says of itself; None where it says nothing, or nothing that can be read."""
    try:
        found = json.loads((folder / PROOF).read_text(encoding="utf-8"))
        listing = parsed_listing(json.dumps(found["listing"]))
        opening = parsed("event", json.dumps(found["opening"])) if found["opening"] else None
        names = {str(sha256): Path(str(name)).name for sha256, name in found["names"].items()}
        is_open = found["open"] is not False
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if listing is None or listing.event_id != folder.name:
        return None
    return EventProof(folder, opening if isinstance(opening, EventMessage) else None, listing, names, is_open)
