"""A small provider of identities over real HTTP that forgives nothing: it checks PKCE, client and code itself."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "gatehouse", "of the client"


class StrictProvider:
    """odd_keys: published beside its own. quick: while it is not set, the token endpoint hangs."""

    def __init__(self, issuer: str) -> None:
        self.issuer, self.codes, self.refused = issuer, {}, []
        self.odd_keys: list[object] = []
        self.quick = threading.Event()
        self.quick.set()
        self.rotate()

    def rotate(self) -> None:
        """Signs with another key from now on; the old one is published no more."""
        self.key = RSAKey.generate_key(parameters={"kid": secrets.token_hex(4), "use": "sig"})

    def sign_in(self, address: str, subject: str) -> str:
        """A person signs in there who was led to `address`. Returns the query with which they are sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT, "S256")
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked | {"sub": subject}
        return urlencode({"code": code, "state": asked["state"], "iss": self.issuer})

    def facts(self) -> dict[str, object]:
        places = {"authorization": "authorize", "token": "token", "end_session": "out"}
        found: dict[str, object] = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in places.items()}
        return found | {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}

    def answer(self, form: dict[str, str], login: str) -> tuple[int, dict[str, object]]:
        """Of the token endpoint."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        wrong = {
            "client": login != "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode(),
            "grant": form.get("grant_type") != "authorization_code",
            "code": asked is None,
            "redirect": asked is not None and form.get("redirect_uri") != asked["redirect_uri"],
            "verifier": asked is not None and challenge.rstrip(b"=").decode() != asked["code_challenge"],
        }
        faults = [name for name, is_so in wrong.items() if is_so]
        if faults or asked is None:
            self.refused.append(faults)
            return 400, {"error": "invalid_grant"}
        now_s = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": asked["sub"], "iat": now_s, "exp": now_s + 60}
        claims |= {"nonce": asked["nonce"], "name": "Administrator", "email": "boss@school.vn"}
        word = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": word}


@contextmanager
def strict_provider() -> Iterator[StrictProvider]:
    """One that runs in a thread."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self):
            published = {"keys": [*provider.odd_keys, provider.key.as_dict(private=False)]}
            self._say(200, published if self.path == "/keys" else provider.facts())

        def do_POST(self):
            sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            provider.quick.wait(20)
            form = {name: values[0] for name, values in sent.items()}
            self._say(*provider.answer(form, self.headers.get("Authorization", "")))

        def _say(self, status, content):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    provider = StrictProvider(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        provider.quick.set()
        server.shutdown()
        server.server_close()
