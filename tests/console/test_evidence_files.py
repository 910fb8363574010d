"""Files come whole or not at all, resume in the middle, and go out to those who may have them."""

import dataclasses
import hashlib
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update

from broker.contract import codec, topics
from broker.contract.messages import EventMessage, EvidenceFile, EvidenceMessage
from console.domain.access import Role
from console.store import evidence
from console.store.tables import evidence_file
from console.web.file_store import FileStore

pytestmark = pytest.mark.system
EVENT_ID = str(uuid.UUID(int=9))
DATA = bytes(range(256)) * 400
SHA = hashlib.sha256(DATA).hexdigest()


def announce(desk, sha: str = SHA, size: int = len(DATA), event_id: str = EVENT_ID, **more) -> None:
    facts = {"event_id": event_id, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=desk.clock(), captured_at_s=desk.clock())
    span = {"begins_at_s": 1.0, "ends_at_s": 2.0}
    file = EvidenceFile(role="clip", name="clip.mp4", media_type="video/mp4", bytes=size, sha256=sha, **span, **more)
    message = EvidenceMessage(event_id=event_id, revision=1, camera="gate", files=(file,))
    for number, (topic, content) in enumerate(((topics.EVENT, event), (topics.EVIDENCE, message)), 1):
        desk.intake.take(topic.of("n1"), codec.encode(topic, "n1", content, desk.clock(), "box", number))


def patch(node, data: bytes, offset: int, sha: str = SHA, length: int = len(DATA)):
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(length)}
    return node.patch(f"/api/node/files/{sha}", content=data, headers=headers)


def test_a_file_cut_off_in_the_middle_goes_on_there(desk):
    announce(desk)
    node = desk.node()
    assert patch(node, DATA[:30_000], 0).headers["Upload-Offset"] == "30000"
    assert patch(node, DATA[:30_000], 0).status_code == 409
    state = node.head(f"/api/node/files/{SHA}")
    assert (state.headers["Upload-Offset"], state.headers["Upload-Complete"]) == ("30000", "?0")
    assert patch(node, DATA[30_000:], 30_000).status_code == 204
    state = node.head(f"/api/node/files/{SHA}")
    assert (state.headers["Upload-Offset"], state.headers["Upload-Complete"]) == (str(len(DATA)), "?1")


def test_a_file_with_another_hash_is_thrown_away(desk):
    announce(desk)
    node = desk.node()
    assert patch(node, DATA[:-1] + b"x", 0).status_code == 422
    assert node.head(f"/api/node/files/{SHA}").headers["Upload-Offset"] == "0"
    assert patch(node, DATA, 0).status_code == 204


def test_only_what_was_announced_by_the_same_node_is_taken(desk):
    assert patch(desk.node(), DATA, 0).status_code == 425
    announce(desk)
    assert patch(desk.node(desk.other_token), DATA, 0).status_code == 425
    assert desk.node("wrong").head(f"/api/node/files/{SHA}").status_code == 401
    assert patch(desk.node(), DATA, 0, length=5).status_code == 422
    assert patch(desk.node(), DATA + b"more", 0).status_code == 413
    assert desk.node().head("/api/node/files/..%2f..%2fetc").status_code == 404


def test_people_get_the_file_by_range_and_with_its_hash(desk):
    announce(desk)
    patch(desk.node(), DATA, 0)
    police = desk.browser(Role.POLICE)
    address = f"/api/alerts/{EVENT_ID}/files/clip.mp4"
    part = police.get(address, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, DATA[1000:2000])
    whole = police.get(address + "?download=true")
    assert whole.content == DATA
    assert whole.headers["X-Content-SHA256"] == SHA
    facts = police.get(f"/api/alerts/{EVENT_ID}/facts.json").json()
    assert facts["files"][0]["sha256"] == SHA
    looked = [(entry["user"], entry["action"]) for entry in facts["custody"]]
    assert looked == [("police", "download"), ("police", "download"), ("police", "view")]  # this one is among them
    assert desk.browser(Role.INSTALLER).get(address).status_code == 403
    assert police.get(f"/api/alerts/{EVENT_ID}/files/other.mp4").status_code == 404


