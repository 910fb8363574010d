"""One camera inside a worker: its streams, its recording, its health."""

from __future__ import annotations  # the messages are loaded after the recording has begun

import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edge.adapters.av_source import AvSource, StreamInfo
from edge.adapters.group_decoder import LONGEST_REST_S
from edge.adapters.processor_use import name_thread
from edge.adapters.recorder import Ranges, Recorder
from edge.adapters.stream_address import StreamAddress
from edge.adapters.stream_faults import DAMAGED_STREAM, StreamFault
from edge.app.lens_watch import LensWatch, PlaceReport
from edge.app.stream_watch import StreamWatch
from edge.config.load import read_secret
from edge.config.schema import CameraSection, LineCrossingSection, Point, RuleSection
from edge.core.frame import Frame
from edge.core.integrity.faults import ZONE_TOO_DARK, Trouble
from edge.core.ports import Clock
from edge.core.workload import Workload
from edge.pipeline.mailbox import Mailbox

if TYPE_CHECKING:
    from broker.contract.messages import CameraHealth, ZoneShape

State = Literal["sees", "impaired", "blind"]
_CONNECTING = StreamFault("connecting", "connecting for the first time")
_SILENT = StreamFault("no_pictures", "the stream is open but holds no pictures that can be decoded")
NOT_LOOKED_AT = StreamFault("worker_restarts", "nobody looks at its pictures yet; it is recorded")
_DAMAGED = StreamFault(
    DAMAGED_STREAM, "many pictures arrive damaged: check cable, switch and Wi-Fi, or set `transport: tcp`"
)
_LATE_S = 0.5  # a picture is that much on its way, at most, from the camera through the decoder


def _overloaded(load: Workload) -> StreamFault:
    told = f"the box has too much to do: it looks at {load.fps:g} of {load.wanted_fps:g} pictures a second"
    return StreamFault("overloaded", f"{told}; watch fewer cameras with it, or ask for a lower analysed_fps")


def _read(source: AvSource, stop: threading.Event) -> None:
    name_thread("read")
    source.run(stop)


class _ToRecorder:
    """Listener of the recorded stream; frames go on too where no sub-stream is analysed."""

    def __init__(self, recorder: Recorder, line: CameraLine) -> None:
        self._recorder, self._line = recorder, line

    def connected(self, info: StreamInfo, template: VideoStream) -> None:
        self._recorder.connected(info, template)

    def packet(self, packet: av.Packet[VideoStream], media_s: float, captured_at_s: float) -> None:
        self._recorder.packet(packet, media_s, captured_at_s)

    def frame(self, frame: Frame) -> None:
        self._line.take_frame(frame)

    def disconnected(self, fault: StreamFault) -> None:
        self._recorder.disconnected(fault)


class _ToAnalysis:
    """Listener of a sub-stream: frames only."""

    def __init__(self, line: CameraLine) -> None:
        self._line = line

    def connected(self, info: StreamInfo, template: VideoStream) -> None:
        pass

    def packet(self, packet: av.Packet[VideoStream], media_s: float, captured_at_s: float) -> None:
        pass

    def frame(self, frame: Frame) -> None:
        self._line.take_frame(frame)

    def disconnected(self, fault: StreamFault) -> None:
        pass


