"""Stops 1 and 3 of the house: an RTSP stream to packets, packets to frames. One thread for each stream.

`run` is the stream's whole life, `run_once` one connection. The password travels to libav inside the address, because
libav takes it no other way; nothing that leaves this module holds that address (see stream_faults).
"""

from __future__ import annotations  # av.Packet is generic for the type checker only

import logging
import random
import struct
import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edge.adapters import stream_faults as faults
from edge.adapters.decoded_picture import i420
from edge.adapters.group_decoder import GroupDecoder
from edge.adapters.libav_limits import ANY_TEXT, bound_allocations
from edge.adapters.motion_gate import MotionGate
from edge.adapters.parameter_sets import sequence_parameter_sets
from edge.adapters.stream_address import StreamAddress
from edge.adapters.stream_faults import StreamError, StreamFault, stream_fault
from edge.adapters.time_line import Arrival, Sampler, TimeLine, settled, with_first_stamps
from edge.core.frame import Frame
from edge.core.ports import Clock

OPEN_TIMEOUT_S = 5.0
FIRST_WAIT_S = 0.5  # doubled after each failure in a row, up to LONGEST_WAIT_S
LONGEST_WAIT_S = 10.0
REFUSED_WAIT_S = 30.0  # cameras lock an account after a few wrong passwords
_SOUND_AFTER_S = 10.0  # a connection with video that lasted this long resets the wait
_CODECS = ("h264", "hevc")
_MOST_REORDERED = 16  # pictures, in H.264 and H.265

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream said of itself when it connected.

    codec: "h264" or "hevc". time_base: seconds of one tick of its packets' stamps. fps: as declared; None if it wasn't.
    """

    codec: str
    width: int
    height: int
    time_base: Fraction
    fps: float | None


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Counters since the start, for the health report.

    fault: why no video comes, or None from the first packet of a connection to its end. idle: only key frames are
    decoded. frames_damaged: of all that were to be decoded, those that could not be, or only with errors.
    camera_clock_offset_s: the camera's wall clock minus this box's, from the last RTCP sender report; None
    where the camera sends none.
    """

    connected: bool
    idle: bool
    fault: StreamFault | None
    info: StreamInfo | None
    connections: int
    packets: int
    packet_bytes: int
    frames_decoded: int
    frames_handed_on: int
    frames_damaged: int
    time_jumps: int
    last_packet_media_s: float | None
    last_captured_at_s: float | None
    camera_clock_offset_s: float | None


class StreamListener(Protocol):
    """Who is told what comes out of a stream; called in the source's own thread, in the order of the stream.

    `template` and `packet` belong to the open connection: use them within the call only, never after `disconnected`.
    """

    def connected(self, info: StreamInfo, template: VideoStream) -> None:
        """The stream is there; `template` is libav's stream, from which a muxer can be made."""
        ...

    def packet(self, packet: av.Packet[VideoStream], media_s: float, captured_at_s: float) -> None:
        """A compressed packet, in decoding order, with the moment its picture was captured. Don't change it."""
        ...

    def frame(self, frame: Frame) -> None:
        """A decoded picture that is to be analysed."""
        ...

    def disconnected(self, fault: StreamFault) -> None:
        """The connection ended, or could not be made."""
        ...


