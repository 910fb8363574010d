"""A node on trial: cameras played by a process of their own, real workers, nobody to tell; and one who watches them."""

import os
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from edge.adapters.processor_use import memory_of, name_thread, thread_seconds
from edge.adapters.system_clock import SystemClock
from edge.app.bench_figures import Figures, Sighting, figures
from edge.app.demo_stage import DemoError, Stage
from edge.app.supervisor import Supervisor
from edge.app.work_done import FrameDone, WorkDone
from edge.app.worker_process import WorkerReport
from edge.config.environment import child_environment
from edge.config.schema import EdgeConfig
from edge.virtual_camera.sources import split_ahead

PATIENCE_S = 60.0  # for the first frame of the last camera
WARM_UP_S = 5.0  # time lines settle, caches fill, the first events open
_APART_S, _COPY_APART_S = 0.31, 7.37  # so that no two cameras show the same, or send at the same moment
_STAGES = ("read", "vision", "clips")
_WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_RULES = (
    {"kind": "intrusion", "zone": "all", "confirm_s": 0.5},
    {"kind": "crowd", "zone": "all", "people": 2, "hold_s": 1.0},
    {"kind": "loitering", "zone": "all", "dwell_s": 10.0},
)
Say = Callable[[str], None]


class BenchError(Exception):
    """The node could not be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """videos: dealt out to the cameras in turn, each as FILE or FILE@SECONDS. workers: 0, one for each core."""

    videos: tuple[str, ...]
    cameras: int
    fps: float
    seconds: float
    model: str
    workers: int

    def played(self) -> dict[str, str]:
        """What each camera plays, from where on."""
        played = {}
        for number in range(self.cameras):
            file, ahead_s = split_ahead(self.videos[number % len(self.videos)])
            ahead_s += number // len(self.videos) * _COPY_APART_S + number * _APART_S
            played[f"camera-{number + 1}"] = f"{file}@{ahead_s:.2f}"
        return played


class _Logbook:
    """What the workers reported; written by the supervisor's thread, read by the one who watches."""

    def __init__(self) -> None:
        self.frames: deque[FrameDone] = deque()
        self.dropped: dict[str, int] = {}
        self.work: dict[int, WorkDone] = {}  # the latest, by process
        self.arrivals: deque[tuple[str, float]] = deque()

    def note(self, report: WorkerReport) -> None:
        self.work[report.work.process] = report.work
        self.dropped |= {camera.camera: camera.frames_dropped for camera in report.cameras}
        self.arrivals += [(name, -s) for name, s in report.work.clock_offsets_s.items() if s is not None]
        self.frames += report.work.frames


def measure(plan: BenchPlan, folder: Path, say: Say) -> Figures:
    """Runs a node of `plan` for its seconds, from the main thread. folder: empty. say: told how far it is.

    Raises BenchError.
    """
    played = plan.played()
    stage = Stage(folder, quiet=True)
    try:
        with free_port() as port:
            pass
        words = [word for name, source in played.items() for word in ("--camera", f"{name}={source}")]
        serve = ["edge", "virtual-camera", "serve", "--port", str(port), *words]
        with stage.process("cameras", serve, child_environment()), free_port() as nobody:
            stage.wait_for_port(port, "cameras")
            return _Trial(plan, _config(plan, folder, port, nobody), say).run()
    except DemoError as error:
        raise BenchError(str(error)) from None


