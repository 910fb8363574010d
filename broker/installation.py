"""Makes a broker's folder: configuration, keys, accounts. And runs the broker from it."""

import asyncio
import logging
import os
import re
import shutil
import socket
from pathlib import Path

from broker import access, certificates

log = logging.getLogger(__name__)


_HOST = re.compile(r"^[A-Za-z0-9:](?:[A-Za-z0-9.:-]{0,61}[A-Za-z0-9])?$")  # what a certificate's name takes, too


class SetupError(Exception):
    """The broker can't be set up or run like this; the text says what to do."""


def make_folder(folder: Path, host: str, port: int, *, loopback: bool) -> None:
    """Writes mosquitto.conf, acl, passwords, the console's account and, unless `loopback`, TLS keys for `host`.

    Raises SetupError where a broker already lives there (its accounts would be lost), or for a host that is none.
    """
    folder = folder.resolve()
    if not loopback and not _HOST.match(host):
        raise SetupError(f"{host!r} is no host; write a name such as gatehouse.example.org, or an address")
    if folder.exists() and not folder.is_dir():
        raise SetupError(f"{folder} is a file; name a folder")
    if (folder / "mosquitto.conf").exists():
        raise SetupError(f"{folder} already holds a broker; use `gatehouse broker add-node`, or another folder")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    tls = ""
    if not loopback:
        certificates.make_certificates(folder / "tls", host)
        tls = f"certfile {folder}/tls/server.crt\nkeyfile {folder}/tls/server.key\ntls_version tlsv1.2"
    text = (Path(__file__).parent / "mosquitto.conf").read_text()
    fields = {"DIR": str(folder), "PORT": str(port), "BIND": "127.0.0.1" if loopback else "0.0.0.0", "TLS": tls}  # noqa: S104 TLS and passwords guard it
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value)
    (folder / "acl").write_text(access.acl_text())
    (folder / "acl").chmod(0o600)
    add_account(folder, access.CONSOLE)
    (folder / "mosquitto.conf").write_text(text)


def add_account(folder: Path, account: str) -> Path:
    """Makes an account; returns the file that holds its password. mosquitto reads it at the next SIGHUP.

    Raises SetupError where no broker lives in `folder`.
    """
    if not (folder / "acl").exists():
        raise SetupError(f"{folder} holds no broker; make one with `gatehouse broker init {folder}`")
    secret = folder / "secrets" / f"{account}.password"
    access.add_account(folder / "passwords", secret, account)
    return secret


def add_home_assistant(folder: Path) -> Path:
    """Makes the account of Home Assistant and its rights; returns the file that holds its password.

    A second call gives it a new password. Raises SetupError where no broker lives in `folder`.
    """
    secret = add_account(folder, access.HOME_ASSISTANT)
    _add_rights(folder, access.home_assistant_acl_text())
    return secret


def add_siren(folder: Path, name: str) -> Path:
    """Makes the account of a siren's relay, `siren-NAME`, and its rights; returns the file that holds its password.

    A second call gives it a new password. Raises SetupError where no broker lives in `folder`, AccessError.
    """
    secret = add_account(folder, access.SIREN + name)
    _add_rights(folder, access.siren_acl_text())
    return secret


def _add_rights(folder: Path, rights: str) -> None:
    known = (folder / "acl").read_text()
    if rights not in known:
        (folder / "acl").write_text(f"{known.rstrip()}\n\n{rights}")


def run(folder: Path) -> None:
    """Becomes the broker of `folder`: mosquitto where it is installed, else the embedded one, until it is told to stop.

    Raises SetupError.
    """
    conf = folder / "mosquitto.conf"
    if not conf.exists():
        raise SetupError(f"{folder} holds no broker; make one with `gatehouse broker init {folder}`")
    _renew_rights(folder / "acl")
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto is None:
        log.warning("mosquitto is not installed; the embedded broker takes its place (MQTT 3.1.1, demo only)")
        _run_embedded(folder, conf.read_text())
        return
    if os.geteuid() == 0:
        # Started as root it would drop to an account that can't read its keys.
        own = folder / "mosquitto.root.conf"
        own.write_text(conf.read_text() + "user root\n")
        conf = own
    _try_port(conf.read_text())
    # Nobody stands in between who could die and leave it behind.
    os.execv(mosquitto, [mosquitto, "-c", str(conf)])  # noqa: S606 our own command


def _renew_rights(acl: Path) -> None:
    """Of a folder that an earlier version made. A file that may not be written stays as it is."""
    known = acl.read_text()
    renewed = access.with_new_rights(known)
    if renewed != known:
        try:
            acl.write_text(renewed)
        except OSError as error:
            log.warning(
                "%s can't be renewed (%s): boxes get no calendars; add what is missing of:\n%s", acl, error, renewed
            )


def _try_port(conf: str) -> None:
    """Raises SetupError where something else listens on the port: mosquitto itself would say little of it."""
    found = _listener(conf)
    if found is None:
        return
    host, port = found
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise SetupError(_taken(f"{host} port {port} can't be listened on: {error.strerror}")) from error


def _run_embedded(folder: Path, conf: str) -> None:
    from amqtt.errors import BrokerError

    from broker.embedded import serve

    found = _listener(conf)
    if found is None or "certfile" in conf:
        raise SetupError("the embedded broker serves loopback without TLS only; install mosquitto")
    try:
        asyncio.run(serve(*found, folder / "passwords"))
    except BrokerError as error:
        raise SetupError(_taken(str(error))) from error


def _listener(conf: str) -> tuple[str, int] | None:
    """Address and port of mosquitto.conf's listener; None where somebody wrote it in another way."""
    found = re.search(r"^listener (\d+) (\S+)$", conf, re.MULTILINE)
    return (found[2], int(found[1])) if found else None


def _taken(problem: str) -> str:
    return f"{problem}; stop what listens there, or make a broker with another --port"
