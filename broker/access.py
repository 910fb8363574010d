"""Who may sign in to the broker and what each may write and read: one rule for mosquitto and the embedded broker."""

import base64
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from broker.contract.topics import HEALTH, ROOT, SIRENS, STATUS, TOPICS, Topic, home_assistant

CONSOLE = "console"  # the console's account; every other account is a node's
SIREN = "siren-"  # so begins the account of each siren's relay, which hears its own commands and nothing else
HOME_ASSISTANT = "home-assistant"  # reads how nodes do, where it was given an account; no alert, no picture
_ITERATIONS = 20_000
_NO_NAME = "{!r} can't be a name: letters, digits, - and _ only, at most 63"
_NODE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")


class AccessError(Exception):
    """Something about accounts that can't be done; the text says what to do instead."""


def may_write(account: str, topic: str) -> bool:
    """Whether `account` may publish on `topic`."""
    return _matches(account, topic, wildcard_ok=False, want_writer=True)


def may_read(account: str, topic_filter: str) -> bool:
    """Whether `account` may subscribe to `topic_filter` or be handed a message on it."""
    return _matches(account, topic_filter, wildcard_ok=account == CONSOLE, want_writer=False)


def _matches(account: str, topic: str, *, wildcard_ok: bool, want_writer: bool) -> bool:
    head, _, kind = topic.rpartition("/")
    root, _, node = head.rpartition("/")
    entry = next((entry for entry in TOPICS if entry.kind == kind), None)
    if root != ROOT or entry is None or not ((node == "+" and wildcard_ok) or _NODE_NAME.match(node)):
        return False
    is_writer = (entry.written_by == "console") == (account == CONSOLE)
    return is_writer == want_writer and account in (CONSOLE, node)


def acl_text() -> str:
    """The same rule as a mosquitto ACL file."""

    def lines(keyword: str, node: str, *, console: bool) -> list[str]:
        return [f"{keyword} {_right(entry, console=console)} {entry.of(node)}" for entry in TOPICS]

    head = ["# Made by `gatehouse broker init` from the topic table. A node writes and reads below its own name only."]
    return "\n".join(
        [*head, f"user {CONSOLE}", *lines("topic", "+", console=True), "", *lines("pattern", "%u", console=False), ""]
    )


def with_new_rights(known: str) -> str:
    """A mosquitto ACL file with the rights for kinds of topics that are younger than it is; all else as it was."""
    young = [entry for entry in TOPICS if f"/{entry.kind}\n" not in f"{known}\n"]
    if not young:
        return known
    of_console = [f"topic {_right(entry, console=True)} {entry.of_every_node}" for entry in young]
    of_nodes = [f"pattern {_right(entry, console=False)} {entry.of('%u')}" for entry in young]
    return "\n".join([known.rstrip(), "", f"user {CONSOLE}", *of_console, "", *of_nodes, ""])


def _right(entry: Topic, *, console: bool) -> str:
    return "write" if (entry.written_by == "console") == console else "read"


def home_assistant_acl_text() -> str:
    """What is added to a mosquitto ACL file for Home Assistant: nodes tell what they are, it reads how they do."""
    read = [topic.of_every_node for topic in (HEALTH, STATUS)]
    lines = [f"user {HOME_ASSISTANT}", *(f"topic read {topic}" for topic in (*read, home_assistant("+")))]
    return "\n".join([*lines, "", f"pattern write {home_assistant('%u')}", ""])


def siren_acl_text() -> str:
    """What is added to a mosquitto ACL file for sirens: the console sounds each, its relay hears that it is to."""
    return f"user {CONSOLE}\ntopic write {SIRENS}/+/command\n\npattern read {SIRENS}/%u/command\n"


def check_node_name(name: str) -> None:
    """Raises AccessError for a name that no node can have: no topic level, or an account of another kind."""
    if not _NODE_NAME.fullmatch(name):
        raise AccessError(_NO_NAME.format(name))
    if name in (CONSOLE, HOME_ASSISTANT) or name.startswith(SIREN):
        others = {CONSOLE: "the console's", HOME_ASSISTANT: "Home Assistant's"}
        whose = others.get(name, "a siren's")
        raise AccessError(f"{name!r} is {whose} own account; give the node another name")


def add_account(password_file: Path, secret_file: Path, account: str) -> None:
    """Makes an account with a random password: its hash into `password_file`, the password into `secret_file` (0600).

    A second call for the same account replaces its password. Raises AccessError for a name that can't be a topic level.
    """
    if not _NODE_NAME.fullmatch(account):
        raise AccessError(_NO_NAME.format(account))
    password = secrets.token_urlsafe(24)
    salt = secrets.token_bytes(12)
    kept = [line for line in _lines(password_file) if line.partition(":")[0] != account]
    kept.append(f"{account}:$7${_ITERATIONS}${_b64(salt)}${_b64(_digest(password, salt, _ITERATIONS))}")
    _write_private(secret_file, password + "\n")
    _write_private(password_file, "\n".join(kept) + "\n")


def signs_in(password_file: Path, account: str, password: str) -> bool:
    """Whether `password` is that of `account`: mosquitto's PBKDF2-SHA512 format, `name:$7$iterations$salt$hash`."""
    for line in _lines(password_file):
        name, _, entry = line.partition(":")
        if name == account:
            _, _, iterations, salt, digest = entry.split("$")
            expected = base64.b64decode(digest)
            return hmac.compare_digest(expected, _digest(password, base64.b64decode(salt), int(iterations)))
    return False


def _digest(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, dklen=64)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