class _Trial:
    """One life of a node, and what is seen of it."""

    def __init__(self, plan: BenchPlan, config: EdgeConfig, say: Say) -> None:
        self._plan, self._say, self._clock = plan, say, SystemClock()
        self._logbook = _Logbook()
        self._supervisor = Supervisor(config, version("gatehouse"), self._logbook.note)
        self._ended = threading.Event()
        self._figures: Figures | None = None
        self._rss_bytes: list[tuple[float, int]] = []

    def run(self) -> Figures:
        watcher = threading.Thread(target=self._watch, name="bench")
        watcher.start()
        try:
            self._supervisor.run()
        finally:
            self._ended.set()
            watcher.join()
        if self._figures is None:
            silent = [name for name in self._plan.played() if name not in self._seen()]
            why = f"no frame came of {', '.join(silent)}" if silent else "it was stopped"
            raise BenchError(f"{why}; nothing was measured")
        return self._figures

    def _seen(self) -> set[str]:
        return {frame.camera for frame in list(self._logbook.frames)}

    def _watch(self) -> None:
        name_thread("bench")
        try:
            for left_s in range(int(PATIENCE_S), 0, -1):
                if self._wait(1.0) or len(self._seen()) == self._plan.cameras:
                    break
                self._say(f"{self._plan.cameras} cameras: starting, at most {left_s} s more")
            if len(self._seen()) < self._plan.cameras or self._count_down(WARM_UP_S, "warming up"):
                return
            begin, first_arrival = self._sighting(), len(self._logbook.arrivals)
            self._rss_bytes.clear()
            if not self._count_down(self._plan.seconds, "measuring"):
                end = self._sighting()
                self._wait(1.0)  # the last frames are told with the next report
                late: defaultdict[str, list[float]] = defaultdict(list)
                for camera, late_s in list(self._logbook.arrivals)[first_arrival:]:
                    late[camera].append(late_s)
                frames, played = list(self._logbook.frames), self._plan.played()
                self._figures = figures(begin, end, frames, late, played, self._rss_bytes)
        finally:
            self._supervisor.stop()

    def _wait(self, for_s: float) -> bool:
        """Whether the node has ended meanwhile."""
        return self._ended.wait(for_s)

    def _count_down(self, for_s: float, doing: str) -> bool:
        until_s = self._clock.monotonic_s() + for_s
        while (left_s := until_s - self._clock.monotonic_s()) > 0:
            self._say(f"{self._plan.cameras} cameras: {doing}, {left_s:.0f} s left")
            with suppress(OSError):  # one of them died: restarts tell
                rss_bytes = sum(memory_of(process).rss_bytes for process in list(self._logbook.work))
                self._rss_bytes.append((self._clock.monotonic_s(), rss_bytes))
            if self._wait(min(left_s, 1.0)):
                return True
        return False

    def _sighting(self) -> Sighting:
        processes = sorted(self._logbook.work)
        stage_s: defaultdict[str, float] = defaultdict(float)
        rss, pss = [], []
        for process in processes:
            with suppress(OSError):  # it died: restarts tell
                for thread, used_s in thread_seconds(process).items():
                    stage_s[thread if thread in _STAGES else "rest"] += used_s
                memory = memory_of(process)
                rss.append(memory.rss_bytes)
                pss.append(memory.pss_bytes)
        own = {thread: s for thread, s in thread_seconds(os.getpid()).items() if thread != "bench"}
        return Sighting(
            self._clock.monotonic_s(),
            {**stage_s, "supervisor": sum(own.values())},
            sum(work.inferences for work in self._logbook.work.values()),
            sum(work.fill_sum for work in self._logbook.work.values()),
            dict(self._logbook.dropped),
            rss,
            pss,
            len(processes) - len(rss),
        )


def _config(plan: BenchPlan, folder: Path, cameras_port: int, nobody: int) -> EdgeConfig:
    """A node that looks at all of each picture, with neither broker nor console to tell."""
    (folder / "secret").write_text("nobody")
    camera = {"analysed_fps": plan.fps, "rules": _RULES, "zones": [{"name": "all", "polygon": _WHOLE}]}
    camera["recording"] = {"pre_s": 2.0, "post_s": 2.0, "max_bytes": 200_000_000}
    url = f"rtsp://127.0.0.1:{cameras_port}/"
    return EdgeConfig.model_validate(
        {
            "node": {"name": "bench", "state_dir": folder / "node", "workers": plan.workers},
            "broker": {"port": nobody, "tls": False, "password_file": folder / "secret"},
            "console": {"url": f"http://127.0.0.1:{nobody}", "token_file": folder / "secret"},
            "detector": {"model": plan.model},
            "metrics": {"port": 0},
            "cameras": [{"name": name, "url": f"{url}{name}", **camera} for name in plan.played()],
        }
    )


@contextmanager
def free_port() -> Iterator[int]:
    """A port on which nobody listens while the block runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