def test_video_that_is_missing_is_told_under_the_clip_and_in_the_facts(desk):
    gap = {"from_at_s": 1_790_000_003.0, "to_at_s": 1_790_000_010.0}  # 21:13 in Vietnam
    announce(desk, gaps=(gap,))
    patch(desk.node(), DATA, 0)
    guard = desk.browser(Role.GUARD)
    assert "Thiếu video từ 21:13:23 đến 21:13:30." in guard.get(f"/alerts/{EVENT_ID}").text
    facts = desk.browser(Role.POLICE).get(f"/api/alerts/{EVENT_ID}/facts.json").json()
    assert facts["files"][0]["gaps"] == [gap]


def test_a_clip_without_gaps_claims_none(desk):
    announce(desk)
    patch(desk.node(), DATA, 0)
    assert "video-gaps" not in desk.browser(Role.GUARD).get(f"/alerts/{EVENT_ID}").text


def test_a_page_that_refreshes_itself_is_one_look_an_hour(desk):
    announce(desk)
    guard = desk.browser(Role.GUARD)

    def views() -> int:
        facts = guard.get(f"/api/alerts/{EVENT_ID}/facts.json").json()
        return sum(entry["action"] == "view" for entry in facts["custody"])

    for _ in range(5):
        assert guard.get(f"/alerts/{EVENT_ID}").status_code == 200
    assert views() == 1
    desk.clock.now_s += 3601
    guard.get(f"/alerts/{EVENT_ID}")
    assert views() == 2


def test_the_real_uploader_brings_files_over(desk, tmp_path):
    from edge.adapters.sqlite_outbox import SqliteOutbox
    from edge.adapters.uploader import ConsoleAddress, Uploader

    announce(desk)
    outbox = SqliteOutbox(tmp_path / "outbox.sqlite")
    path = tmp_path / "clip.mp4"
    path.write_bytes(DATA)
    span = {"begins_at_s": 1.0, "ends_at_s": 2.0}
    facts = {"role": "clip", "name": "clip.mp4", "media_type": "video/mp4", "bytes": len(DATA)}
    outbox.put_evidence(EVENT_ID, "gate", [(EvidenceFile(**facts, sha256=SHA, **span), path)], 1.0)
    (tmp_path / "token").write_text(desk.token)
    uploader = Uploader(ConsoleAddress("http://testserver", tmp_path / "token"), outbox, client=desk.node())

    class Stop:
        turns = 0

        def wait(self, _seconds: float) -> bool:
            self.turns += 1
            return self.turns > 3

        def is_set(self) -> bool:
            return False

    uploader.run(Stop())
    assert outbox.uploads(10) == []
    assert path.read_bytes() == DATA  # it stays on the box for its days
    assert desk.browser(Role.POLICE).get(f"/api/alerts/{EVENT_ID}/files/clip.mp4").content == DATA
    outbox.close()


def test_a_console_killed_before_the_check_finishes_the_file_when_asked(desk):
    announce(desk)
    desk.console.web.state.context.files.append(SHA, 0, DATA)
    state = desk.node().head(f"/api/node/files/{SHA}")
    assert state.headers["Upload-Complete"] == "?1"
    assert desk.browser(Role.POLICE).get(f"/api/alerts/{EVENT_ID}/files/clip.mp4").content == DATA


def test_an_invited_guard_gets_the_role_and_the_name_of_the_link(desk):
    from console.web.auth import new_link

    token = new_link(desk.console.database, Role.GUARD, "Mai", desk.clock())
    browser = desk.browser()
    assert "Mai" in browser.get(f"/welcome/{token}").text
    form = {"name": "Somebody", "password": "mat-khau-dai", "again": "mat-khau-dai"}
    assert browser.post(f"/welcome/{token}", data=form).status_code == 303
    assert browser.get("/").status_code == 200
    assert desk.browser().post("/sign-in", data={"name": "mai", "password": "mat-khau-dai"}).status_code == 303


OTHER_EVENT = str(uuid.UUID(int=10))


def stored(desk, event_id: str) -> list[bool]:
    with desk.console.database.read() as connection:
        return [file.stored_at_s is not None for file in evidence.files_of(connection, event_id)]


