"""Real video made on the spot, and a stream to feed recorders with."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge.adapters.av_source import StreamInfo

EPOCH_S = 1_790_000_000.0  # UTC seconds at which the recordings of these tests begin
MakeVideo = Callable[..., Path]


@dataclass(frozen=True)
class Fed:
    """What `record` fed: the payloads in order, and whether each was a key frame."""

    payloads: list[bytes]
    keys: list[bool]


@pytest.fixture(scope="session")
def make_video(tmp_path_factory) -> MakeVideo:
    """Makes (once for each set of arguments) a video of a square that walks; returns its path.

    still_s: spans (begin, end) in which it stands. open_gop: pictures before a key frame refer to those behind it.
    """
    made: dict[object, Path] = {}

    def make(codec="libx264", *, width=160, height=96, fps=10, seconds=6, gop=10, b_frames=0, suffix=".mp4",
             still_s=(), open_gop=False) -> Path:  # fmt: skip
        key = (codec, width, height, fps, seconds, gop, b_frames, suffix, still_s, open_gop)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("video") / f"made{suffix}"
            _encode(made[key], codec, (width, height), fps, seconds, (gop, b_frames, open_gop), still_s)
        return made[key]

    return make


def _encode(path, codec, size, fps, seconds, pattern, still_s) -> None:
    gop, b_frames, open_gop = pattern
    options = {"preset": "ultrafast", "g": str(gop), "bf": str(b_frames)}
    if codec == "libx265":
        shape = f"keyint={gop}:min-keyint={gop}:bframes={b_frames}:open-gop={int(open_gop)}:scenecut=0"
        options["x265-params"] = f"{shape}:log-level=none:pools=1"
    else:
        options |= {"sc_threshold": "0", "threads": "1", "x264-params": f"open-gop={int(open_gop)}"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        step = -1
        green = 150 if still_s else 0  # a square as bright as the ground moves unseen
        for number in range(fps * seconds):
            picture = np.full((size[1], size[0], 3), 60, np.uint8)
            step += not any(begin_s * fps <= number < end_s * fps for begin_s, end_s in still_s)
            left = max(0, step) * 3 % (size[0] - 24)
            picture[20:44, left : left + 24] = (200, (green + max(0, step)) % 256, 90)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture
def record():
    """Feeds the whole of a video to a recorder, as a camera would that began at `begins_at_s`; returns a Fed."""

    def feed(recorder, video, begins_at_s=EPOCH_S, *, close=True, media_ahead_s=0.0, only=slice(None)) -> Fed:
        fed = Fed([], [])
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            recorder.connected(StreamInfo(context.name, context.width, context.height, stream.time_base, None), stream)
            first = None
            for packet in [packet for packet in container.demux(stream) if packet.size][only]:
                first = packet.dts if first is None else first
                media_s = float((packet.dts - first) * packet.time_base)
                fed.payloads.append(bytes(packet))
                fed.keys.append(packet.is_keyframe)
                recorder.packet(packet, media_s + media_ahead_s, begins_at_s + media_s)
            if close:
                recorder.close()
        return fed

    return feed


@pytest.fixture
def payloads_of():
    """The payloads of all packets of the files named, in order."""

    def read(*paths: Path) -> list[bytes]:
        payloads = []
        for path in paths:
            with av.open(str(path)) as container:
                payloads += [bytes(packet) for packet in container.demux(video=0) if packet.size]
        return payloads

    return read
