"""Makes a plan that people bring into a picture of the console's own: whatever else was in the file is gone."""

import hashlib
import io

from PIL import Image, ImageOps, UnidentifiedImageError

from console.store.plans import Drawing, Sheet
from console.web.errors import Refused

MOST_BYTES = 12 * 1024 * 1024
KINDS = ("JPEG", "PNG", "WEBP")
MOST_PIXELS = 40_000_000  # of a photo of a drawing; more takes the memory of a small machine
MOST_SIDE_PX = 2400  # what a large screen shows
LEAST_SIDE_PX = 64


def drawing_of(data: bytes) -> Drawing:
    """The plan in a file. Raises Refused where it is no picture of these kinds, or is too large or too small."""
    try:
        with Image.open(io.BytesIO(data), formats=KINDS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Refused(413, "plan_too_large")
            if min(picture.size) < LEAST_SIDE_PX:
                raise Refused(422, "plan_too_small")
            picture.draft("RGB", (MOST_SIDE_PX, MOST_SIDE_PX))  # a JPEG is decoded no larger than needed
            return _encoded(_upright(picture))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise Refused(415, "not_a_plan") from None


def _upright(picture: Image.Image) -> Image.Image:
    """As the camera was held; as it lies where what the file says of that can't be read."""
    picture.load()
    try:
        return ImageOps.exif_transpose(picture)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError):
        return picture


def _encoded(picture: Image.Image) -> Drawing:
    picture.thumbnail((MOST_SIDE_PX, MOST_SIDE_PX))
    with_alpha = picture.convert("RGBA")  # what is transparent is paper
    paper = Image.new("RGBA", with_alpha.size, "white")
    flat = Image.alpha_composite(paper, with_alpha).convert("RGB")
    target = io.BytesIO()
    flat.save(target, "JPEG", quality=88, optimize=True)
    jpeg = target.getvalue()
    return Drawing(jpeg, Sheet(hashlib.sha256(jpeg).hexdigest(), flat.width, flat.height))
