"""Stop 2 of the house: every packet of a stream to disk, from the first key frame, whatever happens behind it.

Each segment is a fragmented MP4 (`segments` says how it is named): a fragment about every half second goes to the
operating system at once, so that after kill -9 all but the last half second is readable. A closed segment is brought
onto the disk itself, beside the reading, so that a power cut costs at most the segment being written and the one
before it. The oldest segments are deleted past `max_bytes`; others may delete segments too. A full disk or a write
error is a fault that is told and outlived, never an exception to the caller. Where nothing may be deleted, recording
stops before the disk is full, for events and clips are worth more.
"""

from __future__ import annotations  # av.Packet is generic for the type checker only

import errno
import logging
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from edge.adapters.av_source import StreamInfo
from edge.adapters.durable import sync
from edge.adapters.flushed_file import FlushedFile
from edge.adapters.parameter_sets import parameter_sets
from edge.adapters.segments import Segment, close_abandoned, closed_name, list_segments, open_name
from edge.adapters.stream_faults import StreamFault
from edge.core.retention import last_bytes

FRAGMENT_S = 0.5
_SPARE_FRAGMENTS = 4  # kept free on the disk, of the size of the last one: a fragment is written whole
_SPARE_BYTES = 128 * 1024
_TO_BEGIN_AGAIN = 2  # times what recording stops at must be free, or it would begin and stop every few seconds
RETRY_S = 2.0  # after a write error, before a new segment is tried
_LONGEST_REORDER_S = 2.0  # 16 pictures, the most that H.264 and H.265 allow, at 8 a second
_CLOCKS_KEPT = 4096  # segments, more than the longest clip has
_STEP_S = 1.0  # a wall clock set by more than this starts a new segment, a stamp that jumps by more is re-based

log = logging.getLogger(__name__)

