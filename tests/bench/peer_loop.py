"""Runs in `.venv-peer`: what users would otherwise run on their cameras, as its makers' guides show it.

    .venv-peer/bin/python tests/bench/peer_loop.py --model FILE.onnx --fps 5 --seconds 15 --processes 2 RTSP-URL ...

cv2.VideoCapture -> ultralytics YOLO on onnxruntime -> ByteTrack of `trackers` -> PolygonZone and time in zone of
supervision. Made as strong as it gets without another design: a thread a camera grabs every picture and turns only
those into BGR that are wanted, the newest waits for the network and replaces an older one; with `--processes N` each
process has a network, its share of the cameras and a core of its own, with 1 one network uses all cores. Only
classes=[0] is asked for, no picture is drawn, nothing is recorded. Prints JSON; the time of a picture begins when
OpenCV hands it over, so what the decoder or the reading is late is not in it.
"""

import argparse
import json
import multiprocessing
import os
import resource
import threading
import time

WARM_UP_S = 3.0
PATIENCE_S = 90.0


class Camera(threading.Thread):
    """Grabs pictures and keeps the newest one that is wanted."""

    def __init__(self, url: str, fps: float, ready: threading.Condition) -> None:
        super().__init__(daemon=True)
        self.url, self.period_s, self.ready = url, 1 / fps, ready
        self.waiting: tuple[object, float] | None = None
        self.dropped = self.grabbed = 0

    def run(self) -> None:
        import cv2

        video = cv2.VideoCapture(self.url, cv2.CAP_FFMPEG)
        due_s = 0.0
        while video.grab():
            at_s = time.monotonic()
            self.grabbed += 1
            if at_s < due_s - 0.02:  # half a picture early is as near as it gets
                continue
            due_s = max(due_s + self.period_s, at_s + self.period_s / 2)
            sound, picture = video.retrieve()
            if sound:
                with self.ready:
                    self.dropped += self.waiting is not None
                    self.waiting = (picture, at_s)
                    self.ready.notify()


class Watcher:
    """One process: a network and its cameras."""

    def __init__(self, model: str, urls: list[str], fps: float) -> None:
        import numpy as np
        import supervision as sv
        from trackers import ByteTrackTracker
        from ultralytics import YOLO
        from ultralytics.nn.autobackend import AutoBackend

        try:
            import torchvision  # noqa: F401 its suppression is used where it can be
        except RuntimeError:  # built for another PyTorch: ultralytics then uses its own, but imports it to warm up
            AutoBackend.warmup = lambda *_, **__: None
        self.sv, self.ready = sv, threading.Condition()
        self.network = YOLO(model, task="detect")
        self.network.predict(np.zeros((360, 480, 3), np.uint8), imgsz=640, classes=[0], verbose=False)
        self.cameras = [Camera(url, fps, self.ready) for url in urls]
        self.trackers = [ByteTrackTracker(frame_rate=fps) for _ in urls]
        self.zones: list[object] = [None] * len(urls)
        self.entered_s: list[dict[int, float]] = [{} for _ in urls]
        self.done: list[tuple[int, float, float]] = []  # camera, captured, finished

    def loop(self, stop: threading.Event) -> None:
        for camera in self.cameras:
            camera.start()
        while not stop.is_set():
            with self.ready:
                if not self.ready.wait_for(lambda: any(one.waiting for one in self.cameras), 0.2):
                    continue
                waiting = [(one.waiting[1], number) for number, one in enumerate(self.cameras) if one.waiting]
                at_s, number = min(waiting)
                picture = self.cameras[number].waiting[0]
                self.cameras[number].waiting = None
            self.look(number, picture, at_s)
            self.done.append((number, at_s, time.monotonic()))

    def look(self, number: int, picture, at_s: float) -> None:
        import numpy as np

        height, width = picture.shape[:2]
        if self.zones[number] is None:
            corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
            self.zones[number] = self.sv.PolygonZone(corners)
        result = self.network.predict(picture, imgsz=640, classes=[0], conf=0.35, verbose=False)[0]
        people = self.trackers[number].update(self.sv.Detections.from_ultralytics(result))
        inside = people[self.zones[number].trigger(people)]
        times = self.entered_s[number]
        for person in inside.tracker_id if len(inside) else ():
            times.setdefault(int(person), at_s)


def work(model: str, urls: list[str], fps: float, core: int | None, pipe) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    watcher, stop = Watcher(model, urls, fps), threading.Event()
    thread = threading.Thread(target=watcher.loop, args=(stop,))
    thread.start()
    begun_s = time.monotonic()
    while len({number for number, *_ in watcher.done}) < len(urls) and time.monotonic() - begun_s < PATIENCE_S:
        time.sleep(0.1)
    pipe.send("ready")
    begin_s, end_s = pipe.recv()
    time.sleep(max(0.0, begin_s - time.monotonic()))
    dropped, used = [camera.dropped for camera in watcher.cameras], resource.getrusage(resource.RUSAGE_SELF)
    time.sleep(max(0.0, end_s - time.monotonic()))
    lost = [camera.dropped - before for camera, before in zip(watcher.cameras, dropped, strict=True)]
    now = resource.getrusage(resource.RUSAGE_SELF)
    stop.set()
    thread.join()
    delays = [(number, end - at) for number, at, end in watcher.done if begin_s <= end < end_s]
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    pipe.send((delays, lost, cpu_s, now.ru_maxrss * 1024))
    pipe.close()
    os._exit(0)  # OpenCV's readers do not end by themselves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("urls", nargs="+")
    told = parser.parse_args()
    os.environ |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
    cores = sorted(os.sched_getaffinity(0))
    shares = [share for n in range(told.processes) if (share := told.urls[n :: told.processes])]
    spawn, ends = multiprocessing.get_context("spawn"), []
    for number, share in enumerate(shares):
        ours, theirs = spawn.Pipe()
        core = cores[number % len(cores)] if told.processes > 1 else None
        spawn.Process(target=work, args=(told.model, share, told.fps, core, theirs), daemon=True).start()
        theirs.close()  # so that a process that dies ends the wait
        ends.append(ours)
    for end in ends:
        end.recv()
    begin_s = time.monotonic() + WARM_UP_S
    for end in ends:
        end.send((begin_s, begin_s + told.seconds))
    results = [end.recv() for end in ends]
    import numpy as np

    delays = [delay for found, *_ in results for _, delay in found]
    dropped = sum(sum(lost) for _, lost, *_ in results)
    counts = [sum(one == number for one, _ in found) for found, lost, *_ in results for number in range(len(lost))]
    figures = {
        "cameras": len(told.urls),
        "analysed_fps": round(min(counts) / told.seconds, 2),
        "drop_ratio": round(dropped / max(1, dropped + len(delays)), 4),
        "capture_to_event_ms_p95": round(float(np.percentile(delays, 95)) * 1000, 1) if delays else None,
        "cpu_ms_a_frame": round(1000 * sum(cpu_s for *_, cpu_s, _ in results) / max(1, len(delays)), 1),
        "cpu_cores": round(sum(cpu_s for *_, cpu_s, _ in results) / told.seconds, 3),
        "rss_mb": round(sum(rss for *_, rss in results) / 1e6, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
