"""What the folder of evidence promises of a file that is whole."""

import hashlib
import os

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
