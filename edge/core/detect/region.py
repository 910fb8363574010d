"""A part of a frame that is to be looked at, and how large it is shown to the network. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """xyxy: left, top, right, bottom in frame pixels. scale: pixels of the network's input for each of the frame's."""

    xyxy: tuple[float, float, float, float]
    scale: float

    @property
    def cost_px(self) -> float:
        """Pixels of the network's input that it takes."""
        left, top, right, bottom = self.xyxy
        return (right - left) * (bottom - top) * self.scale**2

    def joined(self, other: "Region") -> "Region":
        """The smallest region that shows both, each at least as large as it would have been."""
        left, top = (min(pair) for pair in zip(self.xyxy[:2], other.xyxy[:2], strict=True))
        right, bottom = (max(pair) for pair in zip(self.xyxy[2:], other.xyxy[2:], strict=True))
        return Region((left, top, right, bottom), max(self.scale, other.scale))


def whole_frame(frame_size: tuple[int, int], input_size: tuple[int, int]) -> Region:
    """A whole frame, as large as the input holds it; both sizes are width, height in pixels."""
    width, height = frame_size
    return Region((0.0, 0.0, float(width), float(height)), min(input_size[0] / width, input_size[1] / height))


@dataclass(frozen=True, slots=True)
class Look:
    """Where one frame is looked at; no regions: there is nobody to look for. full: the whole frame is among them."""

    regions: tuple[Region, ...]
    full: bool
