"""The trained network as an ONNX file that every adapter here reads as family `yolov8`."""

import copy
import io
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.train.checkpoint import Checkpoint
from models.train.network import PersonNetwork, Raw
from models.train.ours import AUTHOR, LICENCE
from models.whole_file import write_whole

OPSET = 17


def export(state: Checkpoint, path: Path, side: int) -> None:
    """Writes the averaged weights of `state` for an input of `side` x `side` pixels. Raises UnwritableError."""
    import onnx

    network = PersonNetwork()
    network.load_state_dict(state.averaged)
    raw = Raw(fused(network.eval())).eval()
    written = io.BytesIO()
    torch.onnx.export(
        raw, (torch.zeros(1, 3, side, side),), written, input_names=["images"], output_names=["output0"],
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    model = onnx.load_model_from_string(written.getvalue())
    said = {"names": "{0: 'person'}", "license": LICENCE, "author": AUTHOR, "canvases": str(state.canvases)}
    onnx.helper.set_model_props(model, said)
    write_whole(path, model.SerializeToString())


def fused(network: PersonNetwork) -> PersonNetwork:
    """A copy for use: each batch normalisation melted into the convolution before it."""
    network = copy.deepcopy(network)
    for block in [block for block in network.modules() if isinstance(block, nn.Sequential)]:
        if len(block) == 3 and isinstance(block[0], nn.Conv2d) and isinstance(block[1], nn.BatchNorm2d):
            block[0] = fuse_conv_bn_eval(block[0], block[1])
            block[1] = nn.Identity()
    return network
