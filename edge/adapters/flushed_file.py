"""A file that libav writes into, each piece at once and whole."""

from typing import BinaryIO


class FlushedFile:
    """What libav writes into: unbuffered, counts bytes, whole writes or OSError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.written_bytes = 0
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Writes all of `data`; after an error, nothing more."""
        if self.error is not None:
            return len(data)  # let libav finish: it can't be told twice
        rest = memoryview(data)
        try:
            while rest:
                count = self._file.write(rest)
                self.written_bytes += count
                rest = rest[count:]
        except OSError as error:
            self.error = error
        return len(data)
