"""How a camera's view looks when all is well: by day and by night, kept from its first good minute on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.core.integrity.picture import HEIGHT, WIDTH, Outlines, SmallPicture

Light = Literal["day", "night"]
LIGHTS: tuple[Light, ...] = ("day", "night")
_GREY = 0.7  # levels of colour; infra-red pictures have none, the palest street has 3
_DARK = 50.0  # levels on average
_STEADY = 0.3  # length of a mean outline that is there most of the time
LEAST_OUTLINES = 0.01  # share of the picture; with fewer that are steady nothing can be compared
_FOLLOWS_S = 3600.0  # shadows wander and trees grow; who turns or sprays a camera is faster


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One light's. outlines: (90, 160) mean of many pictures. structure, sharpness, level: as they were at first.

    height: of the frames, pixels; at another one sharpness is another.
    """

    outlines: Outlines
    structure: float
    sharpness: float
    level: float
    height: int

    @property
    def steady(self) -> NDArray[np.bool_]:
        """(90, 160): where outlines are that stay."""
        return np.abs(self.outlines) > _STEADY

    @property
    def comparable(self) -> bool:
        """Whether there is enough that stays."""
        return bool(self.steady.mean() >= LEAST_OUTLINES)

    def present(self, seen: Outlines, where: NDArray[np.bool_] | None = None) -> float:
        """Share of the view's steady outlines that are in `seen`, about 1 where all is well and 0 where none is left.

        where: (90, 160), only these pixels count. 1 where there is nothing to compare.
        """
        mask = self.steady if where is None else self.steady & where
        if mask.mean() < LEAST_OUTLINES * (1.0 if where is None else 0.1):
            return 1.0
        mine = self.outlines[mask]
        return float((mine.conj() * seen[mask]).real.sum() / (np.abs(mine) ** 2).sum())

    def shift(self, seen: Outlines) -> tuple[int, int, float]:
        """By how many pixels (right, down) this view is found displaced in `seen`, and how surely, 0 to 1.

        By correlation of both in the frequency domain.
        """
        padded = (2 * HEIGHT, 2 * WIDTH)
        product = np.fft.fft2(seen, padded) * np.fft.fft2(self.outlines, padded).conj()
        likeness = np.fft.ifft2(product).real
        row, column = (int(i) for i in np.unravel_index(np.argmax(likeness), padded))
        down = row - padded[0] if row > HEIGHT else row
        right = column - padded[1] if column > WIDTH else column
        rows = slice(max(0, down), HEIGHT + min(0, down)), slice(max(0, -down), HEIGHT + min(0, -down))
        columns = slice(max(0, right), WIDTH + min(0, right)), slice(max(0, -right), WIDTH + min(0, -right))
        here, there = seen[rows[0], columns[0]], self.outlines[rows[1], columns[1]]
        both = float(np.sqrt((np.abs(here) ** 2).sum() * (np.abs(there) ** 2).sum()))
        return right, down, float(likeness[row, column]) / both if both > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The views of one camera that are known."""

    day: View | None = None
    night: View | None = None

    @property
    def views(self) -> tuple[View, ...]:
        """Those that can be compared with."""
        return tuple(view for view in (self.day, self.night) if view is not None and view.comparable)

    def of(self, light: Light) -> View | None:
        """The view in that light."""
        return self.day if light == "day" else self.night

    def with_view(self, light: Light, view: View) -> "Reference":
        """This one with another view."""
        return replace(self, day=view) if light == "day" else replace(self, night=view)


def light_of(picture: SmallPicture) -> Light:
    """A grey or a dark picture is a night's; a camera without colours has night views only."""
    return "night" if picture.colour < _GREY or float(picture.luma.mean()) < _DARK else "day"


def learnt(pictures: Iterable[tuple[SmallPicture, Outlines]]) -> View:
    """A view from pictures of the same light, one or more."""
    seen = list(pictures)
    return View(
        np.asarray(np.mean([outline for _, outline in seen], axis=0), np.complex64),
        float(np.mean([np.abs(outline).mean() for _, outline in seen])),
        float(np.median([picture.sharpness for picture, _ in seen])),
        float(np.mean([picture.luma.mean() for picture, _ in seen])),
        seen[-1][0].height,
    )


def followed(view: View, seen: Outlines, step_s: float) -> View:
    """The view a little nearer to what is seen now. How much it shows stays: slow dirt must not become normal."""
    share = np.float32(1.0 - np.exp(-step_s / _FOLLOWS_S))
    return replace(view, outlines=np.asarray(view.outlines + share * (seen - view.outlines), np.complex64))
