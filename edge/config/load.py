"""Reads the node's configuration file; reports every problem at once, each with its place and its cure."""

import difflib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from edge.config import schema
from edge.config.schema import CameraSection, EdgeConfig
from edge.config.ties import Place, dicts, faults_between_keys

MAX_DEPTH, MAX_PLACES = 12, 20_000  # a few lines of YAML aliases can stand for more than any memory holds
RULE_KINDS = ("loitering", "repeated_presence", "intrusion", "crowd", "line_crossing")
BOOLEAN_KEYS = {("tls",)}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where in the file (line from 1, 0 for the whole file) and what to do about it."""

    place: str
    line: int
    text: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.place}: {self.text}" if self.place else f"{where}{self.text}"


class ConfigError(Exception):
    """A configuration that can't be used, with all its problems."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{path} can't be used, {len(problems)} problem(s):\n{lines}")


def load_config(path: Path, *, with_secrets: bool = True) -> EdgeConfig:
    """The configuration in `path`; file names in it are read relative to its folder.

    with_secrets: whether the files with passwords and certificates must be there too.
    Raises ConfigError with every problem found.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(path, [Problem("", 0, f"the file can't be read: {why}")]) from error
    lines: dict[Place, int] = {}
    problems: list[Problem] = []
    raw = _parsed(path, text, lines, problems)
    found = [
        *faults_between_keys(raw),
        *(_unreadable_secrets(raw, path.resolve().parent) if with_secrets else ()),
    ]
    problems += [Problem(_dotted(place), _line(place, lines), text) for place, text in found]
    try:
        config = EdgeConfig.model_validate(raw)
    except ValidationError as error:
        items = error.errors(include_url=False)
        places = [item["loc"] for item in items]
        # A list of which no item is sound is also reported as too short; the items' own faults say it better.
        items = [item for item in items if not _is_echo(item, places)]
        problems += [_problem(item, lines) for item in items]
        raise ConfigError(path, problems) from error
    if problems:
        raise ConfigError(path, problems)
    return _with_absolute_paths(config, path.resolve().parent)


def _parsed(path: Path, text: str, lines: dict[Place, int], problems: list[Problem]) -> dict[Any, Any]:
    """The file's mapping; fills `lines` and `problems` on the way. Raises ConfigError where there is none."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _index_lines(node, (), lines, problems)
        if len(lines) > MAX_PLACES:
            problems.append(Problem("", 0, "the file stands for too much; write it without aliases (&name and *name)"))
        if len(lines) > MAX_PLACES or any(len(place) > MAX_DEPTH for place in lines):
            raise ConfigError(path, problems)
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:  # ValueError: a 13th month, say
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or getattr(error, "reason", None) or "it holds what can't be parsed"
        raise ConfigError(path, [*problems, Problem("", mark.line + 1 if mark else 0, f"not YAML: {why}")]) from error
    if not isinstance(raw, dict):
        raise ConfigError(path, [Problem("", 0, "the file must hold the keys node, broker, console and cameras")])
    return raw


def place_finder(path: Path) -> Callable[[Place], str]:
    """Says where a place of a sound configuration stands, as problems do: 'line 7: cameras[0].url'."""
    lines: dict[Place, int] = {}
    _parsed(path, path.read_text(encoding="utf-8"), lines, [])
    return lambda place: str(Problem(_dotted(place), _line(place, lines), "")).removesuffix(": ")


def read_secret(path: Path) -> str:
    """The secret in a file, without the line break at its end. Raises OSError where it can't be read."""
    return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")


def _index_lines(node: yaml.Node | None, place: Place, lines: dict[Place, int], problems: list[Problem]) -> None:
    """Notes the line of every key and item below `node`, and every key that stands twice."""
    if node is None or len(lines) > MAX_PLACES:
        return
    lines.setdefault(place, node.start_mark.line + 1)
    if len(place) > MAX_DEPTH:
        problems.append(Problem(_dotted(place[:3]), lines[place], "is nested too deeply, or contains itself"))
        return
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool") and place[-1:] not in BOOLEAN_KEYS:
        problems.append(Problem(_dotted(place), lines[place], f"YAML reads {node.value!r} as yes or no; quote it"))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _index_lines(item, (*place, number), lines, problems)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                problems.append(Problem(_dotted(place), line, "a key is one word and no list or mapping; quote it"))
                continue
            if key.value in seen:
                text = "this key stands twice; YAML would silently keep only the last one"
                problems.append(Problem(_dotted((*place, key.value)), line, text))
            seen.add(key.value)
            lines[(*place, key.value)] = line
            _index_lines(value, (*place, key.value), lines, problems)


