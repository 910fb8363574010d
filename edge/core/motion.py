"""What moved in a camera's picture. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """cells: (rows, columns) bool, a grid over the whole frame, true where something moved.

    light_changed: the whole picture changed, or nothing is known of how it was before; `cells` say nothing then.
    """

    cells: NDArray[np.bool_]
    light_changed: bool