class CameraLine:
    """Reads one camera: the main stream is recorded, the sub-stream (or else the main one) analysed."""

    def __init__(
        self,
        section: CameraSection,
        recordings: Path,
        mailbox: Mailbox,
        clock: Clock,
        protected: Ranges,
        lens: LensWatch,
    ) -> None:
        """recordings: folder of this camera's segments. protected: spans that may not be deleted yet.

        lens: judges whether it sees what it was put up to see.

        Raises OSError where the password can't be read or the folder can't be made.
        """
        self.section = section
        self.recordings, self.lens = recordings, lens
        self._mailbox, self._clock = mailbox, clock
        recordings.mkdir(parents=True, exist_ok=True)
        self.recorder = Recorder(recordings, section.recording.segment_s, section.recording.max_bytes, protected)
        password = read_secret(section.password_file) if section.password_file else None
        self._main = self._source(section.url, password, _ToRecorder(self.recorder, self), section.sub_url is None)
        self._sub = self._source(section.sub_url, password, _ToAnalysis(self), True) if section.sub_url else None
        self._stream = StreamWatch(section.signal_lost_s, clock)
        self._looked = True
        self._lock = threading.Lock()
        self._latest: Frame | None = None
        self._began_s = clock.monotonic_s()
        self._workload, self._looked_at = Workload(), 0
        self._looked_at_s = self._began_s
        self._unseen: Collection[str] = ()  # zones and lines, at the last report
        self._seen_again_at_s: dict[str, float] = {}
        self._state: tuple[State, str, float] = ("blind", _CONNECTING.code, clock.wall_s())
        self._until_at_s: dict[State, float] = {}  # when the last time of each state ended

    def _source(self, url: str, password: str | None, listener: _ToRecorder | _ToAnalysis, analysed: bool) -> AvSource:
        section = self.section
        address = StreamAddress(url, section.username, password, section.transport, section.ca_file)
        fps = section.analysed_fps if analysed else None
        return AvSource(section.name, address, listener, self._clock, analysed_fps=fps, stall_s=section.stall_s)

    def threads(self, stop: threading.Event) -> list[threading.Thread]:
        """The reader threads, not started yet."""
        sources = {"main": self._main, "sub": self._sub}
        return [
            threading.Thread(target=_read, args=(source, stop), name=f"{self.section.name}-{kind}")
            for kind, source in sources.items()
            if source is not None
        ]

    def take_frame(self, frame: Frame) -> None:
        """A decoded frame, from the reader thread."""
        with self._lock:
            self._latest = frame
        self._mailbox.put(frame)
        self.lens.see(frame)  # last: an alert waits for nothing

    def followed(self, frame: Frame) -> None:
        """A frame has been looked at, and what it led to is known; from the vision thread."""
        with self._lock:
            self._looked_at += 1
            self._looked_at_s = frame.media_s

    def look(self, looks: bool) -> None:
        """Whether its pictures are decoded; else it is only recorded. Before its threads begin, or from one thread."""
        self._looked = looks
        (self._sub or self._main).look(looks)

    def rest(self, idle: bool, vain: NDArray[np.bool_] | None = None) -> None:
        """Whether nothing goes on before the camera, and where movement means nothing; from the vision thread."""
        (self._sub or self._main).rest(idle, vain)

    @property
    def latest(self) -> Frame | None:
        """The newest decoded frame."""
        with self._lock:
            return self._latest

    @property
    def silent_s(self) -> float:
        """Seconds since the last decoded frame was captured (or since the start)."""
        with self._lock:
            since_s = self._latest.media_s if self._latest else self._began_s
        return self._clock.monotonic_s() - since_s

    @property
    def camera_clock_offset_s(self) -> float | None:
        """The camera's wall clock minus this box's, by its last picture that was analysed; None where it tells none."""
        return (self._sub or self._main).status.camera_clock_offset_s

    def health(self) -> CameraHealth:
        """How the camera does now. Call it from one thread only: it measures the rate since the last call."""
        from broker.contract.messages import CameraHealth

        main, analysed = self._main.status, (self._sub or self._main).status
        recorder, latest = self.recorder.status, self.latest
        with self._lock:
            looked_at = self._looked_at
        dropped = self._mailbox.dropped(self.section.name)
        self._workload.note(self._clock.monotonic_s(), looked_at, dropped)
        if self._looked:
            self._stream.note(analysed, self.lens.light, latest.media_s if latest else None, self._longest_s)
        self.lens.damaged = self._stream.damage.suspected
        state, fault, since_at_s = self._judge()
        if (state, fault.code) != self._state[:2]:
            now_at_s = self._clock.wall_s()
            if state != self._state[0]:
                self._until_at_s[self._state[0]] = now_at_s
            self._state = (state, fault.code, since_at_s or now_at_s)
        return CameraHealth(
            camera=self.section.name,
            label=self.section.label,
            state=state,
            since_at_s=self._state[2],
            reason=fault.sentence[:300],
            reason_code=fault.code,
            blind_until_at_s=self._until_at_s.get("blind"),
            impaired_until_at_s=self._until_at_s.get("impaired"),
            recording=main.connected and main.fault is None and recorder.fault is None,
            analysed_fps=self._workload.fps,
            idle=analysed.idle,
            frames_dropped=dropped,
            reconnects=max(0, analysed.connections - 1),
            last_frame_at_s=latest.captured_at_s if latest else None,
            width=latest.width if latest else 0,
            height=latest.height if latest else 0,
            codec=analysed.info.codec if analysed.info else "",
            zones=self._zones(),
        )

    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong with what it sends, at least one for each group of faults, as of the last `health`.

        Call it in the same thread.
        """
        signal, lens = self._stream.signal, self.lens.report
        sight = Trouble("sight", lens.fault, lens.since_at_s, min(lens.sure_s, signal.sure_s))
        dark = {name: place for name, place in lens.places.items() if place.fault == "zone_too_dark"}
        zone = Trouble("zone", None, 0.0, sight.sure_s)
        if dark and lens.fault is None:
            name = min(dark, key=lambda one: dark[one].since_at_s)
            zone = Trouble("zone", ZONE_TOO_DARK, dark[name].since_at_s, 0.0, name)
        beside = (Trouble("sight", fault, since_at_s, sight.sure_s) for fault, since_at_s in lens.others)
        return (signal, sight, *beside, zone, *self._stream.others)

    def _judge(self) -> tuple[State, StreamFault, float | None]:
        """State, its cause, and since when where that is known better than by now (UTC seconds)."""
        state, fault = self._judge_stream()
        lens = self.lens.report
        if state == "blind" or (state == "impaired" and (lens.fault is None or lens.fault.state == "impaired")):
            return state, fault, None
        if lens.fault is not None:
            return lens.fault.state, StreamFault(lens.fault.code, lens.fault.sentence), lens.since_at_s
        if lens.places:
            name, place = min(lens.places.items(), key=lambda one: one[1].since_at_s)
            return "impaired", StreamFault(place.fault, f"{name}: its rules see nothing there"), place.since_at_s
        for one in self._stream.others:
            if one.fault is not None:
                return "impaired", StreamFault(one.fault.code, one.fault.sentence), one.since_at_s
        return state, fault, None

    @property
    def _longest_s(self) -> float:
        """As long may it take from one picture to the next."""
        rest_s = LONGEST_REST_S if (self._sub or self._main).status.idle else 0.0
        return max(self.section.stall_s, 2 / self.section.analysed_fps, rest_s) + _LATE_S

    def _judge_stream(self) -> tuple[State, StreamFault]:
        analysed, longest_s = (self._sub or self._main).status, self._longest_s
        recorder_fault = self.recorder.status.fault
        if self.latest is None or self.silent_s > longest_s:
            silent = _SILENT if self._looked else NOT_LOOKED_AT
            return "blind", analysed.fault or (silent if analysed.packets else _CONNECTING)
        if self.latest.media_s - self._looked_at_s > longest_s:
            return "blind", _overloaded(self._workload)
        fault = self._main.status.fault or (_DAMAGED if self._stream.damage.told else None)
        if fault is not None:
            return "impaired", fault
        if self._workload.behind:
            return "impaired", _overloaded(self._workload)
        if recorder_fault is not None:
            return "impaired", StreamFault("not_recording", recorder_fault)
        return "sees", StreamFault("", "")

    def _zones(self) -> tuple[ZoneShape, ...]:
        from broker.contract.messages import ZoneShape
        from edge.app.rule_settings import rule_setting

        rules, unseen = self.section.rules, self.lens.report.places
        self._seen_again_at_s |= dict.fromkeys(set(self._unseen) - unseen.keys(), self._clock.wall_s())
        self._unseen = unseen.keys()

        def shape_of(name: str, label: str, corners: tuple[Point, ...], own: Sequence[RuleSection]) -> ZoneShape:
            settings = tuple(map(rule_setting, own))
            return ZoneShape(
                zone=name, label=label, polygon=corners, rules=tuple(rule.kind for rule in own), settings=settings
            )

        lines = [rule for rule in rules if isinstance(rule, LineCrossingSection)]
        of_zones = [rule for rule in rules if not isinstance(rule, LineCrossingSection)]
        shapes = [
            *(
                shape_of(zone.name, zone.label, zone.polygon, [rule for rule in of_zones if rule.zone == zone.name])
                for zone in self.section.zones
            ),
            *(shape_of(line.name, "", line.line, [line]) for line in lines),
        ]
        return tuple(
            shape.model_copy(
                update={
                    "since_at_s": self._seen_again_at_s.get(shape.zone),
                    "blind_until_at_s": self._seen_again_at_s.get(shape.zone),
                    **(_blind(unseen[shape.zone]) if shape.zone in unseen else {}),
                }
            )
            for shape in shapes
        )


def _blind(place: PlaceReport) -> dict[str, object]:
    return {"state": "blind", "since_at_s": place.since_at_s, "reason_code": place.fault}


def places_of(section: CameraSection) -> dict[str, tuple[tuple[float, float], ...]]:
    """Zones and lines of a camera by name, as fractions of the picture."""
    zones = {zone.name: zone.polygon for zone in section.zones}
    return zones | {rule.name: rule.line for rule in section.rules if isinstance(rule, LineCrossingSection)}
