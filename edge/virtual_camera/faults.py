"""What can be wrong with a virtual camera, on command."""

import random
from dataclasses import dataclass, replace

from edge.virtual_camera.access_unit import AccessUnit

STREAM_FAULTS = ("stall", "cut", "refuse", "damage", "jump")
PICTURE_FAULTS = (
    "black",
    "covered",
    "sprayed",
    "overexposed",
    "defocused",
    "lamp_out",
    "freeze",
    "shake",
    "nudge",
    "swing",
    "resolution",
)
FAULTS = STREAM_FAULTS + PICTURE_FAULTS
_JUMP_S = 3600.0
_DAMAGE_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """Switch one fault of one camera.

    for_s: seconds until it mends itself; None stays until switched off. Nothing to `cut` and `jump`, which happen once.
    amount: of `damage` the share of packets, 0 to 1; of `jump` the seconds, also negative; None is the usual measure.
    """

    camera: str
    fault: str
    on: bool = True
    for_s: float | None = None
    amount: float | None = None

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise ValueError(f"there is no fault {self.fault!r}; one of {', '.join(FAULTS)}")
        if self.for_s is not None and not 0 < self.for_s < 1e6:
            raise ValueError("a fault lasts more than 0 and less than a million seconds")
        if self.amount is not None and self.fault not in ("damage", "jump"):
            raise ValueError(f"{self.fault} has no amount; only damage (share of packets) and jump (seconds) have one")
        if self.fault == "damage" and self.amount is not None and not 0 < self.amount <= 1:
            raise ValueError("the amount of damage is a share of packets: more than 0, at most 1")
        if self.fault == "jump" and self.amount is not None and not abs(self.amount) < 1e7:
            raise ValueError("time stamps jump by less than ten million seconds")


class FaultState:
    """The faults of one camera that are on. Changed by the event loop; encoding threads only read `of_the_picture`."""

    def __init__(self, seed: int = 1) -> None:
        self._on: frozenset[str] = frozenset()
        self._random = random.Random(seed)  # noqa: S311 damage must be the same in every run
        self._damage_share = _DAMAGE_SHARE
        self._jump_s = 0.0

    @property
    def on(self) -> frozenset[str]:
        """Names of the faults that are on."""
        return self._on

    @property
    def of_the_picture(self) -> frozenset[str]:
        """Those that change what is seen."""
        return self._on.intersection(PICTURE_FAULTS)

    @property
    def stalled(self) -> bool:
        """The connection stays open and nothing comes."""
        return "stall" in self._on

    @property
    def refuses(self) -> bool:
        """Every password is wrong."""
        return "refuse" in self._on

    def switch(self, order: FaultOrder) -> None:
        """Switches a fault. A cut leaves nothing behind; each jump adds to the last, and switching it off ends all."""
        if order.fault == "jump":
            self._jump_s = self._jump_s + (_JUMP_S if order.amount is None else order.amount) if order.on else 0.0
        elif order.fault == "cut":
            return
        elif order.on:
            self._on |= {order.fault}
        else:
            self._on -= {order.fault}
        if order.fault == "damage":
            self._damage_share = _DAMAGE_SHARE if order.amount is None else order.amount

    def stamped(self, unit: AccessUnit) -> AccessUnit:
        """The unit with the time stamps that the camera would send now."""
        return replace(unit, pts_s=unit.pts_s + self._jump_s) if self._jump_s else unit

    def damaged(self, packet: bytes) -> bytes | None:
        """What the network makes of an RTP packet: itself, one with bits turned over, or None where it is lost."""
        if "damage" not in self._on or self._random.random() >= self._damage_share:
            return packet
        if self._random.random() < 0.5 or len(packet) < 20:
            return None
        spot = self._random.randrange(14, len(packet))
        return packet[:spot] + bytes([packet[spot] ^ self._random.randrange(1, 256)]) + packet[spot + 1 :]
