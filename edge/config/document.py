"""A YAML file as plain values, with the line that each of them stands in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

Place = tuple[str | int, ...]
MAX_BYTES = 1_000_000
MAX_DEPTH, MAX_PLACES = 12, 20_000  # a few lines of YAML aliases can stand for more than any memory holds
MOST = 2**63  # larger numbers can't be turned into fractions or written out
BOOLEAN_KEYS = {("tls",), ("home_assistant",), ("follows_calendar",)}
TAG = "tag:yaml.org,2002:"


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


@dataclass(frozen=True, slots=True)
class Document:
    """A file's mapping. lines: place -> line from 1. problems: what is wrong with the writing itself."""

    raw: dict[Any, Any]
    lines: dict[Place, int]
    problems: tuple[Problem, ...]

    def problem(self, place: Place, text: str) -> Problem:
        """A problem at `place`."""
        return Problem(dotted(place), self.line(place), text)

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it that stands in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 0)


def dotted(place: Place) -> str:
    """As people read it: cameras[0].url."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def read_document(path: Path) -> Document:
    """The mapping in a YAML file. Raises ConfigError where there is none."""
    text = _text(path)
    node = _composed(path, text)
    index = _Index()
    index.add(node, ())
    if len(index.lines) > MAX_PLACES:
        index.problems.append(
            Problem("", 0, "the file stands for too much; write it without aliases (&name and *name)")
        )
    if len(index.lines) > MAX_PLACES or any(len(place) > MAX_DEPTH for place in index.lines):
        raise ConfigError(path, index.problems)
    try:
        raw = yaml.SafeLoader("").construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(path, [*index.problems, _not_yaml(error)]) from error
    if not isinstance(raw, dict):
        raise ConfigError(path, [Problem("", 0, "the file must hold the keys node, broker, console and cameras")])
    return Document(raw, index.lines, tuple(index.problems))


def _text(path: Path) -> str:
    """Raises ConfigError."""

    def refuse(why: str, line: int = 0) -> NoReturn:
        raise ConfigError(path, [Problem("", line, f"the file can't be read: {why}")]) from None

    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        refuse(f"{error.strerror}; name the node's configuration, a file that this account may read")
    if len(content) > MAX_BYTES:
        refuse(f"it has more than {MAX_BYTES} bytes; is it the configuration?")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        refuse("it is not UTF-8 text; save it as UTF-8", content.count(b"\n", 0, error.start) + 1)


def _composed(path: Path, text: str) -> yaml.Node | None:
    """The file as YAML's own tree, at most MAX_DEPTH deep. Raises ConfigError."""
    loader: yaml.SafeLoader | None = None
    try:
        loader, depth = yaml.SafeLoader(text), 0
        while loader.check_event():  # event by event: composing goes as deep as the file does
            event = loader.get_event()  # type: ignore[no-untyped-call]  # untyped in types-PyYAML
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1
                raise ConfigError(path, [Problem("", line, f"is nested deeper than {MAX_DEPTH} levels; take some out")])
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        told = f"holds a character that no text has (U+{ord(text[error.position]):04X}); take it out"
        raise ConfigError(path, [Problem("", line, told)]) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError(path, [_not_yaml(error)]) from error
    except (ValueError, OverflowError) as error:  # "\UFFFFFFFF" or a version of 5,000 digits: YAML names no place
        line = loader.line + 1 if loader else 0
        raise ConfigError(path, [Problem("", line, "not YAML: it holds a number that is too large")]) from error


def _not_yaml(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    return Problem("", mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}")


class _Index:
    """The line of every key and item, and what is wrong with the writing; mends what can't be read, to go on."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []

    def add(self, node: yaml.Node | None, place: Place) -> None:
        """Takes in `node` and all below it."""
        if node is None or len(self.lines) > MAX_PLACES:
            return
        self.lines.setdefault(place, node.start_mark.line + 1)
        if len(place) > MAX_DEPTH:
            told = "is nested too deeply, or contains itself"
            self.problems.append(Problem(dotted(place[:3]), self.lines[place], told))
        elif isinstance(node, yaml.ScalarNode):
            self._add_scalar(node, place)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.add(item, (*place, number))
        elif isinstance(node, yaml.MappingNode):
            for key, value in self._pairs(node, place):
                self.add(value, (*place, key))

    def _add_scalar(self, node: yaml.ScalarNode, place: Place) -> None:
        if node.tag == f"{TAG}bool" and place[-1:] not in BOOLEAN_KEYS:
            told = f"YAML reads {node.value!r} as yes or no; quote it"
            self.problems.append(Problem(dotted(place), self.lines[place], told))
        self._keep_as_text_if_odd(node, place)

    def _keep_as_text_if_odd(self, node: yaml.ScalarNode, place: Place) -> None:
        """What can't be read as what YAML takes it for stays text, and the schema says what it should be."""
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except yaml.MarkedYAMLError as error:  # !secret and its like
            self.problems.append(Problem(dotted(place), node.start_mark.line + 1, f"{error.problem}; take it out"))
        except (ArithmeticError, AttributeError, LookupError, ValueError):  # a 13th month, 5,000 digits
            pass
        else:
            if not isinstance(value, int) or abs(value) <= MOST:
                return
        node.tag = f"{TAG}str"

    def _pairs(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        """The pairs of a mapping, the line of each key noted; a key that stands twice is a problem."""
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                told = "a key is one word and no list or mapping; quote it"
                self.problems.append(Problem(dotted(place), line, told))
                continue
            self._keep_as_text_if_odd(key, (*place, key.value))
            if key.value in seen:
                told = "this key stands twice; YAML would silently keep only the last one"
                self.problems.append(Problem(dotted((*place, key.value)), line, told))
            seen.add(key.value)
            self.lines[(*place, key.value)] = line
            yield key.value, value


def place_finder(path: Path) -> Callable[[Place], str]:
    """Says where a place of a sound configuration stands, as problems do: 'line 7: cameras[0].url'."""
    document = read_document(path)
    return lambda place: str(document.problem(place, "")).removesuffix(": ")
