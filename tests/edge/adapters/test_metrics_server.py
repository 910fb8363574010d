"""What Prometheus reads of a node, over real HTTP, with the parser of its own client library."""

import json
import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from broker.contract.messages import CameraHealth, HealthMessage
from edge.adapters.metrics_server import MetricsError, serve_metrics

GOLDEN = Path(__file__).resolve().parents[2] / "broker/golden/health-machine.json"


@pytest.fixture
def endpoint():
    """A server on a free port, and the list whose last health message it tells."""
    told: list[HealthMessage] = []
    server = serve_metrics("127.0.0.1", 0, lambda: told[-1] if told else None)
    yield f"http://127.0.0.1:{server.server_port}/metrics", told
    server.shutdown()
    server.server_close()


def figures(address: str) -> dict[str, float]:
    answer = httpx.get(address, timeout=5, trust_env=False)
    assert answer.status_code == 200
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True).replace("{}", ""): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_before_the_first_report_there_are_no_figures(endpoint):
    assert figures(endpoint[0]) == {}


def test_all_of_a_report_can_be_read(endpoint):
    address, told = endpoint
    cameras = (
        CameraHealth(camera="gate", state="impaired", since_at_s=1.0, recording=True, reconnects=3, frames_dropped=7),
        CameraHealth(camera="yard", state="blind", since_at_s=1.0),
    )
    health = HealthMessage.model_validate(json.loads(GOLDEN.read_text())["data"])
    told.append(health.model_copy(update={"cameras": cameras, "worker_restarts": 2}))
    found = figures(address)
    assert found["gatehouse_temperature_celsius"] == 61.3
    assert found["gatehouse_under_voltage"] == 1.0
    assert found["gatehouse_worker_restarts_total"] == 2.0
    assert found["gatehouse_disk_free_bytes"] == 9e9
    assert found['gatehouse_problem{"code": "certificate_ends", "severity": "warning", "subject": "ca.crt"}'] == 1.0
    assert found['gatehouse_certificate_expiry_timestamp_seconds{"certificate": "ca.crt"}'] == 1796080000.0
    assert found['gatehouse_link_up{"interface": "eth0"}'] == 1.0
    assert found['gatehouse_camera_sees{"camera": "gate"}'] == 0.5
    assert found['gatehouse_camera_sees{"camera": "yard"}'] == 0.0
    assert found['gatehouse_camera_reconnects_total{"camera": "gate"}'] == 3.0
    assert [name for name in found if "last_frame" in name] == []
    told.append(health.model_copy(update={"machine": None, "node_problems": None}))
    assert "gatehouse_temperature_celsius" not in figures(address)


def test_a_port_that_is_taken_is_told_with_its_cure():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MetricsError, match=f"127.0.0.1 port {port} can't be listened on .*; set metrics.port"):
            serve_metrics("127.0.0.1", port, lambda: None)


def test_who_connects_and_asks_nothing_is_let_go_and_others_are_served_meanwhile(monkeypatch, capfd):
    monkeypatch.setattr("edge.adapters.metrics_server._Handler.timeout", 0.3)
    server = serve_metrics("127.0.0.1", 0, lambda: None)
    try:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as idle:
            assert figures(f"http://127.0.0.1:{server.server_port}/metrics") == {}
            assert idle.recv(1) == b""
    finally:
        server.shutdown()
        server.server_close()
    assert "Traceback" not in capfd.readouterr().err