Ranges = Callable[[], Iterable[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """For the health report.

    fault: why nothing is being written now, a sentence with its cure, or None. recorded_until_s: UTC seconds up to
    which pictures are readable on disk, None before the first fragment. stored_bytes: of all segments kept.
    """

    fault: str | None
    recorded_until_s: float | None
    stored_bytes: int
    write_errors: int
    segments_deleted: int


class _NoRoomError(OSError):
    """Recording must stop before the disk is full."""


class _OpenSegment:
    """A segment being written. Stamps are those of the stream, shifted so that the segment starts at 0."""

    def __init__(self, directory: Path, template: VideoStream, codec: str, key: bytes, begins_at_s: float) -> None:
        """Creates the file. key: the first packet's payload, a key frame. Raises OSError, av.FFmpegError."""
        self.begins_at_s = begins_at_s
        self.path = directory / open_name(begins_at_s)
        while self.path.exists() or any(directory.glob(f"{self.path.stem}-*.mp4")):  # the wall clock was set back
            self.begins_at_s += 0.001
            self.path = directory / open_name(self.begins_at_s)
        self._file = self.path.open("xb", buffering=0)
        self.out = FlushedFile(self._file)
        self._container: OutputContainer = av.open(
            self.out,
            "w",
            format="mp4",
            options={
                "movflags": "empty_moov+default_base_moof",
                "frag_duration": str(round(FRAGMENT_S * 1e6)),
                "flush_packets": "1",
            },
        )
        self._stream: VideoStream = self._container.add_stream_from_template(template, opaque=True)
        if codec == "hevc":
            self._stream.codec_context.codec_tag = "hvc1"  # hev1 is not played by Apple's players
        extradata = parameter_sets(codec, key)
        if extradata:  # what the camera sends now beats what its SDP promised
            self._stream.codec_context.extradata = extradata
        self._time_base: Fraction = template.time_base or Fraction(1, 90_000)
        self._shift: int | None = None
        self._last_dts = self._last_step = self._reorder = 0
        self._last_media_s = 0.0
        self.begun_media_s: float | None = None
        self.last_captured_at_s = begins_at_s

    def mux(self, packet: av.Packet[VideoStream], media_s: float, captured_at_s: float) -> None:
        """Writes one packet. Raises OSError, av.FFmpegError."""
        dts = self._rebased(packet, media_s)
        copy = av.Packet(bytes(packet))
        copy.stream = self._stream
        copy.time_base = self._time_base
        copy.is_keyframe = packet.is_keyframe
        copy.dts = dts
        copy.duration = packet.duration or self._last_step
        if packet.pts is not None and packet.dts is not None:
            reorder = packet.pts - packet.dts
            if 0 <= reorder * self._time_base <= _LONGEST_REORDER_S:  # else the two lie on both sides of a jump
                self._reorder = reorder
        copy.pts = dts + self._reorder
        self._container.mux(copy)
        if self.out.error is not None:
            raise self.out.error
        self._last_media_s, self.last_captured_at_s = media_s, captured_at_s

    @property
    def ends_at_s(self) -> float:
        """UTC seconds of the end of the last picture, by the clock of the first: it lasts as long as the one before."""
        last_s = self.last_captured_at_s
        by_media_s = self.begins_at_s + self._last_media_s - (self.begun_media_s or 0.0)
        if self.begun_media_s is not None and abs(last_s - by_media_s) > _STEP_S:  # the wall clock was set meanwhile
            last_s = by_media_s
        return last_s + float(self._last_step * self._time_base)

    def close(self, directory: Path) -> Path:
        """Writes the last fragment and gives the file its closed name. Raises OSError, av.FFmpegError."""
        try:
            self._container.close()
        finally:
            self._file.close()
        if self.out.error is not None:
            raise self.out.error
        return self.path.rename(directory / closed_name(self.begins_at_s, self.ends_at_s))

    def _rebased(self, packet: av.Packet[VideoStream], media_s: float) -> int:
        """The packet's decoding stamp in this segment: strictly growing, also when the camera's stamps jump."""
        dts = packet.dts if packet.dts is not None else packet.pts
        if self._shift is None and self.begun_media_s is None:
            self.begun_media_s, self._shift = media_s, None if dts is None else -dts
            self._last_dts = 0
            return 0
        passed = max(1, round((media_s - self._last_media_s) / self._time_base))
        if dts is None:
            rebased = self._last_dts + (self._last_step or passed)
        else:
            rebased = dts + (self._shift or 0)
            step_s = float((rebased - self._last_dts) * self._time_base)
            if self._shift is None or step_s <= 0 or abs(step_s - (media_s - self._last_media_s)) > _STEP_S:
                rebased = self._last_dts + passed
                self._shift = rebased - dts
        self._last_step, self._last_dts = rebased - self._last_dts, rebased
        return rebased


class Recorder:
    """Records one stream into one directory. Feed it from an AvSource's listener: connected, packet, disconnected."""

    def __init__(self, directory: Path, segment_s: float, max_bytes: int, protected: Ranges = lambda: ()) -> None:
        """Closes what an earlier run left open. Raises OSError where `directory` can't be made or read.

        segment_s: a new file begins at the first key frame after so many seconds. max_bytes: of all files together.
        protected: asked before each deletion for the UTC ranges (from_s, to_s) that running clip requests need.
        """
        self._directory = directory
        self._segment_s = segment_s
        self._max_bytes = max_bytes
        self._protected = protected
        directory.mkdir(parents=True, exist_ok=True)
        close_abandoned(directory)
        self._kept: deque[tuple[Segment, int]] = deque(
            (segment, segment.path.stat().st_size) for segment in list_segments(directory)
        )
        self._kept_bytes = sum(size for _, size in self._kept)
        self._template: VideoStream | None = None
        self._codec = ""
        self._open: _OpenSegment | None = None
        self._retry_media_s = float("-inf")
        self._fault: str | None = None
        self._sync_fault: str | None = None  # of the thread that syncs, and cleared by it alone
        self._recorded_until_s: float | None = None
        self._aheads: deque[tuple[float, float]] = deque(maxlen=_CLOCKS_KEPT)
        self._short = False
        self._write_errors = self._deleted = 0
        self._changed = threading.Condition()
        self._syncing: threading.Thread | None = None

    @property
    def status(self) -> RecorderStatus:
        """Where the recording stands; may be read from any thread."""
        stored = self._kept_bytes + (self._open.out.written_bytes if self._open else 0)
        fault = self._fault or self._sync_fault
        return RecorderStatus(fault, self._recorded_until_s, stored, self._write_errors, self._deleted)

    def ahead_s(self, segment: Segment) -> float | None:
        """By which clock a segment's times are: UTC less media seconds as it began; None of an earlier process."""
        known = reversed(list(self._aheads))  # that of another thread grows meanwhile
        return next((ahead_s for at_s, ahead_s in known if abs(at_s - segment.begins_at_s) < 0.001), None)

    def wait_recorded(self, until_s: float, timeout_s: float) -> bool:
        """Waits, in another thread, until pictures up to `until_s` (UTC) are readable; False on time-out."""
        with self._changed:
            return self._changed.wait_for(lambda: (self._recorded_until_s or 0.0) >= until_s, timeout_s)

    def connected(self, info: StreamInfo, template: VideoStream) -> None:
        """A stream is there; recording begins with its next key frame."""
        self._close_open()
        self._codec, self._template = info.codec, template

    def packet(self, packet: av.Packet[VideoStream], media_s: float, captured_at_s: float) -> None:
        """Writes the packet, in a new segment where it is time for one."""
        try:
            if packet.is_keyframe and self._is_time_for_a_new_one(media_s, captured_at_s):
                self._close_open()
            if self._open is None:
                if not packet.is_keyframe or self._template is None or media_s < self._retry_media_s:
                    return
                self._make_room(0, _TO_BEGIN_AGAIN if self._fault else 1)
                self._open = _OpenSegment(self._directory, self._template, self._codec, bytes(packet), captured_at_s)
                self._aheads.append((self._open.begins_at_s, captured_at_s - media_s))
            before_bytes, until_s = self._open.out.written_bytes, self._open.last_captured_at_s
            self._open.mux(packet, media_s, captured_at_s)
            if self._open.out.written_bytes > before_bytes:
                self._readable(until_s)
                self._make_room(self._open.out.written_bytes - before_bytes)
        except (OSError, av.FFmpegError) as error:
            self._failed(error, media_s)

    def disconnected(self, _fault: StreamFault) -> None:
        """The stream is gone: closes the segment."""
        self.close()

    def close(self) -> None:
        """Closes the open segment, if any, and waits until it is on the disk.

        Recording goes on with the next `connected`.
        """
        self._close_open()
        self._template = None
        if self._syncing is not None:
            self._syncing.join()

    def _is_time_for_a_new_one(self, media_s: float, captured_at_s: float) -> bool:
        segment = self._open
        if segment is None or segment.begun_media_s is None:
            return False
        age_s = media_s - segment.begun_media_s
        clock_set = abs(captured_at_s - segment.begins_at_s - age_s) > _STEP_S
        return age_s >= self._segment_s - 0.01 or clock_set

    def _close_open(self) -> None:
        segment, self._open = self._open, None
        if segment is None:
            return
        try:
            path = segment.close(self._directory)
        except (OSError, av.FFmpegError) as error:
            self._failed(error, float("-inf"))
            return
        size = path.stat().st_size
        self._kept.append((Segment(path, segment.begins_at_s, segment.ends_at_s), size))
        self._kept_bytes += size
        if self._fault is not None:
            log.warning("recording into %s works again", self._directory)
        self._fault = None
        self._readable(segment.ends_at_s)
        if self._kept_bytes > self._max_bytes:
            self._forget_gone()
            self._delete_oldest(self._max_bytes)
        self._make_durable(path)

    def _make_durable(self, path: Path) -> None:
        """In a thread of its own, for a memory card can take a second; one at a time, so that a stuck disk is felt."""
        if self._syncing is not None:
            self._syncing.join()
        self._syncing = None
        thread = threading.Thread(target=self._sync, args=(path,), name="sync", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # no more threads, or no memory for one: recording must not end by that
            self._sync(path)
        else:
            self._syncing = thread

    def _sync(self, path: Path) -> None:
        try:
            sync(path)
            sync(self._directory)
        except FileNotFoundError:
            log.debug("%s was deleted before it was on the disk", path.name)
            return
        except OSError as error:
            self._write_errors += 1
            fault = f"what is recorded does not reach the disk: {error.strerror}; look at the disk"
            if fault != self._sync_fault:
                log.error("recording into %s: %s", self._directory, fault)
            self._sync_fault = fault
            return
        if self._sync_fault is not None:
            log.warning("what is recorded into %s reaches the disk again", self._directory)
        self._sync_fault = None

    def _readable(self, until_s: float) -> None:
        with self._changed:
            self._recorded_until_s = until_s
            self._changed.notify_all()

    def _delete_oldest(self, max_bytes: int) -> None:
        protected = list(self._protected()) if self._kept_bytes > max_bytes else []
        spared: list[tuple[Segment, int]] = []
        while self._kept and self._kept_bytes > max_bytes:
            segment, size = self._kept.popleft()
            if any(segment.overlaps(from_s, to_s) for from_s, to_s in protected):
                spared.append((segment, size))
                continue
            segment.path.unlink(missing_ok=True)
            self._kept_bytes -= size
            self._deleted += 1
        self._kept.extendleft(reversed(spared))

    def _forget_gone(self) -> None:
        """Stops counting what housekeeping has deleted: it can't make room any more. Raises OSError."""
        there = set(os.listdir(self._directory))
        self._kept = deque(kept for kept in self._kept if kept[0].path.name in there)
        self._kept_bytes = sum(size for _, size in self._kept)

    def _make_room(self, fragment_bytes: int, lasts: int = 1) -> None:
        """Deletes the oldest before the disk is full: a write that fails costs all pictures to the next key frame.

        Raises OSError where recording must stop.
        """
        disk = shutil.disk_usage(self._directory)
        last = lasts * last_bytes(disk.total)
        lacking_bytes = max(_SPARE_FRAGMENTS * fragment_bytes, _SPARE_BYTES, last) - disk.free
        if lacking_bytes <= 0:
            return
        if not self._short and self._kept:
            log.warning(
                "the disk of %s is nearly full: the oldest video goes before recording.max_bytes is reached; "
                "free space or lower recording.max_bytes",
                self._directory,
            )
            self._short = True
        self._forget_gone()
        self._delete_oldest(self._kept_bytes - lacking_bytes)
        if shutil.disk_usage(self._directory).free < last:
            raise _NoRoomError(errno.ENOSPC, "the disk is full of what may not be deleted")

    def _failed(self, error: Exception, media_s: float) -> None:
        """Tells the fault once, keeps what was written of the segment, and waits a little before the next try."""
        self._write_errors += 1
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        cure = "free space or lower recording.max_bytes" if full else "look at the disk and the rights of the folder"
        reason = getattr(error, "strerror", None) or type(error).__name__
        if self._fault is None:
            log.error("recording into %s fails (%s): %s", self._directory, reason, cure)
        self._fault = f"nothing is recorded: {reason}; {cure}"
        segment, self._open = self._open, None
        try:
            if segment is not None:
                segment.close(self._directory)
        except (OSError, av.FFmpegError):
            log.debug("the segment being written was cut short")
        if segment is not None or not isinstance(error, _NoRoomError):  # else nothing was begun that could be left
            self._adopt_leftovers()
        deleted = self._deleted
        if full and self._kept:  # the newest video is worth more than the oldest
            self._delete_oldest(self._kept_bytes - 1)
        self._retry_media_s = media_s + (RETRY_S if self._deleted == deleted else 0.0)

    def _adopt_leftovers(self) -> None:
        """Closes what a failure left behind, so that whole fragments in it can be used, and counts it."""
        known = {kept.path for kept, _ in self._kept}
        try:
            self._forget_gone()
            close_abandoned(self._directory)
            found = [segment for segment in list_segments(self._directory) if segment.path not in known]
            adopted = [(segment, segment.path.stat().st_size) for segment in found]
        except OSError as error:
            log.debug("could not tidy %s: %s", self._directory, error.strerror)
            return
        self._kept.extend(adopted)
        self._kept_bytes += sum(size for _, size in adopted)
