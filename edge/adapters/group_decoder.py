"""Stop 3 of the house: packets to pictures, all of them, or of each group of pictures only the one that needs no other.

While it rests, a key frame is decoded alone and the decoder emptied, so that the picture is out at once even where
pictures are sent in another order than they are shown in. What comes after it is kept; as soon as the rest ends, the
group is decoded from its key frame on, so no picture is ever made without those that it refers to. Where it is switched
off it begins again with the next key frame.
"""

from __future__ import annotations  # av.Packet is generic for the type checker only

from collections import deque
from contextlib import suppress
from itertools import chain
from math import isfinite
from typing import TypeAlias

import av
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

LONGEST_REST_S = 2.1  # from one picture to the next: 2 s between key frames is usual, and cameras are not exact
_LONG_S = 10.0  # what has sent no second key frame for so long sends few
_FAILS_S, _FAILS_LONGEST_S = 10.0, 600.0  # without a picture, until the camera is asked anew; each time twice as long
_STEPS = 16  # distances of key frames that are remembered: many cameras vary them

Packet: TypeAlias = "av.Packet[VideoStream]"


class GroupDecoder:
    """One stream's, through all its connections."""

    def __init__(self) -> None:
        self.idle = False  # set by any thread
        self.off = False  # set by any thread: nothing is decoded
        self._was_off = False
        self._failing_since_s: float | None = None
        self._fails_s = _FAILS_S
        self.rests = False
        self.decoded = 0  # pictures so far
        self._begin()

    def _begin(self) -> None:
        self._key_s = float("-inf")  # media seconds of the last key frame
        self._shown_s: float | None = None  # when it is shown, camera seconds
        self._steps_s: deque[float] = deque(maxlen=_STEPS)
        self._kept: list[Packet] = []  # what the decoder has not seen, in its order
        self._alone_shown = True  # not so where pictures are renewed strip by strip: there no packet shows one alone

    def key_every_s(self, media_s: float) -> float:
        """Seconds from one key frame to the next, at most, of late; 0 while that is not known.

        media_s: of the newest packet.
        """
        since_s = media_s - self._key_s if isfinite(self._key_s) else 0.0
        return max(*self._steps_s, since_s) if self._steps_s else since_s if since_s > _LONG_S else 0.0

    def begin(self, context: VideoCodecContext) -> None:
        """A connection begins; `context` decodes its packets."""
        self._begin()
        self._failing_since_s = None
        self._context = context

    def pictures(self, packet: Packet, media_s: float) -> list[av.VideoFrame]:
        """What `packet`, the next one in decoding order, stamped `media_s`, brings to light, in the order of showing.

        Heeds `idle` only where a key frame came at least every `LONGEST_REST_S` of late, and for no longer than that
        after the last one. Raises av.FFmpegError.
        """
        self._was_off = self.off or (self._was_off and not packet.is_keyframe)
        if self._was_off:
            self.rests = False
            return []
        if packet.is_keyframe:
            self._kept = []
            self._note(packet, media_s)
        often = bool(self._steps_s) and max(self._steps_s) <= LONGEST_REST_S
        self.rests = self.idle and often and self._alone_shown and media_s - self._key_s <= LONGEST_REST_S
        if self.rests:
            self._kept.append(packet)
            if not packet.is_keyframe:
                return []
            found = self._alone(packet)
            self._alone_shown = bool(found)
            return found
        kept, self._kept = self._kept, []
        for one in kept:  # too late to be looked at
            with suppress(av.FFmpegError):
                self._decoded(one)
        return self._decoded(packet)

    def has_failed_for_long(self, now_s: float) -> bool:
        """Whether it is time to connect anew, for a camera may have told its new format in its SDP alone.

        Call it when `pictures` has raised. That cuts the recording, so it is seldom true where it helps nothing.
        """
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        if now_s - self._failing_since_s <= self._fails_s:
            return False
        self._fails_s = min(2 * self._fails_s, _FAILS_LONGEST_S)
        return True

    def _note(self, key: Packet, media_s: float) -> None:
        # Sent at uneven distances where others are sent before their turn, but shown at even ones.
        shown_s = media_s if key.pts is None else float(key.pts * key.time_base)
        if self._shown_s is not None:
            self._steps_s.append(shown_s - self._shown_s)
        self._key_s, self._shown_s = media_s, shown_s

    def _alone(self, key: Packet) -> list[av.VideoFrame]:
        end: av.Packet[Stream] = av.Packet()
        end.time_base = key.time_base
        try:
            return list(chain(self._decoded(key), self._decoded(end)))
        finally:
            self._context.flush_buffers()

    def _decoded(self, packet: Packet | av.Packet[Stream]) -> list[av.VideoFrame]:
        pictures = self._context.decode(packet)
        self.decoded += len(pictures)
        if pictures:
            self._failing_since_s, self._fails_s = None, _FAILS_S
        return pictures
