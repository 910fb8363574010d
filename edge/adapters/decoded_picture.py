"""From libav's decoded picture to the planes of `edge.core.frame.Frame`."""

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray


def i420(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """The planes of `picture` in one array of its own, (height * 3 // 2, width) uint8, limited range, even size.

    Takes any pixel format libav knows (nv12, 4:2:2, 10 bits, full-range yuvj420p); an odd last row or column is cut
    off. Rows are copied without the decoder's padding.
    """
    full_range = picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG
    if picture.format.name != "yuv420p" or full_range:
        picture = picture.reformat(
            format="yuv420p",
            src_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
        )
    width, height = picture.width & ~1, picture.height & ~1
    stacked = np.empty((height * 3 // 2, width), np.uint8)
    chroma = stacked[height:].reshape(2, height // 2, width // 2)
    targets = (stacked[:height], chroma[0], chroma[1])
    for plane, target in zip(picture.planes, targets, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        target[:] = rows[: target.shape[0], : target.shape[1]]
    return stacked
