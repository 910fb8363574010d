"""Prepared pictures with their people, in few files: small enough to carry to a borrowed machine.

A shard is an .npz: pictures as JPEG end to end (`jpeg`, cut at `jpeg_ends`), people as rows (`people`, cut at
`people_ends`): left, top, right, bottom in pixels of the picture, then certainty; `sizes` (n, 2) width and height.
"""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.labelled import LabelError

SHARD_BYTES = 60 * 2**20  # below the 64 MiB that a borrowed machine takes at a time


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture as JPEG, its (width, height) in pixels, and its people.

    people: (n, 5) float32 left, top, right, bottom in pixels of the picture, and certainty: 1 surely a person, towards
    0 less so, 0 neither a person nor nobody: no loss falls there.
    """

    jpeg: bytes
    size: tuple[int, int]
    people: NDArray[np.float32]


def write_shards(stem: Path, samples: Iterable[Sample], limit_bytes: int = SHARD_BYTES) -> list[Path]:
    """Writes `stem`-0.npz, -1.npz and so on, each at most about `limit_bytes`; returns them.

    They take the place of the old ones of that name together, once all are written.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    parts: list[Path] = []
    batch: list[Sample] = []
    for sample in samples:
        if batch and sum(len(one.jpeg) for one in batch) + len(sample.jpeg) > limit_bytes:
            parts.append(_write(stem.with_name(f"{stem.name}-{len(parts)}.part"), batch))
            batch = []
        batch.append(sample)
    if batch:
        parts.append(_write(stem.with_name(f"{stem.name}-{len(parts)}.part"), batch))
    written = [part.replace(part.with_suffix(".npz")) for part in parts]
    ours = re.compile(re.escape(stem.name) + r"-\d+\.npz")  # and none of another set whose name begins alike
    for old in set(stem.parent.iterdir()) - set(written):
        if ours.fullmatch(old.name):
            old.unlink()
    return written


def read_shards(paths: Iterable[Path]) -> list[Sample]:
    """All samples of the shards, in their order. Raises LabelError where a file is no shard."""
    return [sample for path in paths for sample in _read(path)]


def _write(path: Path, batch: list[Sample]) -> Path:
    with path.open("wb") as file:
        np.savez(
            file,
            jpeg=np.frombuffer(b"".join(sample.jpeg for sample in batch), np.uint8),
            jpeg_ends=np.cumsum([len(sample.jpeg) for sample in batch]),
            sizes=np.array([sample.size for sample in batch], np.int32),
            people=np.concatenate([sample.people.reshape(-1, 5) for sample in batch]).astype(np.float32),
            people_ends=np.cumsum([len(sample.people) for sample in batch]),
        )
    return path


def _read(path: Path) -> Iterator[Sample]:
    try:
        with np.load(path) as shard:
            jpeg, people = shard["jpeg"].tobytes(), shard["people"]
            jpeg_ends, people_ends = shard["jpeg_ends"].tolist(), shard["people_ends"].tolist()
            sizes = shard["sizes"].tolist()
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise LabelError(f"{path} is no shard ({error}); make it: gatehouse models train prepare") from error
    cuts = zip([0, *jpeg_ends], jpeg_ends, sizes, [0, *people_ends], people_ends, strict=False)
    for begin, end, (width, height), first, last in cuts:
        yield Sample(jpeg[begin:end], (width, height), people[first:last])
