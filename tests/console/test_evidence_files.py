"""Files come whole or not at all, resume in the middle, and go out to those who may have them."""

import hashlib
import os
import shutil
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
from console.web.file_store import KEPT_FREE_BYTES, LARGEST_PIECE_BYTES, FileStore

pytestmark = pytest.mark.system
EVENT_ID = str(uuid.UUID(int=9))
DATA = bytes(range(256)) * 400
SHA = hashlib.sha256(DATA).hexdigest()


def announce(desk, sha: str = SHA, size: int = len(DATA), event_id: str = EVENT_ID, node: str = "n1", **more) -> None:
    facts = {"event_id": event_id, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=desk.clock(), captured_at_s=desk.clock())
    span = {"begins_at_s": 1.0, "ends_at_s": 2.0}
    file = EvidenceFile(role="clip", name="clip.mp4", media_type="video/mp4", bytes=size, sha256=sha, **span, **more)
    message = EvidenceMessage(event_id=event_id, revision=1, camera="gate", files=(file,))
    for number, (topic, content) in enumerate(((topics.EVENT, event), (topics.EVIDENCE, message)), 1):
        desk.intake.take(topic.of(node), codec.encode(topic, node, content, desk.clock(), "box", number))


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


def test_a_console_killed_before_the_check_finishes_the_file_when_asked(desk):
    announce(desk)
    desk.console.web.state.context.files.append("1", SHA, 0, DATA)
    state = desk.node().head(f"/api/node/files/{SHA}")
    assert state.headers["Upload-Complete"] == "?1"
    clip = desk.browser(Role.POLICE).get(f"/api/alerts/{EVENT_ID}/files/clip.mp4")
    assert (clip.content, clip.headers["Cache-Control"]) == (DATA, "private, no-cache")


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


def test_what_nobody_went_on_with_for_days_is_swept_away(desk, tmp_path):
    parts = tmp_path / "evidence/unfinished"
    for name, age_s in (("old", 260_000), ("young", 250_000)):
        (parts / name).write_bytes(b"x")
        os.utime(parts / name, (desk.clock() - age_s,) * 2)
    announce(desk)
    patch(desk.node(), DATA, 0)
    assert [part.name for part in parts.iterdir()] == ["young"]


def begin(desk, number: int, token: str | None = None, node: str = "n1", size: int = len(DATA)) -> int:
    """Half of a made-up file; the older the smaller its number. Returns the status."""
    sha = f"{number:064x}"
    announce(desk, sha=sha, size=size, event_id=str(uuid.UUID(int=number)), node=node)
    status = patch(desk.node(token), DATA[: min(size, len(DATA)) - 1], 0, sha=sha, length=size).status_code
    files = desk.console.web.state.context.files
    for part in files._parts.glob(f"*-{sha}"):
        os.utime(part, (desk.clock() - 10_000 + number,) * 2)
    return status


def halves(desk, owner: str = "1") -> list[int]:
    return sorted(int(part.name[2:], 16) for part in desk.console.web.state.context.files._parts.glob(f"{owner}-*"))


def test_past_its_bytes_a_box_loses_the_half_that_it_left_longest_and_no_other_box_loses_any(desk):
    desk.console.web.state.context.files._most_bytes = 3 * len(DATA)
    assert begin(desk, 1, desk.other_token, "n2") == 204
    assert [begin(desk, number) for number in range(2, 7)] == [204] * 5  # an honest box's newest is never refused
    assert (halves(desk), halves(desk, "2")) == ([4, 5, 6], [1])
    desk.console.web.state.context.files._most_bytes = 2 * len(DATA)
    assert patch(desk.node(), DATA[-1:], len(DATA) - 1, sha=f"{5:064x}").status_code == 422  # it grew to its end
    assert halves(desk) == [6]


def test_files_begun_small_count_as_they_grow(desk):
    """A bound that is looked at only at the beginning is none."""
    desk.console.web.state.context.files._most_bytes = 2 * len(DATA)
    for number in range(1, 9):
        sha = f"{number:064x}"
        announce(desk, sha=sha, event_id=str(uuid.UUID(int=number)))
        assert patch(desk.node(), DATA[:1], 0, sha=sha).status_code == 204
    for number in range(1, 9):
        patch(desk.node(), DATA[1:-1], 1, sha=f"{number:064x}")
    parts = desk.console.web.state.context.files._parts
    assert sum(part.stat().st_size for part in parts.iterdir()) <= 2 * len(DATA)


def test_a_box_has_only_so_many_files_in_the_making(desk, monkeypatch):
    monkeypatch.setattr("console.web.file_store.MOST_UNFINISHED", 3)
    assert [begin(desk, number) for number in range(1, 6)] == [204] * 5
    assert halves(desk) == [3, 4, 5]


def test_a_full_disk_takes_no_evidence_is_told_and_the_file_goes_on_when_there_is_room(desk, monkeypatch):
    announce(desk)
    assert patch(desk.node(), DATA[:1000], 0).status_code == 204
    free = [0]
    usage = shutil.disk_usage(desk.console.web.state.context.files._parts)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(total=10**12, free=KEPT_FREE_BYTES + free[0]))
    guard = desk.browser(Role.GUARD)
    answer = patch(desk.node(), DATA[1000:], 1000)
    assert (answer.status_code, answer.json()) == (507, {"error": "no_room"})
    for path in ("/", "/wall", "/cameras"):
        assert "Ổ đĩa của máy chủ đã đầy" in guard.get(path).text
    assert desk.node().head(f"/api/node/files/{SHA}").headers["Upload-Offset"] == "1000"
    free[0] = len(DATA)  # a picture finds room, a piece of a clip may not
    assert patch(desk.node(), DATA[1000:], 1000).status_code == 204
    assert "Ổ đĩa của máy chủ đã đầy" in guard.get("/").text
    free[0] = LARGEST_PIECE_BYTES
    assert "Ổ đĩa của máy chủ đã đầy" not in guard.get("/").text


