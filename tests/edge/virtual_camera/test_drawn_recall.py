"""Networks that never saw a drawing take the drawn figures for people: recall at IoU 0.5, in each light."""

import importlib.util
from pathlib import Path

import pytest

from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT.parent / "shared" / "assets" / "models"


def _bench():
    spec = importlib.util.spec_from_file_location("recall_bench", ROOT / "tests/bench/virtual_camera_recall.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bench = _bench()


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("network", bench.NETWORKS)
def test_recall_of_figures_at_least_40_px_tall(network, light):
    path = MODELS / bench.NETWORKS[network]
    if not path.exists():
        pytest.skip(f"{path.name} is not among the shared models ({MODELS}): the drawn figures are NOT checked")
    net, tally = bench.Network(path), bench.Tally()
    for seed, story in ((0, "school_day_mix"), (1, "passers")):
        scene = DrawnScene(SceneSpec(seed, light, story, duration_s=30.0, fps=0.5))
        bench.score(net, scene, list(range(2, scene.picture_count)), tally)
    assert tally.figures >= 25
    assert tally.recall >= 0.8, f"{network} in {light}: {tally.found} of {tally.figures}"