class AvSource:
    """One stream of one camera."""

    def __init__(
        self,
        camera: str,
        address: StreamAddress,
        listener: StreamListener,
        clock: Clock,
        *,
        analysed_fps: float | None,
        stall_s: float,
    ) -> None:
        """analysed_fps: frames a second to decode and hand on; None never decodes (recording only).

        stall_s: a connected camera that sends nothing for so long is given up and asked again.
        """
        bound_allocations()
        self._camera = camera
        self._address = address
        self._listener = listener
        self._clock = clock
        self._analysed_fps = analysed_fps
        self._stall_s = stall_s
        self._time_line = TimeLine()
        self._gate = MotionGate()
        self._decoder = GroupDecoder()
        self._sampler = Sampler(analysed_fps) if analysed_fps is not None else None
        self._random = random.SystemRandom()
        self._probe_us = 300_000
        self._format: bytes | None = None
        self._last_frame_s = float("-inf")
        self._connected = False
        self._fault: StreamFault | None = None
        self._info: StreamInfo | None = None
        self._connections = self._packets = self._packet_bytes = self._damaged = self._jumps = 0
        self._handed_on = 0
        self._last_media_s: float | None = None
        self._last_captured_at_s: float | None = None
        self._clock_offset_s: float | None = None

    @property
    def status(self) -> SourceStatus:
        """Where the stream stands; may be read from any thread."""
        return SourceStatus(
            self._connected,
            self._decoder.rests,
            self._fault,
            self._info,
            self._connections,
            self._packets,
            self._packet_bytes,
            self._decoder.decoded,
            self._handed_on,
            self._damaged,
            self._jumps,
            self._last_media_s,
            self._last_captured_at_s,
            self._clock_offset_s,
        )

    def rest(self, idle: bool, vain: NDArray[np.bool_] | None = None) -> None:
        """Whether nothing goes on there, so that key frames will do; from any thread. What moves ends it at once.

        vain: (rows, columns) of the gate, where movement means nothing.
        """
        self._decoder.idle, self._gate.vain = idle, vain

    def look(self, looks: bool) -> None:
        """Whether its pictures are wanted at all; else it is only recorded. From any thread."""
        self._decoder.off = not looks

    def run(self, stop: threading.Event) -> None:
        """Connects for ever, until `stop` is set; waits between tries, longer after each failure in a row."""
        failures = 0
        told: str | None = None
        while not stop.is_set():
            began_s, before = self._clock.monotonic_s(), self._packets
            fault = self.run_once(stop)
            if stop.is_set():
                return
            if fault.code != told:  # a fault that repeats is logged once
                log.warning("camera %s: %s (%s)", self._camera, fault.sentence, fault.code)
                told = fault.code
            if self._packets > before and self._clock.monotonic_s() - began_s > _SOUND_AFTER_S:
                failures, told = 0, None
            stop.wait(self._pause_s(fault, failures))
            failures += 1

    def run_once(self, stop: threading.Event) -> StreamFault:
        """One connection, from the first byte to the fault that ended it (code "stopped" where `stop` did)."""
        try:
            container = self._open()
        except StreamError as error:
            fault = error.fault
        else:
            try:
                fault = self._read(container, stop)
            finally:
                self._connected = False
                container.close()
            return fault
        self._fault = fault
        self._listener.disconnected(fault)
        return fault

    def _pause_s(self, fault: StreamFault, failures: int) -> float:
        if fault.code == faults.RESOLUTION_CHANGED and failures == 0:
            return 0.0
        longest_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures, 10))  # thousands of them are no number
        if fault.code in (faults.SIGN_IN_REFUSED, faults.SIGN_IN_MISSING):
            longest_s = REFUSED_WAIT_S
        return self._random.uniform(longest_s / 2, longest_s)

    def _open(self) -> InputContainer:
        """Raises StreamError."""
        address = self._address
        options = {"analyzeduration": str(self._probe_us)}
        if address.url.startswith("rtsp"):
            options |= {"rtsp_transport": address.transport, "allowed_media_types": "video"}
            options |= {"buffer_size": "2097152"} if address.transport == "udp" else {}
            options |= {"tls_verify": "1", "ca_file": str(address.ca_file)} if address.ca_file else {}
        secret_url = address.secret_url()
        fault = None
        try:
            timeout = OPEN_TIMEOUT_S, self._stall_s
            return av.open(secret_url, options=options, timeout=timeout, metadata_errors=ANY_TEXT)
        except (av.FFmpegError, OSError) as error:
            fault = faults.fault_while_opening(error, address.url, address.username, address.password, address.ca_file)
        raise StreamError(fault)  # outside the handler: libav's error, which holds the secret address, is not chained

    def _read(self, container: InputContainer, stop: threading.Event) -> StreamFault:
        """Tells the listener of one connection, from `connected` to `disconnected`."""
        listening = False
        try:
            stream = self._video_stream(container)
            self._info = info = self._describe(container, stream)
            self._connected, self._format = True, None
            self._connections += 1
            listening = True
            self._listener.connected(info, stream)
            fault = self._demux(container, stream, stop)
        except StreamError as error:
            fault = error.fault
        self._fault = fault
        log.debug("camera %s: %s %s", self._camera, "disconnected" if listening else "not connected", fault.code)
        self._listener.disconnected(fault)
        return fault

    def _video_stream(self, container: InputContainer) -> VideoStream:
        if not container.streams.video:
            raise StreamError(stream_fault(faults.NOT_VIDEO, self._address.url))
        stream = container.streams.video[0]
        name = stream.codec_context.name if stream.codec_context else "an unknown codec"
        if name not in _CODECS:
            raise StreamError(stream_fault(faults.UNSUPPORTED_CODEC, self._address.url, name))
        stream.codec_context.thread_count = 1  # no frame delay, no hidden threads: workers share the cores
        self._decoder.begin(stream.codec_context)
        return stream

    def _describe(self, container: InputContainer, stream: VideoStream) -> StreamInfo:
        context = stream.codec_context
        if not context.width or not context.height:
            if not self._sends(container, stream):
                raise StreamError(stream_fault(faults.STALLED, self._address.url))
            self._probe_us = 5_000_000  # next time wait longer for the first key frame
            raise StreamError(stream_fault(faults.PICTURE_SIZE_UNKNOWN, self._address.url))
        rate = stream.guessed_rate or stream.average_rate
        assert stream.time_base is not None
        return StreamInfo(context.name, context.width, context.height, stream.time_base, float(rate) if rate else None)

    def _sends(self, container: InputContainer, stream: VideoStream) -> bool:
        """Whether packets came while libav probed: those it kept, and so it hands them out at once."""
        began_s = self._clock.monotonic_s()
        try:
            packet = next(container.demux(stream), None)
        except (av.FFmpegError, OSError):
            return False
        return packet is not None and packet.size > 0 and self._clock.monotonic_s() - began_s < self._stall_s / 2

    def _demux(self, container: InputContainer, stream: VideoStream, stop: threading.Event) -> StreamFault:
        held: list[tuple[av.Packet[VideoStream], Arrival]] | None = []
        fault = stream_fault(faults.END_OF_STREAM, self._address.url)
        packets = container.demux(stream)
        stalled = False
        try:
            while not stalled:
                asked = Arrival(None, self._clock.monotonic_s(), self._clock.wall_s())
                packet = next(packets, None)
                if stop.is_set():
                    fault = stream_fault(faults.STOPPED, self._address.url)
                    break
                if packet is None or not packet.size:
                    break  # libav's end-of-stream mark
                arrival = self._arrival(packet)
                if arrival.monotonic_s - asked.monotonic_s >= self._stall_s:
                    # libav's time-out: this packet had come before the silence, its parser kept it for the next one
                    stalled, arrival = True, replace(asked, dts_s=arrival.dts_s)
                    fault = stream_fault(faults.STALLED, self._address.url)
                if held is None:
                    self._take(packet, arrival)
                    continue
                held.append((packet, arrival))
                if settled([arrival for _, arrival in held]):
                    self._release(held)
                    held = None
        except (av.FFmpegError, OSError) as error:
            fault = faults.fault_while_reading(error, self._address.url)
        self._release(held or [])
        return fault

    def _arrival(self, packet: av.Packet[VideoStream]) -> Arrival:
        dts_s = None if packet.dts is None else float(packet.dts * packet.time_base)
        return Arrival(dts_s, self._clock.monotonic_s(), self._clock.wall_s())

    def _release(self, held: list[tuple[av.Packet[VideoStream], Arrival]]) -> None:
        """Takes the first packets of a connection, now that they tell where its stamps lie on the time line."""
        arrivals = with_first_stamps([arrival for _, arrival in held])
        _stamp_first([packet for packet, _ in held], arrivals)
        self._time_line.reconnected(arrivals)
        for (packet, _), arrival in zip(held, arrivals, strict=True):
            self._take(packet, arrival)

    def _take(self, packet: av.Packet[VideoStream], arrival: Arrival) -> None:
        if packet.is_keyframe and self._info is not None:
            self._watch_format(sequence_parameter_sets(self._info.codec, bytes(packet)))
        stamp = self._time_line.stamp(arrival)
        if stamp.jumped_s:
            self._jumps += 1
            log.warning("camera %s: its time stamps jumped by %.3f s; time goes on", self._camera, stamp.jumped_s)
        self._packets += 1
        self._packet_bytes += packet.size
        self._last_media_s, self._last_captured_at_s = stamp.media_s, stamp.captured_at_s
        self._compare_clocks(packet, arrival.wall_s)
        self._listener.packet(packet, stamp.media_s, stamp.captured_at_s)
        if self._sampler is not None:
            self._decode(packet, self._sampler, stamp.media_s, arrival.monotonic_s)
        self._fault = None

    def _decode(self, packet: av.Packet[VideoStream], sampler: Sampler, sent_s: float, arrival_s: float) -> None:
        """What goes wrong here, whatever it is, is no fault of the connection: recording needs no decoder."""
        try:
            for picture in self._decoder.pictures(packet, sent_s):
                self._damaged += picture.is_corrupt
                assert picture.time_base is not None
                media_s = self._time_line.media(None if picture.pts is None else float(picture.pts * picture.time_base))
                media_s = self._last_frame_s = max(media_s, self._last_frame_s)
                if sampler.wants(media_s):
                    self._hand_on(i420(picture), media_s)
        except av.FFmpegError as error:
            self._damaged += 1
            if self._decoder.has_failed_for_long(arrival_s):
                raise StreamError(
                    stream_fault(faults.DAMAGED_STREAM, self._address.url, error.strerror or "")
                ) from None

    def _hand_on(self, planes: NDArray[np.uint8], media_s: float) -> None:
        motion = self._gate.update(planes[: planes.shape[0] * 2 // 3], media_s)
        if motion.light_changed or motion.cells.any():
            self._decoder.idle = False
        key_every_s = self._decoder.key_every_s(media_s)
        frame = Frame(self._camera, self._handed_on, media_s, self._time_line.utc(media_s), planes, motion, key_every_s)
        self._handed_on += 1
        self._listener.frame(frame)

    def _watch_format(self, found: bytes) -> None:
        """A camera that changes its picture format in mid-stream is asked anew, so that everyone learns the new one."""
        if found and self._format not in (None, found):
            raise StreamError(stream_fault(faults.RESOLUTION_CHANGED, self._address.url, "new parameter sets"))
        self._format = found or self._format

    def _compare_clocks(self, packet: av.Packet[VideoStream], wall_s: float) -> None:
        """libav adds the camera's wall clock (AVProducerReferenceTime, microseconds) after RTCP sender reports."""
        if packet.has_sidedata("prft"):
            (wall_us,) = struct.unpack_from("q", bytes(packet.get_sidedata("prft")))
            self._clock_offset_s = wall_us / 1e6 - wall_s


def _stamp_first(packets: list[av.Packet[VideoStream]], arrivals: list[Arrival]) -> None:
    """Gives the first packets of a connection the stamps that libav did not know yet."""
    for packet, arrival in zip(packets, arrivals, strict=True):
        if packet.dts is None and arrival.dts_s is not None:
            packet.dts = round(arrival.dts_s / packet.time_base)
    shown = [packet.pts for packet in packets[1 : _MOST_REORDERED + 1] if packet.pts is not None]
    if shown and packets[0].pts is None and packets[0].dts is not None and packets[1].dts is not None:
        step = packets[1].dts - packets[0].dts
        packets[0].pts = max(packets[0].dts, min(shown) - step)  # a key frame is shown before all that come after it
