"""The true cause of a failure, in a sentence, without a secret in it."""

import resource
import socket
import struct
import threading
from contextlib import contextmanager, suppress

import av
import pytest

from edge.adapters import stream_faults as faults
from edge.adapters.av_source import AvSource
from edge.adapters.rtsp_probe import describe
from edge.adapters.stream_address import StreamAddress
from edge.adapters.stream_faults import scrub, stream_fault
from edge.adapters.system_clock import SystemClock

SECRET = "s3cr3t:/@ü"
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
    "m={media} 0 RTP/AVP {number}\r\na=rtpmap:{number} {name}/90000\r\n"
)


class Deaf:
    """A listener that keeps the faults it hears."""

    def __init__(self):
        self.faults = []

    def connected(self, info, template): ...
    def packet(self, packet, media_s, captured_at_s): ...
    def frame(self, frame): ...
    def disconnected(self, fault):
        self.faults.append(fault)


@contextmanager
def server(answer):
    """A TCP server that gives `answer(request)` (bytes) to each RTSP request; None closes the connection."""
    listening = socket.create_server(("127.0.0.1", 0))
    seen = []

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection):
        with connection, suppress(ConnectionError):
            while request := connection.recv(4096):
                seen.append(request)
                said = answer(request.decode())
                if said is None:
                    return
                connection.sendall(said)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1], seen
    finally:
        listening.close()


def rtsp(status, request, *headers, body=""):
    number = next(line for line in request.splitlines() if line.lower().startswith("cseq"))
    lines = [f"RTSP/1.0 {status}", number, *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def connect(url, username=None, password=None, transport="tcp", stall_s=1.0):
    listener = Deaf()
    address = StreamAddress(url, username, password, transport)
    source = AvSource("gate", address, listener, SystemClock(), analysed_fps=None, stall_s=stall_s)
    fault = source.run_once(threading.Event())
    assert listener.faults == [fault]
    assert source.status.fault == fault
    return fault


def options_then(answer):
    """An RTSP server that knows OPTIONS and answers the rest with `answer`."""

    def reply(request):
        return (
            rtsp("200 OK", request, "Public: DESCRIBE, SETUP, PLAY")
            if request.startswith("OPTIONS")
            else answer(request)
        )

    return reply


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("403 Forbidden", faults.FORBIDDEN),
        ("404 Not Found", faults.NO_SUCH_STREAM),
        ("461 Unsupported Transport", faults.TRANSPORT_REFUSED),
        ("453 Not Enough Bandwidth", faults.CAMERA_ERROR),
        ("503 Service Unavailable", faults.CAMERA_ERROR),
        ("500 Internal Server Error", faults.CAMERA_ERROR),
    ],
)
def test_what_the_camera_answers_is_named(status, code):
    with server(options_then(lambda request: rtsp(status, request))) as (port, _):
        assert connect(f"rtsp://127.0.0.1:{port}/x").code == code


@pytest.mark.parametrize(
    "challenge", ['Digest realm="cam", nonce="abc"', 'Basic realm="cam"', 'Digest realm="c", nonce="a", qop="auth"']
)
@pytest.mark.parametrize(("username", "code"), [("guard", faults.SIGN_IN_REFUSED), (None, faults.SIGN_IN_MISSING)])
def test_a_refused_password_is_told_from_a_missing_one(challenge, username, code):
    refuse = options_then(lambda request: rtsp("401 Unauthorized", request, f"WWW-Authenticate: {challenge}"))
    with server(refuse) as (port, _):
        fault = connect(f"rtsp://127.0.0.1:{port}/x", username, SECRET if username else None)
    assert fault.code == code
    assert "s3cr3t" not in fault.sentence


@pytest.mark.parametrize(
    ("media", "number", "name", "code"),
    [
        ("audio", 8, "PCMA", faults.NOT_VIDEO),
        ("video", 26, "JPEG", faults.UNSUPPORTED_CODEC),
        ("video", 97, "MP4V-ES", faults.UNSUPPORTED_CODEC),
    ],
)
def test_a_stream_that_is_no_use_is_named(media, number, name, code):
    body = SDP.format(media=media, number=number, name=name)

    def answer(request):
        if request.startswith("DESCRIBE"):
            return rtsp("200 OK", request, "Content-Type: application/sdp", body=body)
        return rtsp("461 Unsupported Transport", request)

    with server(options_then(answer)) as (port, _):
        fault = connect(f"rtsp://127.0.0.1:{port}/x")
    assert fault.code == code
    if code == faults.UNSUPPORTED_CODEC:
        assert name.split("-")[0] in fault.sentence.upper()


def test_a_title_in_another_encoding_is_no_fault():
    def answer(request):
        session = "Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
        if request.startswith("DESCRIBE"):
            body = SDP.format(media="video", number=96, name="H264")
            return rtsp("200 OK", request, "Content-Type: application/sdp", body=body).replace(b"s=x", b"s=\xc4")
        return rtsp("200 OK", request, *session)

    with server(options_then(answer)) as (port, _):
        assert connect(f"rtsp://127.0.0.1:{port}/x").code == faults.STALLED


