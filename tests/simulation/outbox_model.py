"""The written order of sacrifice once more, as plain lists: what the outbox must do, said without any SQL.

Looks at every row at each decision, so it is slow and easy to believe.
"""

from dataclasses import dataclass, field

from edge.adapters.outbox_sacrifice import AT_ONCE


@dataclass(frozen=True, slots=True)
class Row:
    """A message that waits. clip: it is a list of evidence that names one. revision: of the list."""

    sequence: int
    kind: str  # "open", "updated", "closed" or "list"
    event: str
    clip: bool = False
    revision: int = 0


@dataclass(slots=True)
class File:
    """A file that waits."""

    event: str
    is_picture: bool
    bytes: int
    at_s: float


@dataclass(slots=True)
class Model:
    """An outbox of which the console hears nothing."""

    max_rows: int
    max_file_bytes: int
    sequence: int = 0
    rows: list[Row] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)  # of each event's last list
    coming: set[str] = field(default_factory=set)  # events that are open or whose clip is not made
    gone: list[Row] = field(default_factory=list)
    files_gone: list[File] = field(default_factory=list)

    def put(self, kind: str, event: str, *, clip: bool = False) -> None:
        """One more row; the event's last list is this one already while room is made for it."""
        if kind == "list":
            self.revisions[event] = self.revisions.get(event, 0) + 1
        while len(self.rows) >= self.max_rows:
            going = self._order()[:AT_ONCE]
            if not going:
                break
            self._give_up(going)
        self.sequence += 1
        self.rows.append(Row(self.sequence, kind, event, clip, self.revisions.get(event, 0)))

    def tidy(self, past_days: set[str]) -> None:
        """Files above their bound go: pictures first, then clips past their days; a shorter list is told."""
        pictures, clips = {}, {}
        for file in sorted(self.files, key=lambda one: (one.at_s, one.event)):
            if file.is_picture or file.event in past_days:
                (pictures if file.is_picture else clips).setdefault(file.event, []).append(file)
        size, going = sum(file.bytes for file in self.files), []
        for group in (pictures, clips):
            for files in group.values():
                if size > self.max_file_bytes:
                    going.append(files)
                    size -= sum(file.bytes for file in files)
        for files in going:
            if files[0] not in self.files:  # they went with their last list, for that of another event
                continue
            self.files_gone += files
            self.files = [file for file in self.files if file not in files]
            named = not files[0].is_picture or any(one.event == files[0].event and one.clip for one in self.rows)
            self.put("list", files[0].event, clip=named and files[0].is_picture)

    def _rank(self, row: Row, last: dict[str, int]) -> int | None:
        if row.kind == "updated":
            return 1
        if row.kind == "list" and row.sequence < last[row.event]:
            return 2
        if row.kind == "list" and not row.clip:
            return 3
        return 5 if row.kind == "closed" else None

    def _order(self) -> list[Row]:
        last = {row.event: row.sequence for row in self.rows if row.kind == "list"}
        ranked = [(rank, row.sequence, row) for row in self.rows if (rank := self._rank(row, last)) is not None]
        return [row for _, _, row in sorted(ranked, key=lambda one: one[:2])]

    def _give_up(self, going: list[Row]) -> None:
        numbers = {row.sequence for row in going}
        self.rows = [row for row in self.rows if row.sequence not in numbers]
        self.gone += going
        for row in going:
            if row.kind == "list" and row.revision == self.revisions[row.event] and row.event not in self.coming:
                self.files_gone += [file for file in self.files if file.event == row.event]
                self.files = [file for file in self.files if file.event != row.event]
