"""A node's YAML file with its zones and rules, and the console's settings."""

import os
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from inputs import TEXTS, damaged_bytes, damaged_documents
from target import Target, TryOne

from console.app.settings import PREFIX, Settings, SettingsError, load_settings
from edge.app.build import build_pipeline
from edge.config.document import ConfigError
from edge.config.load import load_config

SCHOOL = Path(__file__).parents[2] / "configs" / "school.yaml"


def _node(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    text = SCHOOL.read_bytes()
    path = folder / "node.yaml"

    @st.composite
    def written(draw: st.DrawFn) -> bytes:
        if draw(st.booleans()):
            return draw(damaged_bytes([text]))
        document = draw(damaged_documents([yaml.safe_load(text)]))
        try:
            return yaml.safe_dump(document, allow_unicode=draw(st.booleans())).encode(errors="surrogatepass")
        except yaml.YAMLError:
            return b""

    def load(data: bytes) -> bool:
        path.write_bytes(data)
        for with_secrets in (False, True):
            try:
                config = load_config(path, with_secrets=with_secrets, network_fault=lambda _: None)
            except ConfigError as error:
                assert error.problems
                assert all(problem.text for problem in error.problems)
                if not with_secrets:
                    return False
                continue
            for camera in config.cameras:  # what is taken can be built
                build_pipeline(config.node.name, config.node.timezone, camera, (320, 320))
        return True

    return written(), load


def _settings(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    (folder / "secret").write_text("word")
    words = ["true", "8080", "0", "-1", "1e9", "5", "sqlite:///x", "postgresql://u:p@h/n", "https://a.example", "::1"]
    words += ["Asia/Ho_Chi_Minh", "../..", "[", "", "http://[::1", "sqlite://\\x", str(folder), str(folder / "secret")]
    values = st.sampled_from(words) | TEXTS.map(lambda text: text.encode(errors="ignore").decode().replace("\0", ""))
    names = st.sampled_from([name.upper() for name in Settings.model_fields]) | st.sampled_from(["PROT", "FOLDERS"])

    def load(document: dict[str, str]) -> bool:
        given = {f"{PREFIX}{name}": value for name, value in document.items()}
        os.environ.update(given)
        try:
            assert load_settings(with_files=True).address
        except SettingsError as error:
            assert PREFIX in str(error)
            return False
        finally:
            for name in given:
                del os.environ[name]
        return True

    return st.dictionaries(names, values, min_size=1, max_size=4), load


TARGETS = [
    Target("node-yaml-and-zones", _node, guided=True),
    Target("console-settings", _settings, guided=True),
]
