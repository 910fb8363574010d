"""What a camera or a file says of itself is not believed: lengths are bounded, titles may be in any encoding."""

import ctypes
import ctypes.util
import functools
import logging
from pathlib import Path

import av

ANY_TEXT = "replace"  # for `metadata_errors` of av.open: PyAV dies of a title that is no UTF-8 otherwise

log = logging.getLogger(__name__)

MAX_ALLOCATION_BYTES = 64 * 2**20  # a decoded picture of 7680x4320 takes 50 MB, the largest thing that is ever needed


@functools.cache
def bound_allocations() -> None:
    """Makes libav refuse single allocations past MAX_ALLOCATION_BYTES, in this process and from now on.

    PyAV does not reach `av_max_alloc`; its wheels bring libavutil in a folder beside it, distributions in the system.
    """
    beside = sorted((Path(av.__file__).parent.parent / "av.libs").glob("libavutil*"))
    library = str(beside[0]) if beside else ctypes.util.find_library("avutil")
    try:
        ctypes.CDLL(library).av_max_alloc(ctypes.c_size_t(MAX_ALLOCATION_BYTES))
    except (OSError, AttributeError) as error:
        log.warning("libav's allocations are not bounded (%s): a camera that lies about lengths can fill memory", error)
