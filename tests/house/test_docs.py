"""README keeps step with commands and settings."""

import importlib
from pathlib import Path

import typer

import gatehouse
from console.app.settings import Settings

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def commands(group: typer.main.TyperGroup | object, words: tuple[str, ...]) -> list[str]:
    inner = getattr(group, "commands", None)
    if not inner:
        return [" ".join(words)]
    return [line for name, command in inner.items() for line in commands(command, (*words, name))]


def test_every_command_is_in_the_readme():
    for name, (module, _) in gatehouse._GROUPS.items():
        app = importlib.import_module(module).app
        for line in commands(typer.main.get_command(app), (name,)):
            first, *rest = line.split()
            told = [row for row in README.splitlines() if row.startswith(f"| `gatehouse {first}")]
            assert any(all(f"{word}`" in row or f"{word} " in row for word in rest) for row in told), line


def test_every_setting_of_the_console_is_in_the_readme():
    for name in Settings.model_fields:
        assert f"`{name.upper()}`" in README or f"`{name.upper()}=" in README, name


def test_the_readme_names_both_commands():
    assert "make demo" in README
    assert "make test" in README
