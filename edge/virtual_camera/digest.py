"""Digest sign-in of RTSP (RFC 7616, and RFC 2617 for clients without qop)."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

REALM = "Gatehouse virtual camera"


@dataclass(frozen=True, slots=True)
class Account:
    """Who may watch."""

    username: str
    password: str = field(repr=False)


def challenge() -> tuple[str, str]:
    """A fresh nonce, and the WWW-Authenticate header that asks for it."""
    nonce = secrets.token_hex(16)
    return nonce, f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5'


def proves(header: str, method: str, account: Account, nonce: str) -> bool:
    """Whether an Authorization header shows knowledge of the password for `method` and this nonce."""
    fields = {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
    if not header.startswith("Digest ") or fields.get("username") != account.username or fields.get("nonce") != nonce:
        return False
    secret = _md5(f"{account.username}:{REALM}:{account.password}")
    request = _md5(f"{method}:{fields.get('uri', '')}")
    middle = nonce
    if "qop" in fields:
        middle += f":{fields.get('nc', '')}:{fields.get('cnonce', '')}:{fields['qop']}"
    return hmac.compare_digest(_md5(f"{secret}:{middle}:{request}"), fields.get("response", ""))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