def test_a_disk_of_evidence_that_is_away_is_told_on_a_wall_that_goes_on(desk, tmp_path):
    (tmp_path / "evidence/files").rename(tmp_path / "gone")
    assert "Ổ đĩa của máy chủ đã đầy hoặc không truy cập được" in desk.browser(Role.GUARD).get("/").text


def test_for_room_on_the_disk_a_box_gives_its_own_older_halves_and_only_where_that_helps(desk, monkeypatch):
    for number in (1, 2):
        begin(desk, number)
    begin(desk, 3, desk.other_token, "n2")
    usage = shutil.disk_usage(desk.console.web.state.context.files._parts)
    spare = [10]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(total=10**12, free=KEPT_FREE_BYTES + spare[0]))
    assert begin(desk, 4) == 204
    assert (halves(desk), halves(desk, "2")) == ([2, 4], [3])
    spare[0] = -3 * len(DATA)
    assert begin(desk, 5) == 507
    assert (halves(desk), halves(desk, "2")) == ([2, 4], [3])


def test_what_another_box_brought_is_neither_known_nor_claimed_by_its_hash(desk):
    announce(desk)
    patch(desk.node(), DATA, 0)
    announce(desk, event_id=OTHER_EVENT, node="n2")
    other, police = desk.node(desk.other_token), desk.browser(Role.POLICE)
    address = f"/api/alerts/{OTHER_EVENT}/files/clip.mp4"
    state = other.head(f"/api/node/files/{SHA}").headers
    assert (state["Upload-Complete"], state["Upload-Offset"]) == ("?0", "0")  # as if nobody had it
    assert stored(desk, OTHER_EVENT) == [False]
    assert police.get(address).status_code == 404
    assert patch(other, bytes(len(DATA)), 0).status_code == 422  # other bytes prove nothing
    assert other.head(f"/api/node/files/{SHA}").headers["Upload-Complete"] == "?0"
    assert stored(desk, OTHER_EVENT) == [False]


def test_a_box_that_has_the_same_file_as_another_brings_it_once_and_is_not_asked_again(desk, tmp_path):
    announce(desk)
    patch(desk.node(), DATA, 0)
    announce(desk, event_id=OTHER_EVENT, node="n2")
    other = desk.node(desk.other_token)
    assert patch(other, DATA[:30_000], 0).status_code == 204
    assert patch(other, DATA[30_000:], 30_000).status_code == 204
    assert other.head(f"/api/node/files/{SHA}").headers["Upload-Complete"] == "?1"
    assert stored(desk, EVENT_ID) == stored(desk, OTHER_EVENT) == [True]
    assert list((tmp_path / "evidence/unfinished").iterdir()) == []
    assert desk.browser(Role.POLICE).get(f"/api/alerts/{OTHER_EVENT}/files/clip.mp4").content == DATA


def test_a_file_whose_note_fails_is_not_asked_for_from_its_beginning(desk):
    """The database was busy at the last byte: the clip is here, and the next question is its end."""
    announce(desk)
    files = desk.console.web.state.context.files
    files.append("1", SHA, 0, DATA)

    def busy() -> None:
        raise OSError("busy")

    with pytest.raises(OSError, match="busy"):
        files.finish("1", SHA, busy)
    assert not files.has(SHA)
    assert desk.node().head(f"/api/node/files/{SHA}").headers["Upload-Complete"] == "?1"


def test_the_same_file_sent_several_times_at_once_is_stored_once_and_whole(desk):
    announce(desk)
    node = desk.node()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: patch(node, DATA, 0).status_code, range(12)))
    assert set(answers) <= {200, 201, 204, 409}, answers
    assert hashlib.sha256(desk.console.web.state.context.files.path(SHA).read_bytes()).hexdigest() == SHA


def test_halves_of_the_same_file_by_two_boxes_never_mix(desk):
    """The second one announces the very same picture, but sends another: it spoils its own half alone."""
    announce(desk)
    announce(desk, event_id=OTHER_EVENT, node="n2")
    first, second = desk.node(), desk.node(desk.other_token)
    assert patch(first, DATA[:30_000], 0).status_code == 204
    assert second.head(f"/api/node/files/{SHA}").headers["Upload-Offset"] == "0"
    assert patch(second, bytes(len(DATA) - 1), 0).status_code == 204
    assert patch(first, DATA[30_000:], 30_000).status_code == 204
    assert desk.browser(Role.POLICE).get(f"/api/alerts/{EVENT_ID}/files/clip.mp4").content == DATA


def test_a_file_that_another_request_finishes_meanwhile_disturbs_no_sweep(tmp_path, monkeypatch):
    """It was a 500 to a box that sent something else at that moment."""
    store = FileStore(tmp_path)
    store.append("1", SHA, 0, DATA)
    listed = list((tmp_path / "unfinished").iterdir())
    assert store.finish("1", SHA)
    monkeypatch.setattr(Path, "iterdir", lambda _: listed)
    store.sweep(1e12)
    assert store.offset("1", SHA) == 0
    assert store.has(SHA)
