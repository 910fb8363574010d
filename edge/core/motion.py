"""What moved in a camera's picture. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """boxes: (n, 4) float32 xyxy in frame pixels, where something moved. light_changed: the whole picture changed."""

    boxes: NDArray[np.float32]
    light_changed: bool
