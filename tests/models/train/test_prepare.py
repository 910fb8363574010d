"""From archives, drawn scenes and networks to shards, by the command that users type."""

import io
import tarfile

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge.adapters.onnx_detector import OnnxDetector
from edge.virtual_camera.scene import SceneSpec
from models.cli import app
from models.registry import Registry
from models.train.progress import Reporter
from models.train.shards import read_shards
from models.train.sources import from_drawn_scenes, from_video


def archive(path, label="0 0.5 0.5 0.25 0.5\n1 0.1 0.1 0.1 0.1\n", picture=None):
    coded, data = cv2.imencode(".jpg", np.full((120, 160, 3), 90, np.uint8))
    assert coded
    with tarfile.open(path, "w") as tar:
        for name, content in (("images/a/1.jpg", picture or data.tobytes()), ("labels/a/1.txt", label.encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def run(*words):
    return CliRunner().invoke(app, ["train", "prepare", *map(str, words)])


def test_an_archive_becomes_a_shard_of_people_only(tmp_path):
    result = run(tmp_path / "out", "--archive", archive(tmp_path / "a.tar"))
    assert result.exit_code == 0, result.output
    (one,) = read_shards([tmp_path / "out-0.npz"])
    assert one.size == (160, 120)
    assert one.people.tolist() == [[60, 30, 100, 90, 1]]


def test_an_archive_by_night_is_grey_and_always_the_same(tmp_path):
    bgr = np.zeros((120, 160, 3), np.uint8)
    bgr[30:90, 60:100] = (250, 60, 200)
    coded, data = cv2.imencode(".jpg", bgr)
    assert coded
    made = archive(tmp_path / "a.tar", picture=data.tobytes())
    shards = []
    for name in ("one", "again"):
        assert run(tmp_path / name, "--archive", made, "--by-night").exit_code == 0
        shards += read_shards([tmp_path / f"{name}-0.npz"])
    assert shards[0].jpeg == shards[1].jpeg
    night = cv2.imdecode(np.frombuffer(shards[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert np.ptp(night.astype(int), axis=2).max() <= 12
    assert shards[0].people[:, :4].tolist() == [[60, 30, 100, 90]]


def test_the_time_left_of_an_archive_counts_from_its_own_beginning(tmp_path, monkeypatch):
    told = []

    class Told:
        def __init__(self, name):
            self.name = name
            told.append(f"{name} begins")

        def __call__(self, done, total):
            told.append(f"{self.name}: {done} of {total}")

    monkeypatch.setattr("models.train.prepare_command.Reporter", Told)
    made = [archive(tmp_path / name) for name in ("a.tar", "b.tar")]
    assert run(tmp_path / "out", "--archive", made[0], "--archive", made[1]).exit_code == 0
    first, second = "a.tar, 1 of 2", "b.tar, 2 of 2"
    assert told[:4] == [f"{first} begins", f"{first}: 1 of 1", f"{second} begins", f"{second}: 1 of 1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nothing to prepare"),
        (["--scenes", "9:3"], "FIRST:LAST"),
        (["--scenes", "3:9", "--light", "moon"], "night_ir"),
        (["--video", "x.mp4"], "--teacher"),
        (["--archive", "missing.tar"], "missing.tar"),
    ],
)
def test_what_cant_be_prepared_is_named_with_its_cure(tmp_path, words, told):
    result = run(tmp_path / "out", *words)
    assert result.exit_code == 2
    assert told in result.output


def test_a_broken_picture_or_label_is_named(tmp_path):
    for made in (archive(tmp_path / "a.tar", picture=b"no jpeg"), archive(tmp_path / "b.tar", label="0 x")):
        result = run(tmp_path / "out", "--archive", made)
        assert result.exit_code == 2
        assert made.name in result.output
        assert not (tmp_path / "out-0.npz").exists()


def packed(path, files, mode="w"):
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


JPEG = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8))[1].tobytes()


def test_an_archive_without_pictures_or_labels_leaves_the_old_shards(tmp_path):
    assert run(tmp_path / "out", "--archive", archive(tmp_path / "a.tar")).exit_code == 0
    before = (tmp_path / "out-0.npz").read_bytes()
    for files in ({}, {"images/1.jpg": JPEG}, {"images/1.jpg": JPEG, "labels/2.txt": b""}):
        refused = run(tmp_path / "out", "--archive", packed(tmp_path / "empty.tar", files))
        assert refused.exit_code == 2
        assert "empty.tar holds no pictures with labels" in refused.output
        assert (tmp_path / "out-0.npz").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "empty.tar", "out-0.npz"]


