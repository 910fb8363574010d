"""Writes one of our own networks into the manifest that ships with Gatehouse."""

import json
import re
from pathlib import Path

from models.add import recognise_file
from models.registry import ModelEntry, ModelError, read_manifest


def enter(manifest: Path, file: Path, name: str, confidence: float, measured: str, default: bool) -> ModelEntry:
    """Puts `file`, as `train export` or `models quantize` wrote it, into `manifest` in place of an entry of that name.

    file: must lie beside or below the manifest, for it ships with it. confidence: default threshold. measured: what was
    measured on what. default: make it the network that runs where none is named. Raises ModelError.
    """
    folder = manifest.parent.resolve()
    if not file.resolve().is_relative_to(folder):
        raise ModelError(
            f"{file} does not lie below {folder}; a network that ships lies there, for example in weights/"
        )
    read_manifest(manifest)  # one that is damaged is told before anything is made of it
    place = {"file": file.resolve().relative_to(folder).as_posix(), "source": "models/weights/README.md"}
    entry = recognise_file(file, name, "AGPL-3.0-or-later").model_copy(
        update={**place, "confidence": confidence, "measured": measured}
    )
    head, *blocks = manifest.read_text(encoding="utf-8").split("[[model]]\n")
    if default:
        head = re.sub(r"(?m)^default = .*\n+", "", head).rstrip() + f"\n\ndefault = {json.dumps(name)}\n\n"
    blocks = [block for block in blocks if f"name = {json.dumps(name)}\n" not in block]
    text = "[[model]]\n".join([head, _block(entry), *blocks])
    part = manifest.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8")
        read_manifest(part)
        part.replace(manifest)
    finally:
        part.unlink(missing_ok=True)
    return entry


def _block(entry: ModelEntry) -> str:
    rows = entry.model_dump(exclude_defaults=True)
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in rows.items()) + "\n"
