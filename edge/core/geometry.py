"""Points, boxes and polygons. Pure."""


def polygon_fault(polygon: tuple[tuple[float, float], ...]) -> str | None:
    """Why `polygon` (fractions, at least three points) can't be a zone, or None where it can."""
    return None
