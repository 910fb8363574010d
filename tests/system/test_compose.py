"""docker-compose.yml and Dockerfile against the real command line, settings and files; no engine is needed."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

import gatehouse
from console.app.settings import Settings
from edge.config.load import load_config
from edge.virtual_camera.stories import STORIES

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def parse(words: list[str]) -> dict[str, object]:
    """The options of a `gatehouse` command line as the command itself reads them. Fails where it would refuse them."""
    command = typer.main.get_command(importlib.import_module(gatehouse._GROUPS[words[0]][0]).app)
    rest = words[1:]
    while hasattr(command, "get_command"):
        found = command.get_command(command.make_context(command.name, list(rest), resilient_parsing=True), rest[0])
        assert found is not None, f"there is no command {words}"
        command, rest = found, rest[1:]
    return command.make_context(command.name, list(rest)).params


def command_lines() -> dict[str, list[list[str]]]:
    lines = {name: [service["command"]] for name, service in SERVICES.items() if name != "setup"}
    (script,) = SERVICES["setup"]["command"]
    lines["setup"] = [shlex.split(line.partition("|| gatehouse ")[2]) for line in script.strip().splitlines()]
    return lines


def test_the_parts_are_those_of_the_house():
    assert set(SERVICES) == {"setup", "mosquitto", "console", "cameras", "edge"}
    for service in SERVICES.values():
        assert service["network_mode"] == "host"


@pytest.mark.parametrize("name", SERVICES)
def test_every_command_is_one_of_ours(name):
    for words in command_lines()[name]:
        assert words
        parse(words)


def test_the_accounts_that_are_made_are_those_that_are_used():
    init, account, node = (parse(words) for words in command_lines()["setup"])
    config = yaml.safe_load((ROOT / "configs" / "compose.yaml").read_text())
    assert account["name"] == node["name"] == config["node"]["name"]
    assert init["loopback"]
    assert str(init["port"]) == SERVICES["console"]["environment"]["GATEHOUSE_CONSOLE_BROKER_PORT"]
    assert init["port"] == config["broker"]["port"]
    assert str(node["token_file"]) == config["console"]["token_file"]
    assert config["broker"]["password_file"] == f"{init['folder']}/secrets/{account['name']}.password"
    secret = SERVICES["console"]["environment"]["GATEHOUSE_CONSOLE_BROKER_PASSWORD_FILE"]
    assert secret == f"/srv/{init['folder']}/secrets/console.password"
    assert SERVICES["setup"]["environment"] == SERVICES["console"]["environment"]


def test_the_consoles_settings_are_its_own(monkeypatch):
    for name, value in SERVICES["console"]["environment"].items():
        assert name.removeprefix("GATEHOUSE_CONSOLE_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = Settings()
    config = yaml.safe_load((ROOT / "configs" / "compose.yaml").read_text())
    assert settings.address == config["console"]["url"]


def test_the_cameras_are_those_that_are_watched():
    config = load_config(ROOT / "configs" / "compose.yaml", with_secrets=False)
    options = parse(SERVICES["cameras"]["command"])
    served = {text.partition("=")[0]: text.partition("=")[2].split(":") for text in options["camera"]}
    watched = {camera.url.rpartition("/")[2] for camera in config.cameras}
    assert watched == set(served)
    assert {camera.url.rpartition("/")[0] for camera in config.cameras} == {f"rtsp://127.0.0.1:{options['port']}"}
    for drawn, story, _light, _seed in served.values():
        assert drawn == "drawn"
        assert story in STORIES


def test_files_that_are_mounted_or_copied_are_here():
    mounts = [mount for service in SERVICES.values() for mount in service["volumes"] if mount.startswith("./")]
    assert mounts == ["./configs/compose.yaml:/srv/edge.yaml:ro"]
    assert str(parse(SERVICES["edge"]["command"])["config"]) == "/srv/edge.yaml"
    for mount in mounts:
        assert (ROOT / mount.partition(":")[0]).is_file()
    dockerfile = (ROOT / "Dockerfile").read_text()
    sources = [word for line in re.findall(r"(?m)^COPY (.+) \S+$", dockerfile) for word in line.split()]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    assert {"edge", "models", "broker", "console", "gatehouse.py", "constraints.txt", "README.md"} <= set(sources)
