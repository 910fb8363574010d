"""Several processes take in together what the boxes tell."""

import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from ingest_rate import MUST_BE_NONE, PLACES, measure

from console.app.cli import app

pytestmark = pytest.mark.system


def test_two_processes_lose_double_and_disorder_nothing():
    if shutil.which("mosquitto", path=PLACES) is None:
        pytest.skip("mosquitto is not installed")
    found = measure("postgresql", rate=40, seconds=3, boxes=3, revisions=3, processes=2)
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    assert {name: found[name] for name in MUST_BE_NONE} == dict.fromkeys(MUST_BE_NONE, 0)


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        ({}, "set postgresql://... for both"),
        ({"BROKER_PROTOCOL": "3.1.1"}, "leave the protocol 5"),
        ({"BROKER_PASSWORD_FILE": ""}, "name the file"),
    ],
)
def test_what_a_second_process_cant_run_with_is_told_with_its_cure(tmp_path, monkeypatch, settings, cure):
    (tmp_path / "password").write_text("secret")
    given = {"FOLDER": tmp_path, "BROKER_PASSWORD_FILE": tmp_path / "password", "BROKER_TLS": "false", **settings}
    for name, value in given.items():
        if value:
            monkeypatch.setenv(f"GATEHOUSE_CONSOLE_{name}", str(value))
    told = CliRunner().invoke(app, ["ingest"])
    assert told.exit_code == 2
    assert cure in told.output
    assert not (tmp_path / "console.sqlite").exists()
