"""What can be wrong with a virtual camera, on command."""

import random
from dataclasses import replace

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from edge.virtual_camera.media import AccessUnit, Clip, MediaError, PictureList, encode, rgb

Picture = NDArray[np.uint8]
STREAM_FAULTS = ("stall", "cut", "refuse", "damage", "jump")
PICTURE_FAULTS = ("black", "covered", "freeze", "shake", "swing", "resolution")
_JUMP_S = 3600.0
_DAMAGE_SHARE = 0.02
_LOOP_PICTURES = 100  # of a faulty picture; enough to show the fault, quickly coded


class FaultState:
    """The faults of one camera that are on."""

    def __init__(self, seed: int = 1) -> None:
        self._on: set[str] = set()
        self._random = random.Random(seed)  # noqa: S311 damage must be the same in every run
        self._jump_s = 0.0
        self.replacement: Clip | None = None

    @property
    def stalled(self) -> bool:
        """The connection stays open and nothing comes."""
        return "stall" in self._on

    @property
    def refuses(self) -> bool:
        """Every password is wrong."""
        return "refuse" in self._on

    def switch(self, name: str, on: bool, clip: Clip) -> None:
        """Switches a fault; `clip` is what the camera plays when all is well. Raises ValueError."""
        if name not in STREAM_FAULTS + PICTURE_FAULTS:
            raise ValueError(f"there is no fault {name!r}; one of {', '.join(STREAM_FAULTS + PICTURE_FAULTS)}")
        if name == "jump" and on:
            self._jump_s += _JUMP_S
        elif name in PICTURE_FAULTS:
            self.replacement = faulty(clip, name) if on else None
        elif on:
            self._on.add(name)
        else:
            self._on.discard(name)

    def stamped(self, unit: AccessUnit) -> AccessUnit:
        """The unit with the time stamps that the camera would send now."""
        return replace(unit, pts_s=unit.pts_s + self._jump_s) if self._jump_s else unit

    def damaged(self, packet: bytes) -> bytes:
        """The packet, or what the network makes of it."""
        if "damage" not in self._on or self._random.random() > _DAMAGE_SHARE or len(packet) < 20:
            return packet
        spot = self._random.randrange(14, len(packet))
        return packet[:spot] + bytes([packet[spot] ^ 0xFF]) + packet[spot + 1 :]


def faulty(clip: Clip, fault: str) -> Clip:
    """The first seconds of `clip` as a camera with this fault would show them."""
    pictures = _decoded(clip)
    fps = len(clip.units) / clip.duration_s
    bad = [_spoilt(pictures, number, fault) for number in range(len(pictures))]
    return encode(PictureList(bad, fps), clip.codec)


def _decoded(clip: Clip) -> list[Picture]:
    decoder = VideoCodecContext.create(clip.codec, "r")
    pictures: list[Picture] = []
    for unit in clip.units[:_LOOP_PICTURES]:
        packet = av.Packet(b"".join(b"\x00\x00\x00\x01" + nal for nal in unit.nals))
        pictures += [rgb(frame) for frame in decoder.decode(packet)]
    pictures += [rgb(frame) for frame in decoder.decode(None)]
    if not pictures:
        raise MediaError("the clip can't be decoded")
    return pictures


def _spoilt(pictures: list[Picture], number: int, fault: str) -> Picture:
    picture = pictures[number]
    height, width = picture.shape[:2]
    if fault == "freeze":
        return pictures[0]
    if fault == "resolution":
        return np.asarray(cv2.resize(picture, (width // 4 * 2, height // 4 * 2)), np.uint8)
    if fault in ("black", "covered"):
        noise = np.random.default_rng(number).normal(0, 2, picture.shape)
        level = 6 if fault == "black" else 70
        return np.clip(noise + level, 0, 255).astype(np.uint8)
    sway = np.random.default_rng(number).integers(-8, 9, 2) if fault == "shake" else (width // 2, height // 8)
    return np.roll(picture, (int(sway[1]), int(sway[0])), axis=(0, 1))
