"""What a family of networks is: how its raw output reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Boxes of people past the threshold: xyxy (n, 4) in input pixels, score (n,)."""

    xyxy: Floats
    score: Floats


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs beside the tensors: input width and height in pixels, the person's class, the threshold."""

    width: int
    height: int
    person_class: int
    threshold: float


@dataclass(frozen=True, slots=True)
class Family:
    """One row of the table of families.

    fits: whether output shapes (for an input of width, height) are this family's; the number of classes, or None.
    read: raw outputs -> people.
    suppression: whether overlapping boxes must be thinned out afterwards.
    colour, mean, std: what this family's input usually is; an entry of the manifest may say otherwise.
    """

    name: str
    fits: Callable[[Sequence[Shape], int, int], int | None]
    read: Callable[[Sequence[Floats], Reading], Found]
    suppression: bool
    colour: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def cells(width: int, height: int, strides: Sequence[int]) -> list[int]:
    """How many grid cells each stride has."""
    return [-(-width // stride) * -(-height // stride) for stride in strides]


def grid(width: int, height: int, stride: int) -> Floats:
    """(cells, 2) x and y number of each cell, row by row."""
    x, y = np.meshgrid(np.arange(-(-width // stride)), np.arange(-(-height // stride)))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def from_centres(centre: Floats, size: Floats) -> Floats:
    """(n, 2) centres and (n, 2) sizes -> (n, 4) xyxy."""
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)
