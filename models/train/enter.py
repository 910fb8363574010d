"""Writes one of our own networks into the manifest that ships with Gatehouse."""

import json
import re
from pathlib import Path

from models.add import recognise_file
from models.registry import SHIPPED, ModelEntry, ModelError, manifest_of, read_manifest
from models.train.ours import AUTHOR, LICENCE
from models.whole_file import write_whole


def enter(manifest: Path, file: Path, name: str, confidence: float, measured: str, default: bool) -> ModelEntry:
    """Puts `file`, as `train export` or `models quantize` wrote it, into `manifest` in place of an entry of that name.

    file: must lie beside or below the manifest, for it ships with it, and say of itself what ours say: a file of others
    would be given our licence. confidence: default threshold. measured: what was measured on what. default: make it
    the network that runs where none is named. Raises ModelError, UnwritableError.
    """
    folder = manifest.parent.resolve()
    if not file.resolve().is_relative_to(folder):
        raise ModelError(
            f"{file} does not lie below {folder}; a network that ships lies there, for example in weights/"
        )
    given = read_manifest(manifest)  # one that is damaged is told before anything is made of it
    entry = recognise_file(file, name)
    _check_ours(entry, file, given.model + read_manifest(SHIPPED).model)
    place = {"file": file.resolve().relative_to(folder).as_posix(), "source": "models/weights/README.md"}
    entry = entry.model_copy(update={**place, "confidence": confidence, "measured": measured})
    head, *blocks = manifest.read_text(encoding="utf-8").split("[[model]]\n")
    if default:
        head = re.sub(r"(?m)^default = .*\n+", "", head).rstrip() + f"\n\ndefault = {json.dumps(name)}\n\n"
    blocks = [block for block in blocks if f"name = {json.dumps(name)}\n" not in block]
    text = "[[model]]\n".join([head, _block(entry), *blocks])
    manifest_of(text, manifest)
    write_whole(manifest, text.encode())
    return entry


def _check_ours(entry: ModelEntry, file: Path, known: tuple[ModelEntry, ...]) -> None:
    """Raises ModelError where `file` is not ours. entry: what it says of itself. known: networks of manifests."""
    for other in known:
        same_file, same_name = other.sha256 == entry.sha256, other.name == entry.name
        if (same_file and not same_name) or (same_name and other.licence != LICENCE):
            raise ModelError(
                f"{file} can't be entered as {entry.name!r}, licence {LICENCE}: in the manifest "
                f"{'that file' if same_file else 'that name'} is {other.name!r}, licence {other.licence}"
            )
    if (entry.licence, entry.source, entry.classes) != (LICENCE, AUTHOR, 1):
        raise ModelError(
            f"{file} does not say that we made it (author {AUTHOR}, licence {LICENCE}, one class), as `models train "
            "export` writes it; a network of others is taken in by: gatehouse models add FILE"
        )


def _block(entry: ModelEntry) -> str:
    rows = entry.model_dump(exclude_defaults=True)
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in rows.items()) + "\n"
