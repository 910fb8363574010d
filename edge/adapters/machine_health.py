"""What Linux tells of the machine: heat, power, memory, load, disk, network. Read from /proc and /sys alone.

On a Raspberry Pi the firmware's own word on power and heat is in sysfs too, so that vcgencmd is not needed
(drivers/firmware/raspberrypi.c, drivers/hwmon/raspberrypi-hwmon.c). An eMMC tells its wear (JESD84-B51, 7.4.35: steps
of ten percent), an SD card tells none.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.core.machine import SLOWS_AT_C, Link, MachineReading

GET_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_UNDER_VOLTAGE, _SLOWED, _UNDER_VOLTAGE_BEFORE = 1 << 0, 1 << 1 | 1 << 2 | 1 << 3, 1 << 16
_SENSIBLE_C = (-40.0, 150.0)  # a sensor that is not there tells -274, or 0 K
_SENSIBLE_LIMIT_C = (60.0, 120.0)
_PRE_EOL_WEAR = {2: 0.8, 3: 1.0}  # its spare blocks are used: 80 percent, 90 percent
_COUNTS = ("rx_packets", "tx_packets"), ("rx_errors", "tx_errors")


@dataclass(frozen=True, slots=True)
class MachineName:
    """board: as the machine is sold, empty where it does not say; system: distribution and kernel."""

    board: str
    system: str


class Machine:
    """Reads one machine. What it does not tell is None; nothing here raises for a file that is not there."""

    def __init__(self, state_dir: Path, root: Path = Path("/")) -> None:
        """state_dir: is on the disk that matters. root: where proc, sys and etc are."""
        self._state_dir, self._root = state_dir, root

    def name(self) -> MachineName:
        """What machine it is."""
        board = self._text("proc/device-tree/model") or self._text("sys/class/dmi/id/product_name")
        release = dict(line.split("=", 1) for line in self._text("etc/os-release").splitlines() if "=" in line)
        kernel = self._text("proc/sys/kernel/osrelease")
        words = [release.get("PRETTY_NAME", "").strip('"'), f"Linux {kernel}" if kernel else ""]
        return MachineName(board[:120], " · ".join(filter(None, words))[:200])

    def read(self) -> MachineReading:
        """How it does now. Costs about a millisecond."""
        temperature_c, slows_at_c = self._temperature()
        power = self._power()
        memory = self._memory()
        disk = self._disk_device()
        total_bytes = free_bytes = None
        read_only = False
        with suppress(OSError):
            told = os.statvfs(self._state_dir)
            total_bytes, free_bytes = told.f_blocks * told.f_frsize, told.f_bavail * told.f_frsize
            read_only = bool(told.f_flag & os.ST_RDONLY)
        return MachineReading(
            temperature_c=temperature_c,
            slows_at_c=slows_at_c,
            throttled=None if power is None else bool(power & _SLOWED),
            under_voltage=self._under_voltage(power),
            under_voltage_before=bool((power or 0) & _UNDER_VOLTAGE_BEFORE),
            memory_bytes=memory.get("MemTotal"),
            memory_available_bytes=memory.get("MemAvailable"),
            load=self._load(),
            processors=self._processors(),
            disk_bytes=total_bytes,
            disk_free_bytes=free_bytes,
            disk_read_only=read_only,
            disk_errors=self._disk_errors(disk),
            disk_wear=self._disk_wear(disk),
            links=tuple(self._links()),
        )

    def _text(self, path: str) -> str:
        return _text(self._root / path)

    def _temperature(self) -> tuple[float | None, float]:
        """Of the hottest zone that is told, and where it slows the processor down."""
        zones = [(c, zone) for zone in self._listing("sys/class/thermal", "thermal_zone*") if (c := _celsius(zone))]
        if not zones:
            return None, SLOWS_AT_C
        hottest_c, zone = max(zones, key=lambda one: one[0])
        limits_c = [
            int(_text(path)) / 1000
            for path in zone.glob("trip_point_*_temp")
            if _text(path).isdecimal() and _text(path.with_name(path.name[: -len("temp")] + "type")) == "passive"
        ]
        low, high = _SENSIBLE_LIMIT_C
        return hottest_c, min((limit for limit in limits_c if low <= limit <= high), default=SLOWS_AT_C)

    def _power(self) -> int | None:
        """The firmware's bits, of a Raspberry Pi."""
        try:
            return int(self._text(GET_THROTTLED), 16)
        except ValueError:
            return None

    def _under_voltage(self, power: int | None) -> bool | None:
        alarms = [
            _text(sensor / "in0_lcrit_alarm") == "1"
            for sensor in self._listing("sys/class/hwmon", "hwmon*")
            if _text(sensor / "name") == "rpi_volt"
        ]
        if power is None and not alarms:
            return None
        return bool((power or 0) & _UNDER_VOLTAGE) or any(alarms)

    def _memory(self) -> dict[str, int]:
        rows = (line.split() for line in self._text("proc/meminfo").splitlines())
        return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3 and row[1].isdecimal()}

    def _load(self) -> float | None:
        try:
            return float(self._text("proc/loadavg").split()[1])
        except (IndexError, ValueError):
            return None

    def _processors(self) -> int:
        rows = self._text("proc/stat").splitlines()
        return max(1, sum(row.startswith("cpu") and not row.startswith("cpu ") for row in rows))

    def _disk_device(self) -> Path | None:
        """The folder in /sys of the partition, or the whole disk, that holds the state folder."""
        try:
            number = self._state_dir.stat().st_dev
            return (self._root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
        except OSError:  # of a network, or in memory
            return None

    def _disk_errors(self, device: Path | None) -> int:
        count = self._text(f"sys/fs/ext4/{device.name}/errors_count") if device else ""
        return int(count) if count.isdecimal() else 0

    def _disk_wear(self, device: Path | None) -> float | None:
        for folder in (device, device.parent) if device else ():  # a partition has its disk above it
            try:
                told = max(int(word, 16) for word in _text(folder / "device/life_time").split())
            except ValueError:
                continue
            wears = [min(told, 11) / 10] if told else []  # 0: not told; 1: up to ten percent; 11: past its end
            with suppress(ValueError, KeyError):
                wears.append(_PRE_EOL_WEAR[int(_text(folder / "device/pre_eol_info"), 16)])
            return max(wears, default=None)
        return None

    def _links(self) -> Iterator[Link]:
        for folder in self._listing("sys/class/net", "*"):
            if not (folder / "device").exists():  # made of software: lo, bridges, tunnels
                continue
            sums = [sum(_count(folder / "statistics" / name) for name in names) for names in _COUNTS]
            yield Link(folder.name[:64], _text(folder / "carrier") == "1", *sums)

    def _listing(self, folder: str, pattern: str) -> list[Path]:
        return sorted((self._root / folder).glob(pattern))


def _text(path: Path) -> str:
    """What a file of the kernel says; empty where it is not there or refuses (an interface that is down does)."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _count(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0


def _celsius(zone: Path) -> float | None:
    try:
        celsius = int(_text(zone / "temp")) / 1000
    except ValueError:
        return None
    low, high = _SENSIBLE_C
    return celsius if low < celsius < high and celsius else None
