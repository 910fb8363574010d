"""That a cut is silence, and that what was said meanwhile comes afterwards. `make cuts` cuts off a whole node."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from network_cuts import NoNamespaceError, own_namespace

pytestmark = pytest.mark.system
HERE = Path(__file__).parent
TALK = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from network_cuts import cut, prepare_namespace

prepare_namespace()
door = socket.create_server(("127.0.0.1", 5555))
client = socket.create_connection(("127.0.0.1", 5555), 5)
server, _ = door.accept()
client.settimeout(0.5)
with cut([5555]):
    server.sendall(b"late")
    for hear in (lambda: client.recv(9), lambda: socket.create_connection(("127.0.0.1", 5555), 0.5)):
        try:
            hear()
        except TimeoutError:
            print("silence")
client.settimeout(20)
print(client.recv(9).decode())
"""


def test_a_cut_is_silence_and_loses_nothing():
    try:
        command = own_namespace([sys.executable, "-c", TALK, str(HERE)])
    except NoNamespaceError as error:
        pytest.skip(str(error))
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.stdout.split() == ["silence", "silence", "late"], told.stderr
