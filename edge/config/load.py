"""Reads the node's configuration file; reports every problem at once, each with its place and its cure."""

import difflib
import os
import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from edge.config import schema
from edge.config.document import ConfigError, Document, Place, Problem, read_document
from edge.config.schema import CameraSection, DetectorSection, EdgeConfig, ProviderName
from edge.config.ties import dicts, faults_between_keys

RULE_KINDS = ("loitering", "repeated_presence", "intrusion", "crowd", "line_crossing")
NetworkFault = Callable[[DetectorSection], tuple[str, str] | None]


def load_config(path: Path, *, with_secrets: bool = True, network_fault: NetworkFault | None = None) -> EdgeConfig:
    """The configuration in `path`; file names in it are read relative to its folder.

    with_secrets: whether the files with passwords and certificates must be there too.
    network_fault: says which key of the section is at fault and what is wrong, None where nothing is. Where it is left
        out that network and the folder for recordings are not looked at here.
    Raises ConfigError with every problem found.
    """
    document, folder = read_document(path), path.resolve().parent
    found = [
        *faults_between_keys(document.raw),
        *(_unreadable_secrets(document.raw, folder) if with_secrets else ()),
        *(_state_dir_faults(document.raw, folder) if with_secrets and network_fault else ()),
        *(_network_faults(document.raw, folder, network_fault) if network_fault else ()),
    ]
    problems = [*document.problems, *(document.problem(place, text) for place, text in found)]
    try:
        config = EdgeConfig.model_validate(document.raw)
    except ValidationError as error:
        items = error.errors(include_url=False)
        places = [item["loc"] for item in items]
        # A list of which no item is sound is also reported as too short; the items' own faults say it better.
        items = [item for item in items if not _is_echo(item, places)]
        problems += [_problem(item, document) for item in items]
        raise ConfigError(path, problems) from error
    if problems:
        raise ConfigError(path, problems)
    return _with_absolute_paths(config, folder)


def read_secret(path: Path) -> str:
    """The secret in a file, without the line break at its end. Raises OSError where it can't be read."""
    return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")


def _problem(item: Any, document: Document) -> Problem:
    """One pydantic error as a sentence with its place."""
    loc: Place = item["loc"]  # behind the number of a rule stands its kind, which is no place in the file
    place = tuple(part for i, part in enumerate(loc) if not (i > 1 and loc[i - 2] == "rules" and part in RULE_KINDS))
    return document.problem(place, _sentence(item, place))


def _is_echo(item: Any, places: list[Place]) -> bool:
    inside = [place for place in places if len(place) > len(item["loc"]) and place[: len(item["loc"])] == item["loc"]]
    return item["type"] == "too_short" and bool(inside)


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


def _with_absolute_paths(config: EdgeConfig, folder: Path) -> EdgeConfig:
    def absolute(path: Path | None) -> Path | None:
        return None if path is None else _below(folder, str(path))

    def camera(section: CameraSection) -> CameraSection:
        files = {name: absolute(getattr(section, name)) for name in ("ca_file", "password_file")}
        return section.model_copy(update=files)

    broker = {name: absolute(getattr(config.broker, name)) for name in ("ca_file", "password_file")}
    console = {name: absolute(getattr(config.console, name)) for name in ("ca_file", "token_file")}
    as_file = {"model": _model_below(folder, config.detector.model)}
    return config.model_copy(
        update={
            "node": config.node.model_copy(update={"state_dir": absolute(config.node.state_dir)}),
            "broker": config.broker.model_copy(update=broker),
            "console": config.console.model_copy(update=console),
            "detector": config.detector.model_copy(update=as_file),
            "cameras": tuple(camera(section) for section in config.cameras),
        }
    )


def _below(folder: Path, name: str) -> Path:
    return folder / os.path.expanduser(name)  # Path.expanduser raises where there is no such account


def _model_below(folder: Path, model: str) -> str:
    return str(_below(folder, model)) if model.endswith(".onnx") else model


def _network_faults(raw: dict[Any, Any], folder: Path, fault_of: NetworkFault) -> Iterator[tuple[Place, str]]:
    section = raw.get("detector", {})
    model = section.get("model", DetectorSection().model) if isinstance(section, dict) else None
    if isinstance(model, str) and model.isprintable() and model:
        provider = section.get("provider")
        known = provider if provider in get_args(ProviderName) else DetectorSection().provider
        fault = fault_of(DetectorSection(model=_model_below(folder, model), provider=known))
        if fault:
            yield ("detector", fault[0]), fault[1]


def _state_dir_faults(raw: dict[Any, Any], folder: Path) -> Iterator[tuple[Place, str]]:
    node = raw.get("node")
    name = node.get("state_dir") if isinstance(node, dict) else None
    if not isinstance(name, str) or not name or not name.isprintable():
        return  # told elsewhere
    state_dir = _below(folder, name)
    there = next(path for path in (state_dir, *state_dir.parents) if os.path.lexists(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield ("node", "state_dir"), f"{there} is no folder that this account may write to; name another"


def _unreadable_secrets(raw: dict[Any, Any], folder: Path) -> Iterator[tuple[Place, str]]:
    sections: list[tuple[Place, object]] = [(("broker",), raw.get("broker")), (("console",), raw.get("console"))]
    sections += [(("cameras", i), camera) for i, camera in dicts(raw.get("cameras"))]
    for place, section in sections:
        for key in ("password_file", "token_file", "ca_file"):
            name = section.get(key) if isinstance(section, dict) else None
            cure = _cure(_below(folder, name), key) if isinstance(name, str) and name else ""
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
    if not secret.strip():
        return f"{path} is empty; put the secret into it"
    if kind != "ca_file" and len(secret.splitlines()) > 1:
        return f"{path} holds several lines; put the secret alone into it"
    if kind == "token_file" and not re.fullmatch(r"[!-~]+", secret.strip()):
        return f"{path} holds letters that no token has; copy it again from the console"
    return ""