def test_a_file_that_came_for_an_earlier_event_is_here_for_a_later_one_too(desk):
    announce(desk)
    patch(desk.node(), DATA, 0)
    announce(desk, event_id=OTHER_EVENT)
    assert desk.node().head(f"/api/node/files/{SHA}").headers["Upload-Complete"] == "?1"
    assert stored(desk, OTHER_EVENT) == [True]
    clip = desk.browser(Role.POLICE).get(f"/api/alerts/{OTHER_EVENT}/files/clip.mp4")
    assert clip.content == DATA


def test_one_file_that_two_events_wait_for_comes_once(desk):
    for event_id in (EVENT_ID, OTHER_EVENT):
        announce(desk, event_id=event_id)
    patch(desk.node(), DATA, 0)
    assert stored(desk, EVENT_ID) == stored(desk, OTHER_EVENT) == [True]


@pytest.mark.parametrize("how", ["asked", "started"])
def test_rows_that_an_older_console_left_waiting_are_healed(desk, how):
    for event_id in (EVENT_ID, OTHER_EVENT):
        announce(desk, event_id=event_id)
    patch(desk.node(), DATA, 0)
    with desk.console.database.write() as connection:
        later = evidence_file.c.event_id == OTHER_EVENT
        connection.execute(update(evidence_file).where(later).values(stored_at_s=None))
    assert stored(desk, OTHER_EVENT) == [False]
    if how == "asked":
        desk.node().head(f"/api/node/files/{SHA}")
    else:
        with desk.console.database.write() as connection:
            assert evidence.note_same_files(connection) == 1
    assert stored(desk, OTHER_EVENT) == [True]


def test_bytes_that_are_gone_from_the_consoles_disk_are_asked_for_again(desk):
    announce(desk)
    patch(desk.node(), DATA, 0)
    files = desk.console.web.state.context.files
    files.path(SHA).unlink()
    assert desk.node().head(f"/api/node/files/{SHA}").headers["Upload-Complete"] == "?0"
    patch(desk.node(), DATA, 0)
    assert files.has(SHA)


def test_bytes_for_a_whole_file_leave_nothing_behind(desk, tmp_path):
    announce(desk)
    patch(desk.node(), DATA, 0)
    again = patch(desk.node(), b"y", 0)
    assert (again.status_code, again.headers["Upload-Offset"]) == (409, str(len(DATA)))
    assert list((tmp_path / "evidence/unfinished").iterdir()) == []


def test_what_nobody_went_on_with_for_a_day_is_swept_away(desk, tmp_path):
    parts = tmp_path / "evidence/unfinished"
    for name, age_s in (("old", 90_000), ("young", 80_000)):
        (parts / name).write_bytes(b"x")
        os.utime(parts / name, (desk.clock() - age_s,) * 2)
    announce(desk)
    patch(desk.node(), DATA, 0)
    assert [part.name for part in parts.iterdir()] == ["young"]


def test_a_node_has_only_so_much_in_the_making(desk):
    context = desk.console.web.state.context
    big = dataclasses.replace(context, max_file_bytes=len(DATA))
    desk.console.web.state.context = big
    for number, sha in enumerate("abc", 1):
        announce(desk, sha=sha * 64, event_id=str(uuid.UUID(int=number)))
        begun = patch(desk.node(), DATA[: len(DATA) - 1], 0, sha=sha * 64)
        os.utime(context.files._parts / (sha * 64), (desk.clock(),) * 2) if begun.status_code == 204 else None
        assert begun.status_code == (204 if number < 3 else 413)


def test_the_same_file_sent_several_times_at_once_is_stored_once_and_whole(desk):
    announce(desk)
    node = desk.node()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: patch(node, DATA, 0).status_code, range(12)))
    assert set(answers) <= {200, 201, 204, 409}, answers
    assert hashlib.sha256(desk.console.web.state.context.files.path(SHA).read_bytes()).hexdigest() == SHA


def test_a_file_that_another_request_finishes_meanwhile_disturbs_no_sweep(tmp_path, monkeypatch):
    """It was a 500 to a box that sent something else at that moment."""
    store = FileStore(tmp_path)
    store.append(SHA, 0, DATA)
    listed = list((tmp_path / "unfinished").iterdir())
    assert store.finish(SHA)
    monkeypatch.setattr(Path, "iterdir", lambda _: listed)
    store.sweep(1e12)
    assert store.offset(SHA) == 0
    assert store.has(SHA)
