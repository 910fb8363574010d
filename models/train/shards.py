"""Prepared pictures with their people, in few files: small enough to carry to a borrowed machine.

A shard is an .npz: pictures as JPEG end to end (`jpeg`, cut at `jpeg_ends`), people as rows (`people`, cut at
`people_ends`): left, top, right, bottom in pixels of the picture, then certainty; `sizes` (n, 2) width and height.
"""

import fcntl
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.adapters.durable import put_in_place
from models.labelled import LabelError
from models.whole_file import check_writable, unwritable

SHARD_BYTES = 60 * 2**20  # below the 64 MiB that a borrowed machine takes at a time

SITE = "site-"  # how the names of shards begin that hold pictures of one site


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

    They take the place of the old ones of that name together, once all are written. Only this account reads them:
    there are children in the pictures. Raises LabelError where there is no sample, UnwritableError; then nothing was
    changed and no part of them stays.
    """
    first = stem.with_name(f"{stem.name}-0.npz")
    check_writable(first)
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        _sweep(stem)
        with tempfile.TemporaryDirectory(dir=stem.parent, prefix=f".{stem.name}-") as folder, _held(Path(folder)):
            parts = _written(Path(folder) / stem.name, samples, limit_bytes)
            for part in reversed(parts):  # the first one last: where it stands, `make train` takes the set as whole
                put_in_place(part, stem.parent / part.name)
            written = [stem.parent / part.name for part in parts]
    except OSError as error:
        raise unwritable(first, error) from error
    ours = re.compile(re.escape(stem.name) + r"-\d+\.npz")  # and none of another set whose name begins alike
    for old in set(stem.parent.iterdir()) - set(written):
        if ours.fullmatch(old.name):
            old.unlink()
    return written


def read_shards(paths: Iterable[Path]) -> list[Sample]:
    """All samples of the shards, in their order. Raises LabelError where a file is no shard."""
    return [sample for path in paths for sample in _read(path)]


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Holds a folder until it is let go or this process ends. Raises BlockingIOError where another holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _sweep(stem: Path) -> None:
    """Takes away what those left who were killed while they wrote shards of `stem`."""
    for folder in stem.parent.glob(f".{stem.name}-*"):
        with suppress(OSError), _held(folder):
            shutil.rmtree(folder)


def _written(stem: Path, samples: Iterable[Sample], limit_bytes: int) -> list[Path]:
    parts: list[Path] = []
    batch: list[Sample] = []
    size_bytes = 0
    for sample in samples:
        if batch and size_bytes + len(sample.jpeg) > limit_bytes:
            parts.append(_write(stem.with_name(f"{stem.name}-{len(parts)}.npz"), batch))
            batch, size_bytes = [], 0
        batch.append(sample)
        size_bytes += len(sample.jpeg)
    if not batch:
        raise LabelError(f"there is not one picture to write to {stem.name}; what stood there stays as it was")
    return [*parts, _write(stem.with_name(f"{stem.name}-{len(parts)}.npz"), batch)]


def _write(path: Path, batch: list[Sample]) -> Path:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
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
