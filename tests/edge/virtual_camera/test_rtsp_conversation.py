"""RTSP word by word: status codes of bad requests, Digest with SHA-256 and with old nonces, sender reports."""

import hashlib
import re
import socket
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.digest import REALM, Account, Doorkeeper
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_request import BadRequestError, parse_request, parse_transport
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from edge.virtual_camera.udp_pair import UdpPair

ACCOUNT = Account("guard", "a secret word")
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


@pytest.fixture(scope="module")
def server():
    pictures = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(10)]
    clip = encode(PictureList(pictures, 10.0))
    cameras = [VirtualCamera("open", clip), VirtualCamera("shut", clip, account=ACCOUNT)]
    with serve_cameras(cameras, SystemClock()) as running:
        yield running


class Client:
    """A hand-made client, for what libav would never send."""

    def __init__(self, server):
        self.url = server.url("")
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()

    def ask(self, method, path="open", **headers):
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in {"CSeq": 7, **headers}.items()]
        return self.say("\r\n".join([f"{method} {self.url}{path} RTSP/1.0", *lines, "", ""]).encode())

    def say(self, raw):
        """Sends bytes; status, headers as sent, body."""
        self._socket.sendall(raw)
        return self.hear()

    def hear(self):
        first = self._file.readline()
        status, headers = int(first.split()[1]), []
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers.append((name, value))
        length = int(dict(headers).get("Content-Length", 0))
        return status, headers, self._file.read(length).decode()

    def packet(self):
        """The next interleaved packet: channel and payload."""
        mark, channel, length = struct.unpack("!BBH", self._file.read(4))
        assert mark == 0x24
        return channel, self._file.read(length)


