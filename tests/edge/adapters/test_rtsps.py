"""Cameras over TLS: read, proven where their authority is known, told apart when not what they seem."""

import logging
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import numpy as np
import pytest

from broker.certificates import make_certificates
from edge.adapters import stream_faults as faults
from edge.adapters.av_source import AvSource
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.digest import Account
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras

SECRET = "s3cr3t w0rd"


class Looker:
    """A listener that stops the source at its first packet."""

    def __init__(self, stop: threading.Event) -> None:
        self.packets, self._stop = 0, stop

    def connected(self, info, template): ...
    def frame(self, frame): ...
    def disconnected(self, fault): ...
    def packet(self, packet, media_s, captured_at_s):
        self.packets += 1
        self._stop.set()


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def tls_in_front_of(port: int, folder):
    """Speaks TLS with the certificate in `folder` and passes on to `port`; yields its own port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    listening = socket.create_server(("127.0.0.1", 0))

    def talk(plain: socket.socket) -> None:
        with suppress(OSError):
            outside = context.wrap_socket(plain, server_side=True)
            inside = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=pump, args=(outside, inside), daemon=True).start()
            pump(inside, outside)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """Port of the TLS camera, of the plain one behind it, and the folder of its keys."""
    folder = tmp_path_factory.mktemp("keys")
    make_certificates(folder, "127.0.0.1")
    pictures = [np.full((96, 128, 3), shade, np.uint8) for shade in range(0, 200, 10)]
    one = VirtualCamera("gate", encode(PictureList(pictures, 10.0)), account=Account("guard", SECRET))
    with serve_cameras([one], SystemClock()) as server:
        plain = urlsplit(server.url("gate")).port
        with tls_in_front_of(plain, folder) as port:
            yield port, plain, folder


def read(port: int, *, password=SECRET, ca_file=None):
    stop = threading.Event()
    looker = Looker(stop)
    address = StreamAddress(f"rtsps://127.0.0.1:{port}/gate", "guard", password, "tcp", ca_file)
    source = AvSource("gate", address, looker, SystemClock(), analysed_fps=None, stall_s=4.0)
    return source.run_once(stop), looker.packets


def test_a_camera_over_tls_is_read(camera):
    fault, packets = read(camera[0])
    assert (fault.code, packets > 0) == (faults.STOPPED, True)


def test_its_certificate_is_proven_where_its_authority_is_known(camera, tmp_path):
    port, _, keys = camera
    fault, packets = read(port, ca_file=keys / "ca.crt")
    assert (fault.code, packets > 0) == (faults.STOPPED, True)
    make_certificates(tmp_path, "127.0.0.1")
    fault, packets = read(port, ca_file=tmp_path / "ca.crt")
    assert (fault.code, packets) == (faults.CERTIFICATE_UNTRUSTED, 0)
    assert "set `ca_file` to the authority" in fault.sentence


def test_a_wrong_password_over_tls_is_named_and_written_nowhere(camera, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        fault, packets = read(camera[0], password="wr0ng w0rd")
    assert (fault.code, packets) == (faults.SIGN_IN_REFUSED, 0)
    everything = caplog.text + "".join(capfd.readouterr()) + repr(fault)
    assert "wr0ng" not in everything


def test_a_camera_without_tls_is_named(camera):
    fault, packets = read(camera[1])
    assert (fault.code, packets) == (faults.NOT_TLS, 0)
    assert "write rtsp:// instead of rtsps://" in fault.sentence
