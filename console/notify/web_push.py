"""One try by web push: sealed for each browser of a person (RFC 8291), signed with the console's own key (RFC 8292)."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import http_ece
import requests
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from console.domain.delivery import Text
from console.notify.apprise_sender import TryFailedError
from console.store import push_subscriptions
from console.store.database import Database
from console.store.made_once import made_once
from console.store.push_subscriptions import Subscription

_TIMES_S = (8.0, 10.0)
_TTL_S = 1800  # a phone that is off for longer is not told of what is over
_GONE = (404, 410)


class WebPushSender:
    """Tells browsers. For many threads at once."""

    def __init__(self, database: Database, key_file: Path, contact: str, wall_s: Callable[[], float]) -> None:
        """Makes the key where there is none. contact: where a push service reaches who runs this. Raises OSError."""
        self._database, self._contact, self._wall_s = database, contact, wall_s
        self._pem = made_once(key_file, _new_key)

    @property
    def public_key(self) -> str:
        """What a browser must know to take messages of this console, base64url."""
        point = Vapid02.from_pem(self._pem).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    def send(self, name: str, site_id: int, event_id: str | None, text: Text) -> None:
        """Returns once a browser of that person has it, or will have it as it wakes. Raises TryFailedError."""
        with self._database.read() as connection:
            browsers = push_subscriptions.of_name(connection, name, site_id, event_id)
        if not browsers:
            raise TryFailedError("no_device")
        path = f"/alerts/{event_id}" if event_id else "/"
        message = json.dumps({"title": text.title, "body": text.body, "path": path}).encode()
        faults = [fault for one in browsers if (fault := self._fault(one, message))]
        if len(faults) == len(browsers):
            raise TryFailedError(*faults[0])

    def _fault(self, one: Subscription, message: bytes) -> tuple[str, str] | None:
        """Why a browser was not told, as `TryFailedError` has it; None where it was."""
        host = urlsplit(one.endpoint).hostname
        try:
            headers, sealed = self._headers(one.endpoint), _sealed(one, message)
            answer = requests.post(one.endpoint, data=sealed, headers=headers, timeout=_TIMES_S, allow_redirects=False)
        except (requests.RequestException, ValueError, InvalidKey) as error:
            return "silent", f"{host}: {type(error).__name__}"
        if answer.status_code in _GONE:
            with self._database.write() as connection:
                push_subscriptions.forget(connection, one.endpoint)
            return "device_gone", str(host)
        return None if answer.ok else ("said_no", f"{host}: {answer.status_code}")

    def _headers(self, endpoint: str) -> dict[str, str]:
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": self._contact, "exp": int(self._wall_s()) + 43_200}
        signed: dict[str, str] = Vapid02.from_pem(self._pem).sign(claims)
        return {**signed, "Content-Encoding": "aes128gcm", "TTL": str(_TTL_S), "Urgency": "high"}


def _new_key() -> bytes:
    made = Vapid02()
    made.generate_keys()
    return bytes(made.private_pem())


def _sealed(one: Subscription, message: bytes) -> bytes:
    """Raises ValueError for keys that are none."""
    sealed: bytes = http_ece.encrypt(
        message,
        salt=os.urandom(16),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_bytes(one.p256dh),
        auth_secret=_bytes(one.auth),
        version="aes128gcm",
    )
    return sealed


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
