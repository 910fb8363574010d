"""Points, segments and polygons. Pure.

A polygon is its corners in order; the last one joins the first. Distances are in the unit of the points given, so
callers scale fractions to pixels first wherever a distance means something.
"""

import numpy as np
from numpy.typing import NDArray

Polygon = tuple[tuple[float, float], ...]
Floats = NDArray[np.float64]

MIN_AREA = 1e-4  # of the picture: a hundredth of its width times a hundredth of its height
_SAME_POINT = 1e-6


def polygon_fault(polygon: Polygon) -> str | None:
    """Why `polygon` (fractions of the picture, at least three points) can't be a zone, or None where it can."""
    corners = _without_repeats(polygon)
    if len(set(corners)) < 3:
        return (
            f"has only {len(set(corners))} different point(s) ({_listed(sorted(set(corners)))}); "
            "give at least three different corners"
        )
    if _on_one_line(corners):
        return f"all points ({_listed(corners)}) lie on one line; add a corner beside that line"
    crossing = _crossing_edges(corners)
    if crossing is not None:
        (a, b), (c, d) = crossing
        return (
            f"the edge from {_point(a)} to {_point(b)} crosses the edge from {_point(c)} to {_point(d)}; "
            "list the corners in order around the zone"
        )
    area = abs(signed_area(corners))
    if area < MIN_AREA:
        return (
            f"the area between {_listed(corners)} is {area:.6f} of the picture, less than {MIN_AREA:.4f}; "
            "draw the zone larger"
        )
    return None


def signed_area(polygon: Polygon) -> float:
    """Area by the shoelace formula, in squared units of the points; the sign tells the direction of the corners."""
    xy = np.asarray(polygon, np.float64)
    following = np.roll(xy, -1, axis=0)
    return float((xy[:, 0] * following[:, 1] - following[:, 0] * xy[:, 1]).sum() / 2)


def contains(polygon: Floats, points: Floats) -> NDArray[np.bool_]:
    """Which points lie inside, by counting the edges that a ray to the right crosses (even-odd rule).

    polygon: (k, 2), points: (n, 2), same unit. Returns (n,). On the edge itself either answer is possible;
    `depth` says 0 there.
    """
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, None, 0], points[:, None, 1]
    spans = (a[None, :, 1] > y) != (b[None, :, 1] > y)
    rise = b[:, 1] - a[:, 1]
    slope = np.divide(b[:, 0] - a[:, 0], rise, out=np.zeros(len(a)), where=rise != 0)
    hits = spans & (x < slope[None] * (y - a[None, :, 1]) + a[None, :, 0])
    inside: NDArray[np.bool_] = hits.sum(axis=1) % 2 == 1
    return inside


def depth(polygon: Floats, points: Floats) -> Floats:
    """Signed distance to the nearest edge: positive inside, negative outside.

    polygon: (k, 2), points: (n, 2), same unit. Returns (n,) float64 in that unit.
    """
    a, b = polygon, np.roll(polygon, -1, axis=0)
    distance = segment_distance(a, b, points).min(axis=1)
    signed: Floats = np.where(contains(polygon, points), distance, -distance)
    return signed


def segment_distance(starts: Floats, ends: Floats, points: Floats) -> Floats:
    """Distance of each point to each segment.

    starts, ends: (k, 2), points: (n, 2), same unit. Returns (n, k) float64. A segment may be a single point.
    """
    along = ends - starts
    length2 = (along**2).sum(axis=1)
    offset = points[:, None] - starts[None]
    share = np.divide(
        (offset * along[None]).sum(axis=2),
        length2[None],
        out=np.zeros((len(points), len(starts))),
        where=length2[None] > 0,
    )
    nearest = starts[None] + np.clip(share, 0, 1)[..., None] * along[None]
    gap = points[:, None] - nearest
    distance: Floats = np.hypot(gap[..., 0], gap[..., 1])
    return distance


def side_of_line(line: tuple[tuple[float, float], tuple[float, float]], point: tuple[float, float]) -> float:
    """Positive where `point` is to the right of `line` for someone who looks from its first to its second point.

    The picture's y axis points down, so right of an upward-pointing line is towards larger x. The value is the
    distance to the endless line times the line's length, in squared units of the points.
    """
    (ax, ay), (bx, by) = line
    return (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)


def segments_cross(
    first: tuple[tuple[float, float], tuple[float, float]], second: tuple[tuple[float, float], tuple[float, float]]
) -> bool:
    """Whether the two segments share at least one point (touching counts)."""
    (a, b), (c, d) = first, second
    sides = side_of_line(first, c), side_of_line(first, d), side_of_line(second, a), side_of_line(second, b)
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    return (
        (sides[0] == 0 and _in_box(first, c))
        or (sides[1] == 0 and _in_box(first, d))
        or (sides[2] == 0 and _in_box(second, a))
        or (sides[3] == 0 and _in_box(second, b))
    )


def _in_box(segment: tuple[tuple[float, float], tuple[float, float]], point: tuple[float, float]) -> bool:
    (ax, ay), (bx, by) = segment
    return min(ax, bx) <= point[0] <= max(ax, bx) and min(ay, by) <= point[1] <= max(ay, by)


def _without_repeats(polygon: Polygon) -> Polygon:
    # Installers often close a polygon by writing its first corner again.
    kept: list[tuple[float, float]] = []
    for x, y in polygon:
        if not kept or abs(kept[-1][0] - x) + abs(kept[-1][1] - y) > _SAME_POINT:
            kept.append((x, y))
    while len(kept) > 1 and abs(kept[0][0] - kept[-1][0]) + abs(kept[0][1] - kept[-1][1]) <= _SAME_POINT:
        kept.pop()
    return tuple(kept)


def _on_one_line(corners: Polygon) -> bool:
    xy = np.asarray(corners, np.float64)
    widths = np.linalg.svd(xy - xy.mean(axis=0), compute_uv=False)
    return bool(widths[-1] < _SAME_POINT)


def _crossing_edges(corners: Polygon) -> tuple[Polygon, Polygon] | None:
    count = len(corners)
    edges = [(corners[i], corners[(i + 1) % count]) for i in range(count)]
    for i in range(count):
        for j in range(i + 1, count):
            if j == i + 1 or (i == 0 and j == count - 1):
                # Neighbours share a corner; they are at fault only where one runs back over the other.
                if _runs_back(edges[i], edges[j]):
                    return edges[i], edges[j]
            elif segments_cross(edges[i], edges[j]):
                return edges[i], edges[j]
    return None


def _runs_back(first: Polygon, second: Polygon) -> bool:
    (a, b), (c, d) = (first, second) if first[1] == second[0] else (second, first)
    if b != c:
        return False
    before, after = np.subtract(b, a), np.subtract(d, c)
    straight = abs(float(before[0] * after[1] - before[1] * after[0])) < _SAME_POINT**2
    return straight and float(before @ after) < 0


def _point(point: tuple[float, float]) -> str:
    return f"{point[0]:g},{point[1]:g}"


def _listed(points: Polygon | list[tuple[float, float]]) -> str:
    shown = " ".join(_point(p) for p in points[:6])
    return shown if len(points) <= 6 else f"{shown} and {len(points) - 6} more"
