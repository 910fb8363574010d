"""What opens other services is kept sealed: a copy of the database alone gives none of it away."""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from console.store.made_once import made_once


class SealError(Exception):
    """Something that can't be opened; the text says why and what to do."""


class Seal:
    """Seals and opens with the key in one file, which only this account may read."""

    def __init__(self, path: Path, *, may_make: bool = True) -> None:
        """Makes the key where there is none. may_make: no, where something is sealed with one. OSError, SealError."""
        self.path = path
        if not may_make and not path.exists():
            raise SealError(
                f"{path} is missing, the key with which second factors are sealed: bring it back from your backup, or "
                "from the other console of this database; where it is lost, take each second factor away first: "
                "gatehouse console reset-second-factor NAME"
            )
        try:
            self._key = Fernet(made_once(path, lambda: Fernet.generate_key() + b"\n").strip())
        except ValueError as error:
            raise SealError(
                f"{path} is no key: bring it back from your backup; or take it away, with it all second factors "
                "(gatehouse console reset-second-factor NAME), and give all ways of telling people addresses again"
            ) from error

    def seal(self, text: str) -> str:
        """The text, sealed."""
        return self._key.encrypt(text.encode()).decode("ascii")

    def fits(self, sealed: str) -> bool:
        """Whether this key sealed it."""
        try:
            self.open(sealed)
        except SealError:
            return False
        return True

    def open(self, sealed: str) -> str:
        """The text that was sealed. Raises SealError where another key did it."""
        try:
            return self._key.decrypt(sealed.encode("ascii")).decode()
        except (InvalidToken, ValueError) as error:
            raise SealError("it was sealed with another key; give its address again") from error
