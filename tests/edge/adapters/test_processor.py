"""What a processor has for 8 bits, as real machines tell it."""

import platform

import pytest

from edge.adapters import processor

FLAGS = {
    ("x86_64", "flags\t\t: fpu sse2 avx2 avx512f avx512_vnni\n"): "x86-64 with AVX-512 VNNI",
    ("x86_64", "flags\t\t: fpu sse2 avx2\n"): "x86-64 with AVX2, no VNNI",
    ("aarch64", "Features\t: fp asimd evtstrm asimddp\n"): "aarch64 with NEON dot product",
    ("aarch64", "Features\t: fp asimd\n"): "aarch64 with NEON, no dot product",
    ("riscv64", ""): "riscv64",
}


@pytest.mark.parametrize(("machine", "cpuinfo"), FLAGS)
def test_kind(monkeypatch, tmp_path, machine, cpuinfo):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{cpuinfo}")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    assert processor.processor_kind.__wrapped__() == FLAGS[machine, cpuinfo]
