"""Digest sign-in of RTSP (RFC 7616, and RFC 2617 for clients without qop): MD5, and SHA-256 for those who can."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Literal

from edge.core.ports import Clock

REALM = "Gatehouse virtual camera"
_ALGORITHMS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}

Verdict = Literal["right", "wrong", "stale"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who may watch."""

    username: str
    password: str = field(repr=False)


class Doorkeeper:
    """Asks for passwords and checks the answers. Its nonces carry their own time, so that it keeps no list of them."""

    def __init__(self, clock: Clock, nonce_life_s: float = 300.0) -> None:
        self._clock, self._life_s = clock, nonce_life_s
        self._key = secrets.token_bytes(16)

    def challenges(self, stale: bool = False) -> list[str]:
        """WWW-Authenticate headers, best algorithm first. stale: the password was right, the nonce too old."""
        nonce = self._nonce(f"{self._clock.monotonic_s():.3f}")
        end = ", stale=true" if stale else ""
        # libav takes the last one that it reads; it knows MD5 only
        return [f'Digest realm="{REALM}", nonce="{nonce}", algorithm={name}{end}' for name in ("SHA-256", "MD5")]

    def verdict(self, header: str, method: str, account: Account) -> Verdict:
        """What an Authorization header proves for `method`."""
        found = re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))', header)
        fields = {key.lower(): quoted or plain for key, quoted, plain in found}
        algorithm = _ALGORITHMS.get(fields.get("algorithm", "MD5").upper())
        nonce = fields.get("nonce", "")
        begun, _, _ = nonce.partition("-")
        if algorithm is None or not header.lower().startswith("digest ") or fields.get("username") != account.username:
            return "wrong"
        if not hmac.compare_digest(self._nonce(begun).encode(), nonce.encode()):
            return "wrong"

        def digest(text: str) -> str:
            return algorithm(text.encode()).hexdigest()

        secret = digest(f"{account.username}:{REALM}:{account.password}")
        request = digest(f"{method}:{fields.get('uri', '')}")
        middle = nonce
        if "qop" in fields:
            middle += f":{fields.get('nc', '')}:{fields.get('cnonce', '')}:{fields['qop']}"
        expected = digest(f"{secret}:{middle}:{request}")
        if not hmac.compare_digest(expected.encode(), fields.get("response", "").encode()):
            return "wrong"
        return "stale" if self._clock.monotonic_s() - float(begun) > self._life_s else "right"

    def _nonce(self, begun: str) -> str:
        proof = hmac.new(self._key, begun.encode(), hashlib.sha256).hexdigest()[:24]
        return f"{begun}-{proof}"
