"""Whether memory stays flat: a video again and again, as one file of an hour, through `gatehouse edge replay`.

    python tests/bench/memory_slope.py VIDEO [--hours 1] [--model nanodet_m_320] [--fps 5]

The resident memory of the process is read from outside twice a second; printed are ten of the figures and the slope by
least squares over the last three quarters, in MB for each hour of video.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from edge.adapters.processor_use import memory_of

EVERY_S = 0.5


def repeated(video: Path, hours: float, target: Path) -> None:
    """The packets of `video` as they are, again and again."""
    with av.open(str(target), "w") as out:
        stream, begin = None, 0
        while stream is None or begin * stream.time_base < hours * 3600:
            with av.open(str(video)) as container:
                source = container.streams.video[0]
                stream = stream or out.add_stream_from_template(source)
                packets = [packet for packet in container.demux(source) if packet.size]
                first, step = packets[0].dts, packets[1].dts - packets[0].dts
                last = begin
                for packet in packets:
                    packet.dts, packet.pts = packet.dts - first + begin, packet.pts - first + begin
                    packet.time_base, packet.stream = source.time_base, stream
                    last = packet.dts
                    out.mux(packet)
                begin = last + step
                stream.time_base = source.time_base


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--model", default="default")
    parser.add_argument("--fps", type=float, default=5.0)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        long = Path(place) / "long.mp4"
        repeated(said.video, said.hours, long)
        zone = ["--zone", "all=0,0 1,0 1,1 0,1", "--loiter", "10", "--events", Path(place) / "events.jsonl"]
        command = [Path(sys.executable).with_name("gatehouse"), "edge", "replay", long, "--model", said.model]
        samples = []
        with subprocess.Popen([*map(str, command), "--fps", str(said.fps), *map(str, zone)]) as running:
            while running.poll() is None:
                try:
                    samples.append(memory_of(running.pid).rss_bytes / 1e6)
                except (OSError, KeyError):  # it is just ending
                    break
                time.sleep(EVERY_S)
        if running.returncode:
            raise SystemExit(running.returncode)
    media_h = np.linspace(0.0, said.hours, len(samples))  # the replay runs at an even speed
    for at in np.linspace(0, len(samples) - 2, 10).astype(int):
        print(f"{media_h[at] * 60:5.1f} min of video: {samples[at]:.1f} MB")
    settled = media_h >= said.hours / 4
    slope, _ = np.polyfit(media_h[settled][:-1], np.array(samples)[settled][:-1], 1)
    print(f"slope over the last three quarters: {slope:+.2f} MB an hour of video")


if __name__ == "__main__":
    main()