def _problem(item: Any, lines: dict[Place, int]) -> Problem:
    """One pydantic error as a sentence with its place."""
    loc: Place = item["loc"]  # behind the number of a rule stands its kind, which is no place in the file
    place = tuple(part for i, part in enumerate(loc) if not (i > 1 and loc[i - 2] == "rules" and part in RULE_KINDS))
    return Problem(_dotted(place), _line(place, lines), _sentence(item, place))


def _is_echo(item: Any, places: list[Place]) -> bool:
    inside = [place for place in places if len(place) > len(item["loc"]) and place[: len(item["loc"])] == item["loc"]]
    return item["type"] == "too_short" and bool(inside)


def _line(place: Place, lines: dict[Place, int]) -> int:
    """The line of `place`, or of the nearest thing around it that stands in the file."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 0)


def _sentence(item: Any, place: Place) -> str:
    kind, context, given = item["type"], item.get("ctx", {}), item["input"]
    if kind == "extra_forbidden":
        guess = difflib.get_close_matches(str(place[-1]), _known_keys(), n=1)
        return "unknown key" + (f"; did you mean {guess[0]!r}?" if guess else "; take it out")
    if kind == "value_error":
        return str(context["error"])
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        wrong = f"there is no rule {context['tag']!r}" if "tag" in context else "`kind` is missing"
        return f"{wrong}; one of {', '.join(RULE_KINDS)}"
    if kind == "string_pattern_mismatch" and place[-1] in ("name", "zone"):
        return f"{given!r}: a name has letters, digits, - and _ only (use `label` for what people read)"
    if kind == "missing":
        return "is missing; add it"
    # Only plain values are shown: a whole section could hold an address with a password in it.
    shown = f", not {given!r}" if isinstance(given, str | int | float) and len(str(given)) <= 60 else ""
    return f"{item['msg'][0].lower()}{item['msg'][1:]}{shown}"


def _known_keys() -> list[str]:
    sections = [value for value in vars(schema).values() if isinstance(value, type) and issubclass(value, BaseModel)]
    return sorted({field.alias or name for section in sections for name, field in section.model_fields.items()})


def _dotted(place: Place) -> str:
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return dotted.lstrip(".")


def _with_absolute_paths(config: EdgeConfig, folder: Path) -> EdgeConfig:
    def absolute(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    def camera(section: CameraSection) -> CameraSection:
        files = {name: absolute(getattr(section, name)) for name in ("ca_file", "password_file")}
        return section.model_copy(update=files)

    broker = {name: absolute(getattr(config.broker, name)) for name in ("ca_file", "password_file")}
    console = {name: absolute(getattr(config.console, name)) for name in ("ca_file", "token_file")}
    model = config.detector.model
    as_file = {"model": str(folder / model)} if model.endswith(".onnx") else {}
    return config.model_copy(
        update={
            "node": config.node.model_copy(update={"state_dir": absolute(config.node.state_dir)}),
            "broker": config.broker.model_copy(update=broker),
            "console": config.console.model_copy(update=console),
            "detector": config.detector.model_copy(update=as_file),
            "cameras": tuple(camera(section) for section in config.cameras),
        }
    )


def _unreadable_secrets(raw: dict[Any, Any], folder: Path) -> Iterator[tuple[Place, str]]:
    sections: list[tuple[Place, object]] = [(("broker",), raw.get("broker")), (("console",), raw.get("console"))]
    sections += [(("cameras", i), camera) for i, camera in dicts(raw.get("cameras"))]
    for place, section in sections:
        for key in ("password_file", "token_file", "ca_file"):
            name = section.get(key) if isinstance(section, dict) else None
            cure = _cure(folder / Path(name).expanduser(), key) if isinstance(name, str) and name else ""
            if cure:
                yield (*place, key), cure


def _cure(path: Path, kind: str) -> str:
    """What is to be done about a file with a secret or a certificate; empty where it is sound."""
    try:
        secret = read_secret(path)
        if kind == "ca_file":
            ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        return f"{path} holds no certificate; put the authority's own there (PEM, -----BEGIN CERTIFICATE-----)"
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        return f"{path} can't be read ({why}); make it, readable for this account only"
    if not secret:
        return "the file is empty; put the secret into it"
    if kind != "ca_file" and len(secret.splitlines()) > 1:
        return f"{path} holds several lines; put the secret alone into it"
    if kind == "token_file" and not secret.isascii():
        return f"{path} holds letters that no token has; copy it again from the console"
    return ""
