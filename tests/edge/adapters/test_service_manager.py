"""What systemd hears, on a real datagram socket."""

import socket

import pytest

from edge.adapters.service_manager import LONGEST_STATUS, ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """systemd's end, and the address that it names."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@gatehouse-test-{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + address[1:] if address.startswith("@") else address)
        ear.settimeout(5)
        yield ear, address


def test_the_first_turn_says_ready_and_each_one_feeds_the_watchdog(manager):
    ear, address = manager
    service = ServiceManager(address)
    service.alive()
    service.alive()
    service.status("4 of 4 cameras see\nREADY=0" + "x" * 500)
    service.stopping()
    heard = [ear.recv(4096).decode() for _ in range(4)]
    assert heard[:2] == ["READY=1\nWATCHDOG=1", "WATCHDOG=1"]
    assert heard[2].startswith("STATUS=4 of 4 cameras see READY=0x")
    assert len(heard[2]) == len("STATUS=") + LONGEST_STATUS
    assert heard[3] == "STOPPING=1"


def test_a_manager_that_is_gone_or_deaf_holds_up_nothing(tmp_path):
    ServiceManager(str(tmp_path / "nobody")).alive()
    ServiceManager(None).alive()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        service = ServiceManager(str(tmp_path / "deaf"))
        for _ in range(2000):  # far more than the queue of a socket holds
            service.alive()
