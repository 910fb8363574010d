"""Writes one of our own networks into the manifest that ships with Gatehouse."""

import json
import re
from pathlib import Path

import onnx

from models.registry import ModelEntry, ModelError, read_manifest, sha256_of


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
    digest = sha256_of(file)
    height, width = (axis.dim_value for axis in onnx.load(file).graph.input[0].type.tensor_type.shape.dim[2:])
    entry = ModelEntry(
        name=name, file=file.resolve().relative_to(folder).as_posix(), sha256=digest, licence="AGPL-3.0-or-later",
        source="models/weights/README.md", family="yolov8", width=width, height=height, colour="rgb", classes=1,
        confidence=confidence, measured=measured,
    )  # fmt: skip
    head, *blocks = manifest.read_text(encoding="utf-8").split("[[model]]\n")
    if default:
        head = re.sub(r"(?m)^default = .*\n+", "", head).rstrip() + f"\n\ndefault = {json.dumps(name)}\n\n"
    blocks = [block for block in blocks if f"name = {json.dumps(name)}\n" not in block]
    text = "[[model]]\n".join([head, _block(entry), *blocks])
    part = manifest.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    read_manifest(part)
    part.replace(manifest)
    return entry


def _block(entry: ModelEntry) -> str:
    rows = entry.model_dump(exclude_defaults=True)
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in rows.items()) + "\n"
