"""The trained network as an ONNX file that every adapter here reads as family `yolov8`."""

import copy
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.train.checkpoint import Checkpoint
from models.train.network import PersonNetwork, Raw

OPSET = 17
_LICENCE = "AGPL-3.0-or-later"


def export(state: Checkpoint, path: Path, side: int) -> None:
    """Writes the averaged weights of `state` for an input of `side` x `side` pixels. Raises OSError."""
    network = PersonNetwork()
    network.load_state_dict(state.averaged)
    raw = Raw(fused(network.eval())).eval()
    part = path.with_suffix(".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        raw, (torch.zeros(1, 3, side, side),), str(part), input_names=["images"], output_names=["output0"],
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    _describe(part, state.canvases)
    part.replace(path)


def fused(network: PersonNetwork) -> PersonNetwork:
    """A copy for use: each batch normalisation melted into the convolution before it."""
    network = copy.deepcopy(network)
    for block in [block for block in network.modules() if isinstance(block, nn.Sequential)]:
        if len(block) == 3 and isinstance(block[0], nn.Conv2d) and isinstance(block[1], nn.BatchNorm2d):
            block[0] = fuse_conv_bn_eval(block[0], block[1])
            block[1] = nn.Identity()
    return network


def _describe(path: Path, canvases: int) -> None:
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(
        model,
        {"names": "{0: 'person'}", "license": _LICENCE, "author": "Gatehouse", "canvases": str(canvases)},
    )
    onnx.save(model, path)
