"""Home Assistant on a real broker: it finds a node, reads how it does, and nothing else."""

import json
import queue

import paho.mqtt.client as mqtt
import pytest
from jinja2 import Environment
from node_site import ListeningConsole, wait_for
from paho.mqtt.enums import CallbackAPIVersion

from broker import access, installation
from broker.contract import topics

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


class HomeAssistant:
    """Signed in with the account that `add-home-assistant` made; keeps the last message of each topic."""

    def __init__(self, site) -> None:
        self.heard: dict[str, str] = {}
        granted: queue.Queue[list] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, "home-assistant")
        secret = site.folder / "broker/secrets/home-assistant.password"
        self.client.username_pw_set(access.HOME_ASSISTANT, secret.read_text().strip())
        self.client.on_message = lambda _c, _d, message: self.heard.update({message.topic: message.payload.decode()})
        self.client.on_subscribe = lambda _c, _d, _m, codes, _p: granted.put(codes)
        self.client.connect("127.0.0.1", site.port)
        self.client.loop_start()
        self.client.subscribe("#", 1)  # whatever it asks for, it is handed only what it may read
        granted.get(timeout=10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def render(self, template: str, topic: str) -> str:
        """A value template of a discovery message over the last message on `topic`, as Home Assistant renders it."""
        return Environment().from_string(template).render(value_json=json.loads(self.heard[topic]))


def test_it_finds_the_node_and_reads_its_state_and_no_event(site, camera):
    installation.add_home_assistant(site.folder / "broker")
    site.start_broker()
    console, home = ListeningConsole(site.folder / "broker", site.port), HomeAssistant(site)
    site.configure(camera.url("gate"))
    file = site.folder / "edge.yaml"
    file.write_text(file.read_text().replace("tls: false,", "tls: false, home_assistant: true,"))
    node = site.start_node()
    wait_for(console.opened, 60, "an event")
    wait_for(lambda: topics.home_assistant("box") in home.heard, 10, "the discovery")
    told = json.loads(home.heard[topics.home_assistant("box")])
    sensors, health = told["components"], told["state_topic"]
    assert len({sensor["unique_id"] for sensor in sensors.values()}) == len(sensors) == 6

    def value(name: str) -> str:
        return home.render(sensors[name]["value_template"], health)

    wait_for(lambda: value("camera_gate") == "OFF", 20, "a camera that sees")
    assert int(value("disk_free")) > 0
    assert int(value("memory_available")) > 0
    assert value("temperature") == "None" or float(value("temperature")) > -40
    assert home.render(told["availability_template"], told["availability_topic"]) == "online"
    assert set(home.heard) == {topics.home_assistant("box"), health, told["availability_topic"]}
    node.terminate()
    node.wait(10)
    wait_for(
        lambda: home.render(told["availability_template"], told["availability_topic"]) == "offline", 10, "its goodbye"
    )
    file.write_text(file.read_text().replace("- name: gate", "- name: door"))
    node = site.start_node()
    wait_for(lambda: "camera_door" in home.heard[topics.home_assistant("box")], 60, "the discovery of another camera")
    again = json.loads(home.heard[topics.home_assistant("box")])["components"]
    assert again["camera_gate"] == {"platform": "binary_sensor"}  # Home Assistant's word for: take it away
    node.terminate()
    node.wait(10)
    file.write_text(file.read_text().replace("home_assistant: true", "home_assistant: false"))
    site.start_node()
    wait_for(lambda: home.heard[topics.home_assistant("box")] == "", 60, "the discovery taken back")
    home.close()
    home = HomeAssistant(site)
    wait_for(lambda: set(home.heard) == {health, told["availability_topic"]}, 10, "what the broker keeps")
    home.close()
    console.close()


def test_rights_are_added_once_and_no_node_takes_its_name(tmp_path):
    installation.make_folder(tmp_path / "b", "127.0.0.1", 1883, loopback=True)
    before = (tmp_path / "b/acl").read_text()
    assert "homeassistant" not in before
    installation.add_home_assistant(tmp_path / "b")
    once = (tmp_path / "b/acl").read_text()
    installation.add_home_assistant(tmp_path / "b")
    assert (tmp_path / "b/acl").read_text() == once
    assert once.startswith(before.rstrip())
    assert (tmp_path / "b/acl").stat().st_mode & 0o077 == 0
    with pytest.raises(access.AccessError, match="give the node another name"):
        access.check_node_name(access.HOME_ASSISTANT)
