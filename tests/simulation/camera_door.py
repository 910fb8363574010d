"""A door between a node and a camera: open, shut, or with somebody behind it who is no such camera."""

import select
import socket
import struct
import threading
from contextlib import suppress

_OK = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s"


def _described(media: bytes) -> bytes:
    sdp = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=a\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n" + media
    return _OK % (len(sdp), sdp)


# What is said to DESCRIBE; to OPTIONS all is well.
ANSWERS = {
    "forbidden": b"RTSP/1.0 403 Forbidden\r\nCSeq: 2\r\n\r\n",
    "no_such_stream": b"RTSP/1.0 404 Not Found\r\nCSeq: 2\r\n\r\n",
    "transport_refused": b"RTSP/1.0 461 Unsupported Transport\r\nCSeq: 2\r\n\r\n",
    "camera_error": b"RTSP/1.0 503 Service Unavailable\r\nCSeq: 2\r\n\r\n",
    "not_video": _described(b"m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"),
    "unsupported_codec": _described(b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"),
    "not_rtsp": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
}
OTHERS = ("connection_refused", "no_answer", "connection_lost")
FAULTS = (*ANSWERS, *OTHERS)


class CameraDoor:
    """Listens on a port of its own. `stand` says what whoever connects finds there; who is inside is put out."""

    def __init__(self, camera: tuple[str, int]) -> None:
        self._camera, self._fault = camera, ""
        self._inside: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._door.getsockname()[1]
        self._listen()

    def stand(self, fault: str) -> None:
        """One of FAULTS, named by the word that the node should find for it; empty: the camera itself."""
        before, self._fault = self._fault, fault
        with self._lock:
            inside, self._inside = self._inside, set()
        for one in inside:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if fault == "connection_refused":
            with suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
        elif before == "connection_refused":
            self._door = socket.create_server(("127.0.0.1", self.port), backlog=50)
            self._listen()

    def close(self) -> None:
        """Nobody comes in any more."""
        self.stand("connection_refused")

    def _listen(self) -> None:
        threading.Thread(target=self._let_in, args=(self._door,), daemon=True).start()

    def _let_in(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                with self._lock:
                    self._inside.add(client)
                threading.Thread(target=self._attend, args=(client, self._fault), daemon=True).start()

    def _attend(self, client: socket.socket, fault: str) -> None:
        with client, suppress(OSError):
            if not fault:
                self._pass_on(client)
            elif fault == "no_answer":
                while client.recv(4096):
                    pass
            elif fault == "connection_lost":  # closed with a reset, as by a box that has no place for more
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self._answer(client, ANSWERS[fault], plain=fault == "not_rtsp")
        with self._lock:
            self._inside.discard(client)

    def _answer(self, client: socket.socket, answer: bytes, *, plain: bool) -> None:
        while asked := client.recv(4096):
            options = asked.startswith(b"OPTIONS") and not plain
            client.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n" if options else answer)

    def _pass_on(self, client: socket.socket) -> None:
        with socket.create_connection(self._camera, 5) as camera:
            other = {client: camera, camera: client}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    other[ready].sendall(data)
