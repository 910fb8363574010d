"""Who runs a network: what is missing is told with its cure; the fastest that agrees wins, and is measured once."""

import importlib.util
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.provider_probe import Choice, choose
from edge.adapters.providers import PROVIDERS, Runner, UnusableProviderError, available
from edge.core.frame import Frame
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.labelled import frame_of
from models.registry import SHIPPED, read_manifest

ENTRIES = {entry.name: entry for entry in read_manifest(SHIPPED).model}


def detector(name: str = "person_416", provider: str = "cpu", engines: Path = Path("engines")) -> OnnxDetector:
    return OnnxDetector(ENTRIES[name], SHIPPED.parent / ENTRIES[name].file, 0.05, Runner(provider, engines))


@cache
def gate() -> Frame:
    rgb = DrawnScene(SceneSpec(9200, "day", "school_day_mix", fps=0.5, duration_s=30.0)).picture(8)
    return frame_of(np.ascontiguousarray(rgb[..., ::-1]))


class Turns:
    """A clock by which the first of two runners takes 10 ms a run and the second as much as is said."""

    def __init__(self, second_ms: float) -> None:
        self._now_s, self._steps_s, self._asked = 0.0, (0.0, 0.010, 0.0, second_ms / 1000), 0

    def monotonic_s(self) -> float:
        self._now_s += self._steps_s[self._asked % 4]
        self._asked += 1
        return self._now_s

    wall_s = monotonic_s


@pytest.fixture
def two_here(monkeypatch):
    """As if OpenVINO were installed; what it would run, the test says."""
    monkeypatch.setattr("edge.adapters.provider_probe.available", lambda: ("cpu", "openvino"))


@pytest.mark.parametrize(("second_ms", "wins"), [(4.0, "openvino"), (9.8, "cpu"), (30.0, "cpu")])
def test_the_fastest_wins_if_it_is_worth_it_and_is_measured_once(two_here, tmp_path, second_ms, wins):
    opened = []

    def open_with(provider):
        opened.append(provider)
        return detector()

    choice = choose("abc", open_with, gate, tmp_path, Turns(second_ms))
    assert choice == Choice(wins, f"measured: cpu 10.0 ms, openvino {second_ms:.1f} ms")
    assert choose("abc", open_with, gate, tmp_path, Turns(second_ms)) == choice
    assert opened == ["cpu", "openvino"], "the second time it was read from the file"
    choose("another file", open_with, gate, tmp_path, Turns(second_ms))
    assert len(opened) == 4


def test_who_answers_otherwise_or_does_not_run_is_left_out_however_fast(two_here, tmp_path, monkeypatch):
    others = {"cpu": "person_416", "openvino": "person_416_int8"}
    choice = choose("a", lambda provider: detector(others[provider]), gate, tmp_path, Turns(10.0))
    assert choice.provider == "cpu"
    assert "openvino answers otherwise by " in choice.why
    monkeypatch.setattr("edge.adapters.provider_probe.available", lambda: ("cpu", "cuda"))
    choice = choose("b", lambda provider: detector(provider=provider), gate, tmp_path, Turns(10.0))
    assert choice.provider == "cpu"
    assert "cuda does not run it (cuda is not installed here: on a Jetson" in choice.why


@pytest.mark.parametrize(
    "content", ["", "[1]", "{", '{"x": {"provider": "cpu"}}', '{"x": {"provider": "y", "why": ""}}']
)
def test_a_file_of_results_that_cant_be_used_is_written_anew(two_here, tmp_path, content):
    (tmp_path / "providers.json").write_text(content)
    choose("abc", lambda _: detector(), gate, tmp_path, Turns(4.0))
    (row,) = json.loads((tmp_path / "providers.json").read_text()).values()
    assert row["provider"] == "openvino"


def test_a_folder_that_cant_be_written_costs_the_memory_not_the_choice(two_here, tmp_path):
    (tmp_path / "file").write_text("")
    assert choose("abc", lambda _: detector(), gate, tmp_path / "file", Turns(4.0)).provider == "openvino"


@pytest.mark.parametrize("provider", [provider for provider in PROVIDERS if provider not in available()])
def test_a_provider_that_is_not_here_is_told_with_the_cure(provider, tmp_path):
    cure = "\\[openvino\\]" if provider == "openvino" else "onnxruntime-gpu wheel"
    with pytest.raises(UnusableProviderError, match=f"{provider} is not installed here: .*{cure}"):
        detector(provider=provider, engines=tmp_path)


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
@pytest.mark.skipif("cuda" in available(), reason="a GPU may be here: that one does not start can't be tested")
def test_a_gpu_that_does_not_start_is_told_and_never_the_processor_in_its_name(provider, tmp_path, monkeypatch):
    monkeypatch.setattr("edge.adapters.providers.available", lambda: PROVIDERS)
    with pytest.raises(UnusableProviderError, match=f"{provider} is installed and does not start"):
        detector(provider=provider, engines=tmp_path / "engines")


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not here: make test-openvino")
def test_openvino_answers_what_onnxruntime_answers_each_time_anew():
    mine, other = detector(), detector(provider="openvino")
    for frame in (gate(), Frame("c", 1, 1.0, 1.0, np.full((360 * 3 // 2, 480), 128, np.uint8)), gate()):
        mine.detect(frame)
        other.detect(frame)
        for one, two in zip(mine.network.run(), other.network.run(), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-2)