def test_an_archive_that_cant_be_read_is_told_in_one_line(tmp_path):
    whole = packed(tmp_path / "cut.tar.gz", {f"images/{n}.jpg": JPEG for n in range(9)} | {"labels/1.txt": b""}, "w:gz")
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "text.tar").write_text("no tar file " * 100)
    label = packed(tmp_path / "label.tar", {"images/1.jpg": JPEG, "labels/1.txt": b"\xff\xfe0"})
    cut = packed(tmp_path / "cut.tar", {"images/1.jpg": JPEG[:-900], "labels/1.txt": b""})
    twice = packed(tmp_path / "twice.tar", {"images/1.jpg": JPEG, "images/1.png": JPEG, "labels/1.txt": b""})
    for path, words in (
        (whole, "cut.tar.gz can't be read to its end"),
        (tmp_path / "text.tar", "text.tar is no tar file"),
        (label, "labels/1.txt can't be read (it is not text); mend it"),
        (cut, "images/1.jpg breaks off before its end"),
        (twice, "twice.tar holds pictures that share a label"),
    ):
        refused = run(tmp_path / "out", "--archive", path)
        assert refused.exit_code == 2, refused.output
        assert words in refused.output
        assert refused.output.count("\n") == 1, refused.output
    assert not list(tmp_path.glob("out*")) + list(tmp_path.glob(".out*"))


def test_who_and_how_many_are_told(tmp_path):
    done = run(tmp_path / "out", "--archive", archive(tmp_path / "a.tar", label="1 0.5 0.5 0.25 0.5"))
    assert "1 pictures with 0 people; nobody is on 1 of them" in done.output


def test_who_can_not_be_seen_by_night_is_undecided(tmp_path):
    assert run(tmp_path / "out", "--archive", archive(tmp_path / "a.tar"), "--by-night").exit_code == 0
    (one,) = read_shards([tmp_path / "out-0.npz"])
    assert one.people[:, 4].tolist() == [0.0], "a plain grey wall shows nobody"


def test_every_eighth_drawn_scene_is_empty():
    empty, peopled = (
        [len(one.people) for one in from_drawn_scenes(range(seed, seed + 1), 3, lambda *_: None)]
        for seed in (1008, 1009)
    )
    assert (sum(empty), sum(peopled) > 0) == (0, True)


def test_who_is_hidden_is_undecided(monkeypatch):
    hidden = [one.people for one in from_drawn_scenes(range(1001, 1004), 4, lambda *_: None)]
    monkeypatch.setattr("models.train.sources.HIDDEN", 0.0)
    all_sure = [one.people for one in from_drawn_scenes(range(1001, 1004), 4, lambda *_: None)]
    assert all((people[:, 4] == 1).all() for people in all_sure)
    undecided = sum(int((people[:, 4] == 0).sum()) for people in hidden)
    assert 0 < undecided < sum(map(len, hidden)) / 2


def test_a_video_gives_a_picture_each_so_many_seconds(tmp_path):
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for shade in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 4 * shade, np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    teacher = OnnxDetector(*Registry(tmp_path).find("person_416"))
    for every_s, pictures in ((0.5, 6), (1.0, 3)):
        assert len(list(from_video(tmp_path / "v.mp4", [teacher], every_s, lambda *_: None))) == pictures


def test_drawn_scenes_bring_their_truth():
    told = []
    samples = list(from_drawn_scenes(range(1001, 1003), 2, lambda *how_far: told.append(how_far)))
    assert told == [(1, 2), (2, 2)]
    assert len(samples) == 4
    people = np.concatenate([one.people for one in samples])
    assert len(people) >= 4
    assert set(people[:, 4]) <= {0.0, 1.0}
    assert (people[:, 2] <= 640).all()
    assert (people[:, 3] <= 360).all()
    assert all(one.size == (SceneSpec(1).width, SceneSpec(1).height) for one in samples)


def test_drawn_scenes_of_one_light_with_things_about():
    (night,) = from_drawn_scenes(range(1001, 1002), 1, lambda *_: None, "night_ir")
    (things,) = from_drawn_scenes(range(1001, 1002), 1, lambda *_: None, "night_ir", things=True)
    pictures = [
        cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int) for one in (night, things)
    ]
    assert all(np.ptp(one[60:300], axis=2).max() <= 6 for one in pictures)
    assert (np.abs(pictures[0] - pictures[1]).max(axis=2) > 30).mean() > 0.002


def test_progress_says_the_share_and_the_time_left(capsys):
    class Clock:
        now_s = 0.0

        def monotonic_s(self):
            return self.now_s

        wall_s = monotonic_s

    clock = Clock()
    tell = Reporter("fit", 10.0, 100, clock)
    tell(101, 300, "loss 2")
    clock.now_s = 20.0
    tell(150, 300, "loss 2")
    clock.now_s = 21.0
    tell(151, 300)
    tell(300, 300)
    assert capsys.readouterr().out.splitlines() == [
        "fit: 150 of 300 (50%), 60 s left; loss 2",
        "fit: 300 of 300 (100%), 0 s left",
    ]
