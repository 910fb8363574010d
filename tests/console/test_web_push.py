"""Alarms in browsers: sealed for each, signed by the console, told to nobody who may not see them."""

import base64
import json
import os
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from console.domain.access import Role
from console.domain.delivery import Text
from console.domain.site_tree import Grants
from console.notify.apprise_sender import TryFailedError
from console.store import nodes, push_subscriptions, users
from console.store.push_subscriptions import Subscription
from console.web.push_pages import is_service

pytestmark = pytest.mark.system


class Service:
    """A push service that keeps what it gets; `answer` is what it says."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer = 201
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                service.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(service.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_person_is_told_in_their_browser_and_nobody_else_can_read_it(desk, schools):
    here, other = schools
    service, key, secret = Service(), ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    endpoint = f"http://127.0.0.1:{service.server.server_port}/push/1"
    with desk.console.database.write() as connection:
        guard = users.add(connection, "Hùng", "x", Role.GUARD, desk.clock(), Grants(sites=frozenset({here.district})))
        one = Subscription(endpoint, b64(point), b64(secret))
        push_subscriptions.add(connection, guard.id, one, "Chrome/1", desk.clock())
    push = desk.console.work["dispatcher"].__self__._senders.push
    text = Text("Cao: Người lảng vảng – Cổng", "Kim Đồng")
    push.send("HÙNG", here.site, "1", text)
    (headers, sealed), *_ = service.got
    told = http_ece.decrypt(sealed, private_key=key, auth_secret=secret, version="aes128gcm")
    assert json.loads(told) == {"title": text.title, "body": text.body, "path": "/alerts/1"}
    assert "lảng vảng".encode() not in sealed
    assert Vapid02.verify(headers["Authorization"])
    assert headers["Authorization"].endswith(f"k={push.public_key}")
    for name, site in (("Hùng", other.site), ("Ai đó", here.site)):
        with pytest.raises(TryFailedError, match="no_device"):
            push.send(name, site, None, text)
    with desk.console.database.write() as connection:
        box = nodes.find(connection, here.box).id
        gate = Grants(cameras=frozenset({(box, "gate")}))
        of_gate = users.add(connection, "Nam", "x", Role.GUARD, desk.clock(), gate)
        push_subscriptions.add(connection, of_gate.id, replace(one, endpoint=endpoint + "/nam"), "", desk.clock())
    push.send("Nam", here.site, here.event_id, text)  # of their one camera
    for site, event_id in ((here.site, None), (other.site, other.event_id)):
        with pytest.raises(TryFailedError, match="no_device"):
            push.send("Nam", site, event_id, text)
    service.answer = 503
    with pytest.raises(TryFailedError, match="503"):
        push.send("Hùng", here.site, None, text)
    service.answer = 410
    with pytest.raises(TryFailedError, match="device_gone"):
        push.send("Hùng", here.site, None, text)
    with desk.console.database.read() as connection:
        assert push_subscriptions.count(connection, guard.id) == 0
    service.server.shutdown()


def test_a_browser_asks_for_alarms_at_its_own_push_service_alone(desk):
    guard = desk.browser(Role.GUARD)
    keys = {"p256dh": "BPabc", "auth": "abc"}
    for endpoint in ("https://evil.example/x", "http://fcm.googleapis.com/x", "https://fcm.googleapis.com@evil/x", "x"):
        assert not is_service(endpoint)
        assert guard.post("/account/push", data={"endpoint": endpoint, **keys}).status_code == 422
    for number in range(push_subscriptions.MOST_OF_PERSON + 2):
        desk.clock.now_s += 1
        data = {"endpoint": f"https://fcm.googleapis.com/fcm/send/{number}", **keys}
        assert guard.post("/account/push", data=data).status_code == 204
    with desk.console.database.read() as connection:
        assert push_subscriptions.count(connection, 1) == push_subscriptions.MOST_OF_PERSON
    assert "data-key" in guard.get("/account").text
    assert guard.post("/account/push/remove").status_code == 303
    with desk.console.database.read() as connection:
        assert push_subscriptions.count(connection, 1) == 0
