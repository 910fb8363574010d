"""Ways by which people are told: which kinds there are, what their addresses look like, and what of them may be shown.

An address is one of apprise's URLs; `{to}` in it stands for the person's own number, mailbox or chat.
"""

import re
from enum import StrEnum
from urllib.parse import unquote

PLACE = "{to}"
SHOWN = "•••"


class ChannelKind(StrEnum):
    """What a way is."""

    EMAIL = "email"
    SMS = "sms"
    TELEGRAM = "telegram"
    ZALO = "zalo"
    WEBHOOK = "webhook"
    PUSH = "push"
    SIREN = "siren"


# The schemes of each kind. Not every one that apprise knows: some start programs or write files on this machine.
SCHEMES: dict[ChannelKind, frozenset[str]] = {
    ChannelKind.EMAIL: frozenset({"mailto", "mailtos"}),
    ChannelKind.SMS: frozenset(
        {
            "bulksms", "bulkvs", "burstsms", "clickatell", "clicksend", "d7sms", "httpsms", "kavenegar",
            "msg91", "msgbird", "nexmo", "plivo", "seven", "sfr", "signal", "signals", "sinch", "smseagle",
            "smseagles", "smsmgr", "sns", "threema", "twilio", "voipms", "vonage", "whatsapp",
        }
    ),
    ChannelKind.TELEGRAM: frozenset({"tgram"}),
    ChannelKind.ZALO: frozenset({"zalo"}),
    ChannelKind.WEBHOOK: frozenset({"json", "jsons", "form", "forms", "xml", "xmls"}),
    ChannelKind.PUSH: frozenset({"push"}),
    ChannelKind.SIREN: frozenset({"siren"}),
}  # fmt: skip
EXAMPLES: dict[ChannelKind, str] = {
    ChannelKind.EMAIL: "mailtos://USER:PASSWORD@smtp.example.org?from=gate@example.org&to={to}",
    ChannelKind.SMS: "twilio://SID:TOKEN@84281234567/{to}",
    ChannelKind.TELEGRAM: "tgram://TOKEN/{to}/",
    ChannelKind.ZALO: "zalo://TOKEN/{to}",
    ChannelKind.WEBHOOK: "jsons://hook.example.org/alarm",
    ChannelKind.PUSH: "push://{to}",
    ChannelKind.SIREN: "siren://gate",
}
NEEDS_PERSON = frozenset({ChannelKind.EMAIL, ChannelKind.SMS, ChannelKind.TELEGRAM, ChannelKind.ZALO, ChannelKind.PUSH})
_OWN_SERVER = SCHEMES[ChannelKind.EMAIL] | SCHEMES[ChannelKind.WEBHOOK] | SCHEMES[ChannelKind.SIREN]
MOST_ADDRESS = 500
_SIREN = re.compile(r"^siren://[A-Za-z0-9][A-Za-z0-9_-]{0,62}/?$")
_HOST = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$")
_TO = re.compile(r"^[\w.+@-]{1,120}$")


def address_fault(kind: ChannelKind, address: str) -> str:
    """What is wrong with the address of a way, a word of the group "problem"; empty where its shape is right."""
    scheme, mark, _ = address.partition("://")
    if not mark or scheme.lower() not in SCHEMES[kind]:
        return "channel_scheme"
    if len(address) > MOST_ADDRESS or not address.isprintable() or " " in address:
        return "channel_address"
    checks = {
        "channel_scheme": kind == ChannelKind.PUSH and address != EXAMPLES[kind],
        "channel_siren": kind == ChannelKind.SIREN and not _SIREN.match(address),
        "channel_host": kind in (ChannelKind.EMAIL, ChannelKind.WEBHOOK) and not _has_plain_host(address),
        "channel_place": kind in NEEDS_PERSON and PLACE not in address,
    }
    return next((word for word, is_wrong in checks.items() if is_wrong), "")


def _has_plain_host(address: str) -> bool:
    """Whether a host stands where one is shown: a password with a slash would end up there, half of it."""
    place, _, path = re.split(r"[?#]", address.partition("://")[2], maxsplit=1)[0].partition("/")
    return _HOST.match(place.rpartition("@")[2]) is not None and ("@" in place or "@" not in path)


def to_fault(kind: ChannelKind, to: str) -> str:
    """What is wrong with a person's number, mailbox or chat; empty where nothing is."""
    if kind not in NEEDS_PERSON and not to:
        return ""
    if kind == ChannelKind.PUSH:  # the name of an account, which is looked up and stands in no address
        return "" if to.strip() else "channel_to"
    if not _TO.match(to) or (kind == ChannelKind.EMAIL) != ("@" in to):
        return "channel_to"
    return ""


def filled(address: str, to: str) -> str:
    """The address of one person. to: was looked at by `to_fault`, so it can't reach beyond its place."""
    return address.replace(PLACE, to.replace("+", "%2B") if PLACE in address.partition("?")[2] else to)


def shown(address: str) -> str:
    """What may be shown of an address: the service and its host where that is no secret."""
    parts = _parts(address)
    if parts is None:
        return SHOWN
    scheme, host = parts
    if scheme in SCHEMES[ChannelKind.SIREN]:
        return f"{scheme}://{host}"
    return f"{scheme}://{host}/{SHOWN}" if host else f"{scheme}://{SHOWN}"


def lane(address: str) -> str:
    """What may hang as one: the service, or the server where it is one's own."""
    parts = _parts(address)
    return f"{parts[0]}://{parts[1]}" if parts else "?"


def _parts(address: str) -> tuple[str, str] | None:
    """Scheme, and the host where the scheme's address has one: of services it is a token, which is secret."""
    scheme, mark, rest = address.partition("://")
    if not mark:
        return None
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return scheme.lower(), host if scheme.lower() in _OWN_SERVER else ""


def without_secrets(text: str, address: str) -> str:
    """A server's words with every part of the address taken out that could open something."""
    parts = [part for part in re.split(r"[/:@?&=#,]+", address.partition("://")[2]) if len(part) >= 4]
    host = (_parts(address) or ("", ""))[1].partition(":")[0]
    for part in sorted({*parts, *map(unquote, parts)} - {host}, key=len, reverse=True):
        text = text.replace(part, SHOWN)
    return " ".join(text.split())[:200]


def shown_to(kind: ChannelKind, to: str) -> str:
    """What may be shown of a person's number or mailbox to those who only need to know that it was tried."""
    if kind == ChannelKind.EMAIL and "@" in to:
        name, _, host = to.partition("@")
        return f"{name[:2]}…@{host}"
    if kind == ChannelKind.PUSH:
        return to
    return f"…{to[-3:]}" if to else ""
