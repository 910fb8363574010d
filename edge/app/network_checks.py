"""`edge check`, the network half: can this box reach and sign in to the broker and the console, and if not, why."""

import errno
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.adapters.mqtt_publisher import BrokerAddress, make_client
from edge.config.document import Place
from edge.config.load import read_secret
from edge.config.schema import BrokerSection, ConsoleSection
from edge.core.ports import Clock

TIMEOUT_S = 5.0
CLOCK_TOLERANCE_S = 5.0
_MQTT_BAD_VERSION = 132
_MQTT_REFUSED = (134, 135)  # bad user name or password; not authorised


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one thing was found.

    text: what works, or why it doesn't and the cure. notes: works, but look at this. place: of it in the file.
    """

    subject: str
    works: bool
    text: str
    notes: tuple[str, ...] = ()
    still: Path | None = None
    place: Place = ()


def check_broker(node: str, section: BrokerSection) -> Verdict:
    """TCP, TLS and sign-in as the node itself (under a client id of its own, so a running node isn't disturbed)."""
    subject = "broker"
    address = BrokerAddress(
        section.host, section.port, node, section.password_file, section.tls, section.ca_file, section.protocol
    )
    fault = _unreachable(section.host, section.port, section.ca_file, section.tls, "broker")
    if fault:
        return Verdict(subject, False, fault)
    answered = threading.Event()
    answers: list[ReasonCode] = []

    def on_connect(
        _client: mqtt.Client, _data: object, _flags: mqtt.ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        answers.append(reason)
        answered.set()

    try:
        client = make_client(address, f"gatehouse-check-{node}")
        client.on_connect = on_connect
        client.connect(section.host, section.port, keepalive=20)
    except (OSError, ValueError) as error:
        return Verdict(subject, False, f"{section.host}:{section.port} broke off the connection ({_words(error)}).")
    client.loop_start()
    answered.wait(TIMEOUT_S)
    client.disconnect()
    client.loop_stop()
    return _broker_verdict(subject, node, section, answers)


def _broker_verdict(subject: str, node: str, section: BrokerSection, answers: list[ReasonCode]) -> Verdict:
    place = f"{section.host}:{section.port}"
    if not answers:
        return Verdict(
            subject, False, f"{place} is open but gives no MQTT answer: check `broker.port`; is it really the broker?"
        )
    code = answers[0].value
    if code == 0:
        return Verdict(subject, True, f"{place}, signed in as {node}, MQTT {section.protocol}")
    if code in _MQTT_REFUSED:
        return Verdict(
            subject,
            False,
            f"{place} refuses the node name {node!r} or its password: register the node at the broker "
            "(gatehouse broker add-node) and put the password it prints into `broker.password_file`.",
        )
    if code == _MQTT_BAD_VERSION:
        other = "3.1.1" if section.protocol == "5" else "5"
        return Verdict(subject, False, f'{place} does not speak MQTT {section.protocol}: set `protocol: "{other}"`.')
    return Verdict(subject, False, f"{place} refuses the sign-in: {answers[0]}.")


def check_console(section: ConsoleSection, clock: Clock) -> Verdict:
    """HTTP(S), the node's token, and whether both clocks agree."""
    subject = "console"
    parts = urlsplit(section.url)
    tls = parts.scheme == "https"
    fault = _unreachable(parts.hostname or "", parts.port or (443 if tls else 80), section.ca_file, tls, "console")
    if fault:
        return Verdict(subject, False, fault)
    context: ssl.SSLContext | bool = _context(section.ca_file) if tls else True
    headers = {"Authorization": f"Bearer {read_secret(section.token_file)}"}
    try:
        with httpx.Client(verify=context, timeout=TIMEOUT_S, trust_env=False) as client:
            answer = client.get(f"{section.url}/api/node/hello", headers=headers)
    except (httpx.HTTPError, UnicodeEncodeError) as error:
        return Verdict(
            subject, False, f"{section.url} gave no sound HTTP answer ({type(error).__name__}): check the port."
        )
    status = answer.status_code
    if status == httpx.codes.OK:
        return Verdict(subject, True, f"{section.url}, token accepted", _clock_notes(answer, clock))
    causes = {
        401: "refuses the token: make a new one at the console and put it into `console.token_file`",
        403: "knows the token but does not let this node in: enable the node at the console",
        404: "has no page for nodes: it is not a Gatehouse console, or `console.url` has a wrong path",
    }
    cause = causes.get(status, "answers with an error of its own: look at the console's log")
    return Verdict(subject, False, f"{section.url} {cause} (HTTP {status}).")


def _clock_notes(answer: httpx.Response, clock: Clock) -> tuple[str, ...]:
    """The console tells its time in `at_s`; older ones don't."""
    try:
        off_s = clock.wall_s() - float(answer.json()["at_s"])
    except (ValueError, KeyError, TypeError):
        return ()
    if abs(off_s) <= CLOCK_TOLERANCE_S:
        return ()
    return (f"this box's clock is {off_s:+.0f} s off the console's: set up NTP on both",)


def _unreachable(host: str, port: int, ca_file: Path | None, tls: bool, section: str) -> str | None:
    """Why a (TLS) connection to host:port can't be made, as a sentence; None where it can."""
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as plain:
            if tls:
                with _context(ca_file).wrap_socket(plain, server_hostname=host):
                    pass
    except OSError as error:
        return connection_fault(error, f"{host}:{port}", section)
    return None


def connection_fault(error: OSError, place: str, section: str) -> str:
    """The cause and the cure of a TCP or TLS connection that failed. section: "broker" or "console"."""
    host, _, port = place.rpartition(":")
    untrusted = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
    table: tuple[tuple[type[OSError], str], ...] = (
        (
            socket.gaierror,
            f"the name {host} is not known here: correct `{section}` in the file, or check the DNS server of this box.",
        ),
        (
            ssl.SSLCertVerificationError,
            f"the certificate of {place} is not trusted ({untrusted}): set `{section}.ca_file` to the authority that "
            "signed it, check the name in it, and the date of this box.",
        ),
        (ssl.SSLError, f"{place} does not speak TLS as expected: check the port in `{section}`, and `ca_file`."),
        (TimeoutError, f"{place} does not answer in {TIMEOUT_S:.0f} s: check address, cable and firewall."),
        (
            ConnectionRefusedError,
            f"{host} is there but nothing listens on port {port}: start the {section}, or correct the port.",
        ),
    )
    sentence = next((sentence for kind, sentence in table if isinstance(error, kind)), None)
    if sentence is None and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        sentence = f"there is no way to {host} from this box: check cable, VLAN and the box's own address."
    return sentence or f"{place} broke off the connection ({_words(error)}): check port and TLS in `{section}`."


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the system's authorities, or those in `ca_file`. Raises OSError where that is no certificate."""
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
