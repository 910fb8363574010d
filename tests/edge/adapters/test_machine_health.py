"""What is read from folders that look like /proc and /sys of a Raspberry Pi, and of this machine."""

import os
from pathlib import Path

import pytest

from broker.certificates import make_certificates
from edge.adapters.certificate_end import ends_at_s
from edge.adapters.machine_health import GET_THROTTLED, Machine
from edge.core.machine import Link, MachineReading

EMMC = "sys/devices/platform/emmc2bus/fe340000.mmc/mmc_host/mmc0/mmc0:0001"


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def pi(tmp_path):
    """A Raspberry Pi Compute Module 4 with eMMC, on which the state folder is; all is well."""
    root = tmp_path / "pi"
    put(
        root,
        {
            "proc/device-tree/model": "Raspberry Pi Compute Module 4 Rev 1.0\0",
            "proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-v8\n",
            "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian"\n',
            "proc/meminfo": "MemTotal:  3885440 kB\nMemFree: 100 kB\nMemAvailable:  2000000 kB\nHugePages_Total: 0\n",
            "proc/loadavg": "0.52 1.58 0.59 1/189 1234\n",
            "proc/stat": "cpu  1 2 3\ncpu0 1 2\ncpu1 1 2\ncpu2 1 2\ncpu3 1 2\nintr 7\n",
            "sys/class/thermal/thermal_zone0/temp": "61341\n",
            GET_THROTTLED: "0\n",
            "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
            "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
            "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
            f"{EMMC}/block/mmcblk0/mmcblk0p2/size": "60000000\n",
            f"{EMMC}/life_time": "0x02 0x01\n",
            f"{EMMC}/pre_eol_info": "0x01\n",
            "sys/fs/ext4/mmcblk0p2/errors_count": "0\n",
            "sys/class/net/lo/carrier": "1\n",
            "sys/class/net/eth0/carrier": "1\n",
            "sys/class/net/eth0/device/uevent": "\n",
            **{f"sys/class/net/eth0/statistics/{name}": "40\n" for name in ("rx_packets", "tx_packets")},
            **{f"sys/class/net/eth0/statistics/{name}": "1\n" for name in ("rx_errors", "tx_errors")},
        },
    )
    number = tmp_path.stat().st_dev
    (root / EMMC / "block/mmcblk0/device").symlink_to(root / EMMC)
    (root / "sys/dev/block").mkdir(parents=True)
    (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").symlink_to(root / EMMC / "block/mmcblk0/mmcblk0p2")
    return root


def test_a_raspberry_pi_that_is_well(pi, tmp_path):
    machine = Machine(tmp_path, pi)
    told = machine.name()
    assert told.board == "Raspberry Pi Compute Module 4 Rev 1.0"
    assert told.system == "Debian GNU/Linux 12 (bookworm) · Linux 6.6.31+rpt-rpi-v8"
    reading = machine.read()
    assert reading.temperature_c == 61.341
    assert (reading.throttled, reading.under_voltage, reading.under_voltage_before) == (False, False, False)
    assert (reading.memory_bytes, reading.memory_available_bytes) == (3885440 * 1024, 2000000 * 1024)
    assert (reading.load, reading.processors, reading.slows_at_c) == (1.58, 4, 80.0)
    assert (reading.disk_wear, reading.disk_errors, reading.disk_read_only) == (0.2, 0, False)
    assert reading.links == (Link("eth0", True, 80, 2),)
    assert 0 < reading.disk_free_bytes <= reading.disk_bytes


@pytest.mark.parametrize(
    ("file", "text", "field", "value"),
    [
        (GET_THROTTLED, "50005\n", "under_voltage", True),
        (GET_THROTTLED, "50005\n", "throttled", True),
        (GET_THROTTLED, "50000\n", "under_voltage", False),
        (GET_THROTTLED, "50000\n", "under_voltage_before", True),
        (GET_THROTTLED, "8\n", "throttled", True),
        (GET_THROTTLED, "80008\n", "under_voltage_before", False),
        (GET_THROTTLED, "", "throttled", None),
        ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n", "under_voltage", True),
        ("sys/class/thermal/thermal_zone0/temp", "-274000\n", "temperature_c", None),
        (f"{EMMC}/life_time", "0x0b 0x01\n", "disk_wear", 1.1),
        (f"{EMMC}/life_time", "0x00 0x00\n", "disk_wear", None),
        (f"{EMMC}/life_time", "", "disk_wear", None),
        (f"{EMMC}/pre_eol_info", "0x03\n", "disk_wear", 1.0),
        ("sys/fs/ext4/mmcblk0p2/errors_count", "12\n", "disk_errors", 12),
        ("sys/class/net/eth0/carrier", "0\n", "links", (Link("eth0", False, 80, 2),)),
        ("proc/meminfo", "", "memory_bytes", None),
        ("proc/loadavg", "", "load", None),
    ],
)
def test_each_fault_is_read(pi, tmp_path, file, text, field, value):
    (pi / file).write_text(text)
    assert getattr(Machine(tmp_path, pi).read(), field) == value


def test_the_hottest_zone_counts_with_its_own_limit(pi, tmp_path):
    zone = "sys/class/thermal/thermal_zone1/"
    put(pi, {zone + "temp": "83000", zone + "trip_point_0_temp": "20000", zone + "trip_point_0_type": "passive"})
    put(pi, {zone + "trip_point_1_temp": "95000", zone + "trip_point_1_type": "passive"})
    put(pi, {zone + "trip_point_2_temp": "105000", zone + "trip_point_2_type": "critical"})
    reading = Machine(tmp_path, pi).read()
    assert (reading.temperature_c, reading.slows_at_c) == (83.0, 95.0)


def test_a_machine_that_tells_nothing_is_no_error(tmp_path):
    reading = Machine(tmp_path / "gone", tmp_path / "nothing").read()
    assert reading == MachineReading()


def test_this_machine_tells_its_memory_load_and_disk(tmp_path):
    reading = Machine(tmp_path).read()
    assert reading.memory_bytes > reading.memory_available_bytes > 0
    assert reading.load is not None
    assert reading.processors >= 1
    assert reading.disk_bytes > 0


def test_the_end_of_a_certificate_is_read(tmp_path):
    make_certificates(tmp_path, "127.0.0.1")
    ca, server = ends_at_s(tmp_path / "ca.crt"), ends_at_s(tmp_path / "server.crt")
    assert ca - server == pytest.approx(15 * 365 * 86400, abs=2)
    (tmp_path / "both.crt").write_bytes((tmp_path / "ca.crt").read_bytes() + (tmp_path / "server.crt").read_bytes())
    assert ends_at_s(tmp_path / "both.crt") == server
    (tmp_path / "text.crt").write_text("no certificate")
    assert ends_at_s(tmp_path / "text.crt") is None
    assert ends_at_s(tmp_path / "gone.crt") is None
