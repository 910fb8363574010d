"""Asks a media server for a camera's live pictures by WHEP (WebRTC-HTTP Egress Protocol): an offer for an answer.

Browsers never speak to that server themselves until somebody's right to look has been asked for here, and its password
stays here. The pictures then flow from it to the browser straight, encrypted.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from console.web.errors import Refused

PATIENCE_S = 6.0  # MediaMTX waits for a camera that it has to call first
MOST_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A media server. address: with {node} and {camera} in it. login: (name, password), where it asks for one."""

    address: str
    login: tuple[str, str] | None = None

    def answer(self, node: str, camera: str, offer: str) -> str:
        """The server's answer (SDP) to a browser's offer. Raises Refused where there is no picture to be had."""
        address = self.address.format(node=quote(node, safe=""), camera=quote(camera, safe=""))
        headers = {"Content-Type": "application/sdp"}
        try:
            told = httpx.post(
                address, content=offer.encode(), headers=headers, auth=self.login, timeout=PATIENCE_S, trust_env=False
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            raise Refused(503, "live_away") from None
        if told.status_code != httpx.codes.CREATED or len(told.content) > MOST_ANSWER_BYTES:
            raise Refused(502, "no_live_picture")
        return told.text


def login_of(file: Path | None) -> tuple[str, str] | None:
    """Name and password in a file of one line `name:password`. Raises OSError, ValueError."""
    if file is None:
        return None
    name, colon, password = file.read_text(encoding="utf-8").strip().partition(":")
    if not name or not colon or "\n" in password:
        raise ValueError(f"{file} must hold one line, name:password")
    return name, password
