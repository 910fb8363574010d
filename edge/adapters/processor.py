"""Which kind of processor this is, by what it has for 8-bit networks."""

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
_X86 = (
    ("avx512_vnni", "AVX-512 VNNI"),
    ("avx_vnni", "AVX VNNI"),
    ("avx512f", "AVX-512, no VNNI"),
    ("avx2", "AVX2, no VNNI"),
)
_ARM = (("i8mm", "int8 matrix products"), ("asimddp", "NEON dot product"), ("asimd", "NEON, no dot product"))


@cache
def processor_kind() -> str:
    """For example `x86-64 with AVX2, no VNNI`; without /proc/cpuinfo only the architecture."""
    machine = {"x86_64": "x86-64", "AMD64": "x86-64"}.get(platform.machine(), platform.machine())
    known = _X86 if machine == "x86-64" else _ARM
    flags = _flags()
    best = next((words for flag, words in known if flag in flags), None)
    return f"{machine} with {best}" if best else machine


def processor_name() -> str:
    """As it names itself; on boards the board's name; empty where neither is told."""
    board = Path("/proc/device-tree/model")
    return _told("model name") or (board.read_text().strip("\0\n ") if board.exists() else "")


def _flags() -> set[str]:
    return set((_told("flags") or _told("Features")).split())


def _told(key: str) -> str:
    """What /proc/cpuinfo says of the first core under `key`; empty where it says nothing."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    line = next((line for line in lines if line.partition(":")[0].strip() == key), "")
    return line.partition(":")[2].strip()
