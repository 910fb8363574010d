"""The person detector: plain convolutions, three strides, one class, trained from random weights.

Dense 3x3 convolutions with ReLU instead of depthwise ones: on processors they run nearer to the hardware's limit, they
train several times faster there, and they survive 8-bit quantisation.
"""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (8, 16, 32)
CHANNELS = (16, 32, 48, 96, 128)  # at strides 2, 4, 8, 16, 32
_NECK, _HEAD = 48, 32
_RARE = 0.01  # share of cells that hold a person, so that training does not begin by unlearning


def _conv(inside: int, outside: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outside, eps=1e-3, momentum=0.03),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, channels // 2), _conv(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class _Surroundings(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """Maxima over growing windows, so that a cell knows what stands around it (SPPF of YOLOv5)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow, self.join = _conv(channels, channels // 2, 1), _conv(channels * 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.narrow(x)]
        for _ in range(3):
            maps.append(functional.max_pool2d(maps[-1], 5, 1, 2))
        out: Tensor = self.join(torch.cat(maps, 1))
        return out


class PersonNetwork(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """Pictures (batch, 3, height, width), RGB 0..1, sides multiples of 32 -> people.

    `forward` gives what training needs: score logits (batch, cells) and boxes (batch, cells, 4) xyxy in input pixels,
    cells of stride 8 first, row by row. `Raw` wraps it for export.
    """

    def __init__(self) -> None:
        super().__init__()
        c2, c4, c8, c16, c32 = CHANNELS
        self.to_8 = nn.Sequential(
            _conv(3, c2, stride=2), _conv(c2, c4, stride=2), _Residual(c4), _conv(c4, c8, stride=2), _Residual(c8),
            _Residual(c8),
        )  # fmt: skip
        self.to_16 = nn.Sequential(_conv(c8, c16, stride=2), _Residual(c16), _Residual(c16))
        self.to_32 = nn.Sequential(_conv(c16, c32, stride=2), _Residual(c32), _Surroundings(c32))
        self.lateral = nn.ModuleList(_conv(channels, _NECK, 1) for channels in (c8, c16, c32))
        self.smooth = nn.ModuleList(_conv(_NECK, _NECK) for _ in STRIDES)
        self.score = nn.ModuleList(nn.Sequential(_conv(_NECK, _HEAD), nn.Conv2d(_HEAD, 1, 1)) for _ in STRIDES)
        self.box = nn.ModuleList(nn.Sequential(_conv(_NECK, _HEAD), nn.Conv2d(_HEAD, 4, 1)) for _ in STRIDES)
        for level in self.score:
            nn.init.constant_(level[-1].bias, -log((1 - _RARE) / _RARE))
        for level in self.box:
            nn.init.constant_(level[-1].bias, log(2.0))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        scores, boxes = [], []
        for stride, features, score, box in zip(STRIDES, self._features(pictures), self.score, self.box, strict=True):
            scores.append(score(features).flatten(1))
            reach = box(features).flatten(2).transpose(1, 2).float().clamp(-4.0, 4.0).exp() * stride
            centre = cell_centres(features.shape[2], features.shape[3], stride, features.device)
            boxes.append(torch.cat([centre - reach[..., :2], centre + reach[..., 2:]], 2))
        return torch.cat(scores, 1).float(), torch.cat(boxes, 1)

    def _features(self, pictures: Tensor) -> list[Tensor]:
        at_8 = self.to_8(pictures)
        at_16 = self.to_16(at_8)
        at_32 = self.to_32(at_16)
        sides = [lateral(level) for lateral, level in zip(self.lateral, (at_8, at_16, at_32), strict=True)]
        down = self.smooth[2](sides[2])
        middle = self.smooth[1](sides[1] + functional.interpolate(down, scale_factor=2.0))
        fine = self.smooth[0](sides[0] + functional.interpolate(middle, scale_factor=2.0))
        return [fine, middle, down]


class Raw(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """The network with the output of family `yolov8`: (batch, 5, cells) centre x, centre y, width, height, score."""

    def __init__(self, network: PersonNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures as `PersonNetwork` takes them."""
        logits, boxes = self.network(pictures)
        low, high = boxes[..., :2], boxes[..., 2:]
        table = torch.cat([(low + high) / 2, high - low, logits.sigmoid()[..., None]], 2)
        return table.transpose(1, 2)


def cell_centres(rows: int, columns: int, stride: int, device: torch.device) -> Tensor:
    """(rows * columns, 2) x and y of each cell's centre, input pixels, row by row."""
    y, x = torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij")
    return (torch.stack([x, y], 2).reshape(-1, 2) + 0.5) * stride
