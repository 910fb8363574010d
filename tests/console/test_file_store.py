"""What the folder of evidence promises of a file that is whole, also where two consoles serve it."""

import hashlib
import os
import threading
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet

from console.app import one_hears
from console.app.one_hears import OneHears
from console.store.sealed import Seal
from console.web.file_store import FileStore

DATA = b"moving pictures" * 1000
SHA = hashlib.sha256(DATA).hexdigest()


def test_a_file_outlives_a_power_cut_once_its_box_may_forget_it(tmp_path, monkeypatch):
    """Its new name is on the disk before the answer, not only its bytes."""
    store = FileStore(tmp_path)
    store.append("1", SHA, 0, DATA)
    done, flush, note = [], os.fsync, lambda: done.append("noted")
    monkeypatch.setattr(
        os, "fsync", lambda handle: done.append(os.readlink(f"/proc/self/fd/{handle}")) or flush(handle)
    )
    assert store.finish("1", SHA, note)
    place = store.path(SHA)
    assert done == ["noted", str(place.parent), str(place.parent.parent)]
    assert place.read_bytes() == DATA


@pytest.fixture
def consoles(tmp_path):
    """Two of them on one folder; as two processes do, each opens its own files."""
    return FileStore(tmp_path), FileStore(tmp_path)


def test_two_consoles_on_one_folder_add_nothing_to_a_file_that_the_other_has_found_whole(consoles):
    first, second = consoles
    first.append("1", SHA, 0, DATA)
    refused = []

    def add_late() -> None:
        try:
            second.append("1", SHA, len(DATA), b"the same piece once more")
        except ValueError as error:
            refused.append(str(error))

    late = threading.Thread(target=add_late)

    def meanwhile() -> None:
        late.start()
        late.join(0.3)

    assert first.finish("1", SHA, meanwhile)
    late.join(10)
    assert second.path(SHA).read_bytes() == DATA
    assert refused == ["not at the end of the unfinished file"]


def test_a_console_sweeps_nothing_away_that_the_other_goes_on_with(consoles, tmp_path):
    first, second = consoles
    first.append("1", SHA, 0, DATA[:10])
    (part,) = (tmp_path / "unfinished").iterdir()
    os.utime(part, (1000.0, 1000.0))
    sweeping = threading.Thread(target=first.sweep, args=(2000.0,))
    with second._turn("1"), part.open("ab") as growing:  # as `append` does
        sweeping.start()
        sweeping.join(0.3)
        growing.write(DATA[10:20])
    sweeping.join(10)
    assert second.offset("1", SHA) == 20


def test_two_consoles_that_start_at_once_have_one_key_between_them(tmp_path, monkeypatch):
    """The one that came second found an empty file, or made a key that opens nothing of the other."""
    make, others = Fernet.generate_key, []

    def meanwhile() -> bytes:
        monkeypatch.undo()
        others.append(Seal(tmp_path / "secrets.key"))
        return make()

    monkeypatch.setattr(Fernet, "generate_key", meanwhile)
    mine = Seal(tmp_path / "secrets.key")
    assert mine.open(others[0].seal("a secret")) == "a secret"
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.key"]
    assert (tmp_path / "secrets.key").stat().st_mode & 0o077 == 0


def test_of_two_consoles_on_one_folder_one_hears_the_boxes_and_the_other_goes_on_after_it(tmp_path):
    begun = [threading.Event(), threading.Event()]
    stop = [threading.Event(), threading.Event()]

    def console(number: int) -> OneHears:
        def hear(ended: threading.Event) -> None:
            begun[number].set()
            ended.wait(20)

        return OneHears(tmp_path / "hearing", hear, lambda: False)

    both = [console(0), console(1)]
    threads = [threading.Thread(target=one.run, args=(ended,)) for one, ended in zip(both, stop, strict=True)]
    threads[0].start()
    assert begun[0].wait(10)
    threads[1].start()
    assert not begun[1].wait(0.3)
    assert [one.is_heard() for one in both] == [False, True]
    stop[0].set()
    assert begun[1].wait(10)
    assert not both[1].is_heard()  # it has not reached the broker itself
    stop[1].set()
    for one in threads:
        one.join(10)


def test_a_console_that_waits_says_so_where_the_other_hangs_or_has_lost_the_broker(tmp_path, monkeypatch):
    """It said for ever that the boxes are heard."""
    monkeypatch.setattr(one_hears, "AGAIN_S", 0.02)
    monkeypatch.setattr(one_hears, "SILENT_S", 0.5)
    connected, stop = threading.Event(), threading.Event()
    connected.set()
    first = OneHears(tmp_path / "hearing", lambda ended: ended.wait(20), connected.is_set)
    second = OneHears(tmp_path / "hearing", lambda ended: ended.wait(20), lambda: False)
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in (first, second)]
    threads[0].start()
    wait_until(lambda: (tmp_path / "hearing").exists() and first.is_heard())
    threads[1].start()
    wait_until(second.is_heard)
    connected.clear()  # as where it hangs: it touches the file no longer
    wait_until(lambda: not second.is_heard())
    connected.set()
    wait_until(second.is_heard)
    stop.set()
    for one in threads:
        one.join(10)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Fails after ten seconds."""
    pause = threading.Event()
    for _ in range(1000):
        if is_so():
            return
        pause.wait(0.01)
    pytest.fail("it never came")