@pytest.mark.system
def test_each_bad_request_gets_its_status(server):
    with Client(server) as client:
        assert client.ask("DESCRIBE", "nowhere")[0] == 404
        assert client.ask("RECORD")[0] == 501
        assert client.ask("PLAY")[0] == 455
        assert client.ask("PAUSE")[0] == 455
        assert client.ask("SETUP", Transport="RAW/RAW/UDP;unicast")[0] == 461
        assert client.ask("SETUP", Transport="RTP/AVP;multicast;client_port=5000-5001")[0] == 461
        assert client.ask("SETUP", Transport="RTP/AVP;client_port=0-70000")[0] == 461
        assert client.ask("GET_PARAMETER", Session="12345678")[0] == 454
        assert client.say(b"HELLO\r\n\r\n")[0] == 400
        assert client.say(b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n")[0] == 505
        assert client.ask("OPTIONS", Content_Length="-3")[0] == 400
        assert client.say(f"DESCRIBE {client.url}open\nX: RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())[0] == 400
        assert client.ask("DESCRIBE", "%6Fpen")[0] == 200
        status, headers, _ = client.ask("OPTIONS")
        assert (status, headers[0]) == (200, ("CSeq", "7"))
        assert client.ask("OPTIONS", Content_Length="99999999")[0] == 413  # and then no more
        assert not client._file.read()
    with Client(server) as client:
        assert client.say(b"OPTIONS * RTSP/1.0\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")[0] == 413


@pytest.mark.system
def test_a_whole_conversation_with_body_pause_and_teardown(server):
    with Client(server) as client:
        status, headers, sdp = client.ask("DESCRIBE")
        assert status == 200
        assert dict(headers)["Content-Type"] == "application/sdp"
        assert "sprop-parameter-sets=" in sdp
        status, headers, _ = client.ask("SETUP", "open/trackID=0", Transport=f"RTP/AVP;multicast,{TCP}")
        session = dict(headers)["Session"].split(";")[0]
        assert status == 200
        request = f"SET_PARAMETER {client.url}open RTSP/1.0\r\nCSeq: 8\r\nContent-Length: 5\r\n\r\nhello"
        assert client.say(request.encode())[0] == 200
        assert client.ask("PLAY", Session=session)[0] == 200
        channels = [client.packet()[0] for _ in range(8)]
        assert channels[0] == 1  # the report comes first, so that the first picture has its time
        assert 0 in channels


@pytest.mark.system
def test_the_report_says_when_the_picture_was_taken_also_to_who_comes_in_the_middle(server):
    """The pictures since the newest key frame go out at once; each must keep its own time."""
    for _ in range(3):
        with Client(server) as client:
            client.ask("SETUP", "open/trackID=0", Transport=TCP)
            client.ask("PLAY")
            channel, report = client.packet()
            assert (channel, report[1]) == (1, 200)
            seconds, fraction, ticks = struct.unpack("!III", report[8:20])
            reported_s = seconds - 2_208_988_800 + fraction / 2**32
            late_s = []
            for _ in range(14):
                channel, packet = client.packet()
                if channel == 0:
                    ticks_on = (int.from_bytes(packet[4:8], "big") - ticks) & 0xFFFFFFFF
                    late_s.append(time.time() - reported_s - ticks_on / 90_000)
            assert -0.05 < min(late_s) < 0.25  # the quickest of them: a busy machine holds some up


def authorization(challenge, method, uri, account, algorithm):
    nonce = re.search(r'nonce="([^"]+)"', challenge)[1]

    def digest(text):
        return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()

    secret = digest(f"{account.username}:{REALM}:{account.password}")
    response = digest(f"{secret}:{nonce}:00000001:abc:auth:{digest(f'{method}:{uri}')}")
    return (
        f'Digest username="{account.username}", realm="{REALM}", nonce="{nonce}", uri="{uri}", qop=auth, nc=00000001, '
        f'cnonce="abc", algorithm={algorithm}, response="{response}"'
    )


@pytest.mark.system
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_both_algorithms_open_the_door(server, algorithm):
    with Client(server) as client:
        status, headers, _ = client.ask("DESCRIBE", "shut")
        assert status == 401
        challenges = [value for name, value in headers if name == "WWW-Authenticate"]
        offered = next(one for one in challenges if f"algorithm={algorithm}" in one)
        uri = f"{client.url}shut"
        right = authorization(offered, "DESCRIBE", uri, ACCOUNT, algorithm)
        assert client.ask("DESCRIBE", "shut", Authorization=right)[0] == 200
        wrong = authorization(offered, "DESCRIBE", uri, Account("guard", "wrong"), algorithm)
        assert client.ask("DESCRIBE", "shut", Authorization=wrong)[0] == 401
        assert client.ask("SETUP", "shut/trackID=0", Transport=TCP)[0] == 401
        for header in ("Basic Z3VhcmQ6YSBzZWNyZXQgd29yZA==", "Digest", 'Digest username="guard", nonce="é"'):
            assert client.ask("DESCRIBE", "shut", Authorization=header)[0] == 401


class HandClock:
    def __init__(self):
        self.now_s = 1000.0

    def wall_s(self):
        return self.now_s

    def monotonic_s(self):
        return self.now_s


def test_an_old_nonce_is_stale_and_a_made_up_one_wrong():
    clock = HandClock()
    door = Doorkeeper(clock, nonce_life_s=300)
    challenge = door.challenges()[-1]
    assert "stale" not in challenge
    assert "stale=true" in door.challenges(stale=True)[-1]
    right = authorization(challenge, "PLAY", "rtsp://x/y", ACCOUNT, "MD5")
    assert door.verdict(right, "PLAY", ACCOUNT) == "right"
    assert door.verdict(right, "DESCRIBE", ACCOUNT) == "wrong"
    assert door.verdict(right.replace("MD5", "SHA-512"), "PLAY", ACCOUNT) == "wrong"
    clock.now_s += 301
    assert door.verdict(right, "PLAY", ACCOUNT) == "stale"
    assert door.verdict(authorization('nonce="1000-abc"', "PLAY", "u", ACCOUNT, "MD5"), "PLAY", ACCOUNT) == "wrong"


@settings(max_examples=100, derandomize=True)
@given(st.text(max_size=200))
def test_any_authorization_is_judged(header):
    door = Doorkeeper(HandClock())
    assert door.verdict(header, "PLAY", ACCOUNT) == "wrong"
    assert door.verdict("Digest " + header, "PLAY", ACCOUNT) == "wrong"


@settings(max_examples=200, derandomize=True)
@given(
    st.one_of(st.text(max_size=80), st.text("/:[]@RTSP1.0 x\r\n", max_size=40).map("PLAY rtsp://{} RTSP/1.0".format))
)
def test_a_request_is_parsed_or_refused(text):
    try:
        request = parse_request(text)
        assert request.body_bytes >= 0
    except BadRequestError:
        return
    assert request.method
    assert not request.path.startswith("/")


@settings(max_examples=200, derandomize=True)
@given(st.text("RTP/AVPTCUD;,=-interleavdc_po0123456789", max_size=80))
def test_a_transport_that_is_taken_has_real_ports(text):
    transport = parse_transport(text)
    assert transport is None or 0 <= min(transport.pair) <= max(transport.pair) < 65_536


def test_a_machine_without_ports_says_so_and_keeps_the_connection(server, monkeypatch):
    async def none_free(*_):
        raise OSError("no two neighbouring UDP ports are free")

    monkeypatch.setattr(UdpPair, "open", none_free)
    with Client(server) as client:
        assert client.ask("SETUP", Transport="RTP/AVP;unicast;client_port=5000-5001")[0] == 503
        assert client.ask("SETUP", Transport=TCP)[0] == 200
