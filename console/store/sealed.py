"""What opens other services is kept sealed: a copy of the database alone gives none of it away."""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from console.store.made_once import made_once


class SealError(Exception):
    """Something that can't be opened; the text says why and what to do."""


class Seal:
    """Seals and opens with the key in one file, which only this account may read."""

    def __init__(self, path: Path) -> None:
        """Makes the key where there is none. Raises OSError, SealError."""
        try:
            self._key = Fernet(made_once(path, lambda: Fernet.generate_key() + b"\n").strip())
        except ValueError as error:
            raise SealError(
                f"{path} is no key: bring it back from your backup, or take it away and give all ways of telling "
                "people their addresses again"
            ) from error

    def seal(self, text: str) -> str:
        """The text, sealed."""
        return self._key.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """The text that was sealed. Raises SealError where another key did it."""
        try:
            return self._key.decrypt(sealed.encode("ascii")).decode()
        except (InvalidToken, ValueError) as error:
            raise SealError("it was sealed with another key; give its address again") from error
