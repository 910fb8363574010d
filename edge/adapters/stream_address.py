"""Where a stream is, its password kept apart until libav needs it."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from edge.adapters import stream_faults as faults
from edge.adapters.stream_faults import StreamError, stream_fault

_LIBAV_AUTH_BYTES = 127


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """Where a stream is: an rtsp(s):// address without secrets (or a file), and the secrets beside it.

    ca_file: of rtsps, the authority that the camera's certificate must be signed by. Cameras sign their own, so without
    one the stream is encrypted, but whoever answers is believed.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    transport: str = "tcp"
    ca_file: Path | None = None

    def secret_url(self) -> str:
        """The address with user and password in it, for libav alone. Raises StreamError where libav would cut it."""
        if self.username is None:
            return self.url
        sign_in = f"{quote(self.username, safe='')}:{quote(self.password or '', safe='')}"
        if len(sign_in) > _LIBAV_AUTH_BYTES:
            raise StreamError(stream_fault(faults.SIGN_IN_TOO_LONG, self.url))
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=f"{sign_in}@{parts.netloc}"))
