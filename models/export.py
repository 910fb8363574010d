"""Lets ultralytics write one of its networks as a file that `gatehouse models add` takes in."""

import shutil
from pathlib import Path

from models.registry import ModelError

LICENCE = "AGPL-3.0, or bought from Ultralytics"
_OPSET = 17  # read by every onnxruntime that Gatehouse runs with


def export(network: str, side: int, out: Path) -> None:
    """Writes `network` as ONNX for pictures of `side` x `side` pixels, batch 1, to `out`.

    network: a name of ultralytics' own, whose weights it fetches, or a .pt file. Raises ModelError.
    """
    try:
        from ultralytics import YOLO
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{error}: ultralytics writes this network and is not part of Gatehouse (licence: {LICENCE}); install it "
            "into an environment of its own, for it brings another OpenCV; there, in Gatehouse's folder: "
            "pip install '.[export]'"
        ) from error
    source = network if Path(network).suffix else f"{network}.pt"
    try:
        written = YOLO(source).export(
            format="onnx", imgsz=side, opset=_OPSET, simplify=False, dynamic=False, batch=1, device="cpu"
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(str(written), out)
    except (OSError, RuntimeError, ValueError, TypeError, AssertionError, ImportError) as error:
        raise ModelError(f"ultralytics could not write {source}: {error}") from error