def test_a_camera_that_hangs_up_at_once_is_named(monkeypatch):
    monkeypatch.setattr("edge.adapters.av_source.OPEN_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as door:

        def hang_up():
            with suppress(OSError):
                while True:
                    client, _ = door.accept()
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()

        threading.Thread(target=hang_up, daemon=True).start()
        assert connect(f"rtsp://127.0.0.1:{door.getsockname()[1]}/x").code == faults.CONNECTION_LOST
        door.shutdown(socket.SHUT_RDWR)


def test_something_that_speaks_no_rtsp_is_named(monkeypatch):
    monkeypatch.setattr("edge.adapters.av_source.OPEN_TIMEOUT_S", 0.5)
    with server(lambda request: b"HTTP/1.1 400 Bad Request\r\n\r\n") as (port, _):
        assert connect(f"rtsp://127.0.0.1:{port}/x").code == faults.NOT_RTSP
    with server(lambda request: None) as (port, _):
        assert connect(f"rtsp://127.0.0.1:{port}/x").code == faults.NOT_RTSP


def test_nobody_there_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert connect(f"rtsp://127.0.0.1:{taken.getsockname()[1]}/x").code == faults.CONNECTION_REFUSED
    assert connect("rtsp://no-such-camera.invalid/x").code == faults.NAME_NOT_RESOLVED


def test_a_camera_that_says_nothing_is_named(monkeypatch):
    monkeypatch.setattr("edge.adapters.av_source.OPEN_TIMEOUT_S", 0.5)
    monkeypatch.setattr("edge.adapters.stream_faults.PROBE_S", 0.5)
    with server(lambda request: b"") as (port, _):
        assert connect(f"rtsp://127.0.0.1:{port}/x").code == faults.NO_ANSWER


def test_an_answer_that_comes_in_drips_is_given_up_in_time():
    def drip(connection):
        with connection, suppress(OSError):
            connection.sendall(b"RTSP/1.0 200 OK\r\nX: ")
            for _ in range(100):
                connection.sendall(b"x")
                pause.wait(0.1)

    pause = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=lambda: drip(listening.accept()[0]), daemon=True).start()
        with pytest.raises(TimeoutError):
            describe(f"rtsp://127.0.0.1:{listening.getsockname()[1]}/x", None, None, 0.5)
        pause.set()


def test_a_password_too_long_for_libav_is_refused_with_the_reason():
    fault = connect("rtsp://127.0.0.1:1/x", "guard", "p" * 140)
    assert fault.code == faults.SIGN_IN_TOO_LONG
    assert "shorter password" in fault.sentence


def test_a_missing_file_is_a_fault_and_no_exception():
    assert connect("no-such-file.mp4").code == faults.UNKNOWN


def test_every_code_has_a_sentence_with_a_cure():
    codes = {value for name, value in vars(faults).items() if name.isupper() and isinstance(value, str)}
    assert len(codes) > 20
    for code in codes:
        sentence = stream_fault(
            code, "rtsp://guard:hunter2@10.0.0.9/live?password=hunter2", "x://u:hunter2@h/y"
        ).sentence
        assert "hunter2" not in sentence
        assert sentence.endswith(".")
        assert "{" not in sentence


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("rtsp://guard:pw@cam/x", "rtsp://cam/x"),
        ("rtsp://guard:p%40w@cam:554/x failed, rtsps://a@b", "rtsp://cam:554/x failed, rtsps://b"),
        ("rtsp://guard:p@w@cam/x", "rtsp://cam/x"),
        ("http://cam/cgi?user=a&password=pw&ch=1", "http://cam/cgi?user=a&password=***&ch=1"),
        (
            "rtsp://cam/user=admin_password=tlJw_pbo6_channel=1_stream=0.sdp",
            "rtsp://cam/user=admin_password=***_channel=1_stream=0.sdp",
        ),
        ("rtsp://cam/?pwd=a_b&x=1 and token=c", "rtsp://cam/?pwd=***&x=1 and token=***"),
        ("nothing secret @ all", "nothing secret @ all"),
    ],
)
def test_addresses_are_scrubbed(text, clean):
    assert scrub(text) == clean


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (av.error.ExitError(1, "Immediate exit requested", "rtsp://a:b@c"), faults.STALLED),
        (av.error.EOFError(2, "End of file"), faults.END_OF_STREAM),
        (ConnectionResetError(), faults.CONNECTION_LOST),
        (av.error.InvalidDataError(3, "Invalid data"), faults.DAMAGED_STREAM),
        (OSError(5, "Input/output error"), faults.CONNECTION_LOST),
    ],
)
def test_the_end_of_an_open_stream_is_named(error, code):
    fault = faults.fault_while_reading(error, "rtsp://cam/x")
    assert fault.code == code
    assert "a:b@" not in fault.sentence


def test_a_camera_that_lies_about_a_length_fills_no_memory():
    flood = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 2000000000\r\n\r\n"
    flood += b"a=x\r\n" * 40_000_000
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with server(options_then(lambda _: flood)) as (port, _):
        fault = connect(f"rtsp://127.0.0.1:{port}/x")
    assert fault.code == faults.NOT_VIDEO  # that was read of its description
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100_000  # of the 200 MB sent
