"""A clip cut from segments plays in a real Chromium, from its first picture to its last, and can be sought in."""

import shutil
from fractions import Fraction

import av
import numpy as np
import pytest

from edge.adapters.av_source import StreamInfo
from edge.adapters.clip_writer import write_clip
from edge.adapters.recorder import Recorder

pytestmark = [pytest.mark.browser]
EPOCH_S = 1_790_000_000.0
PAGE = "<!doctype html><video id=v muted src='{name}'></video>"
PLAY = """async () => {
  const v = document.getElementById('v');
  await new Promise((done, fail) => { v.oncanplaythrough = done; v.onerror = () => fail(v.error.message); v.load(); });
  v.playbackRate = 4;
  const ended = new Promise(done => { v.onended = done; });
  await v.play();
  await ended;
  const shown = v.getVideoPlaybackQuality().totalVideoFrames;
  v.currentTime = 1.5;
  await new Promise(done => { v.onseeked = done; });
  return {width: v.videoWidth, height: v.videoHeight, duration: v.duration, shown, at: v.currentTime};
}"""


def recorded(folder, b_frames):
    """A recording of 6 s in segments of 2 s."""
    with av.open(str(folder / "source.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "10", "bf": str(b_frames)})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((96, 160, 3), number * 4, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    recorder = Recorder(folder / "segments", 2.0, 10**9)
    with av.open(str(folder / "source.mp4")) as container:
        stream = container.streams.video[0]
        recorder.connected(StreamInfo("h264", 160, 96, stream.time_base, 10.0), stream)
        for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
            recorder.packet(packet, number / 10, EPOCH_S + number / 10)
        recorder.close()


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_clip_plays_and_seeks(tmp_path, b_frames):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed here")
    from playwright.sync_api import sync_playwright

    recorded(tmp_path, b_frames)
    facts = write_clip(tmp_path / "segments", EPOCH_S + 1, EPOCH_S + 5, tmp_path / "clip.mp4")
    (tmp_path / "page.html").write_text(PAGE.format(name="clip.mp4"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.goto((tmp_path / "page.html").as_uri())
            played = page.evaluate(PLAY)
        finally:
            browser.close()
    assert (played["width"], played["height"]) == (160, 96)
    assert played["duration"] == pytest.approx(facts.ends_at_s - facts.begins_at_s, abs=0.25)
    assert played["shown"] >= facts.frames * 0.5  # at fourfold speed some are passed over
    assert played["at"] == pytest.approx(1.5, abs=0.05)
