"""A camera's reference view on disk: what it is judged by must survive restarts. With a picture of it for people."""

import logging
import os
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from edge.adapters.durable import put_in_place
from edge.core.integrity.picture import HEIGHT, WIDTH
from edge.core.integrity.reference import LIGHTS, Light, Reference, View

log = logging.getLogger(__name__)

_DAMAGED = (  # what reading an archive with flipped bits raises
    OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, MemoryError, zlib.error, zipfile.BadZipFile
)  # fmt: skip


class ReferenceFile:
    """One camera's, below the folder of all."""

    def __init__(self, folder: Path, camera: str) -> None:
        """Raises OSError where the folder can't be made."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._camera = folder, camera
        self._order = folder / f"{camera}.anew"

    def load(self) -> Reference:
        """What was kept; an empty reference where there is none, or none that can be read."""
        reference = Reference()
        for light in LIGHTS:
            path = self._path(light, "npz")
            try:
                with np.load(path, allow_pickle=False) as kept:
                    facts = {name: float(kept[name]) for name in ("structure", "sharpness", "level")}
                    view = View(
                        outlines=np.asarray(kept["outlines"], np.complex64), height=int(kept["height"]), **facts
                    )
            except FileNotFoundError:
                continue
            except _DAMAGED as error:
                log.warning("%s can't be read (%s): the view is learnt anew", path, error)
                continue
            sound = view.outlines.shape == (HEIGHT, WIDTH) and np.isfinite(view.outlines).all()
            if sound and np.isfinite(list(facts.values())).all() and view.structure > 0:
                reference = reference.with_view(light, view)
        return reference

    def save(self, light: Light, view: View, picture: bytes | None = None) -> None:
        """Keeps a view, and a JPEG of it; None: the one that is kept stays. Raises OSError."""
        part = self._path(light, "part")
        with part.open("wb") as file:
            np.savez_compressed(file, **asdict(view))
        put_in_place(part, self._path(light, "npz"))
        if picture is not None:
            part.write_bytes(picture)
            put_in_place(part, self._path(light, "jpg"))

    def picture(self, light: Light) -> tuple[bytes, float] | None:
        """The JPEG of the view in that light, else in the other one, and when it was taken (UTC seconds)."""
        for one in (light, *(other for other in LIGHTS if other != light)):
            path = self._path(one, "jpg")
            try:
                return path.read_bytes(), path.stat().st_mtime
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("%s can't be read (%s)", path, error)
        return None

    def order_anew(self) -> None:
        """Asks the node that watches to take the view anew; from any process. Raises OSError."""
        self._order.touch()

    def forget_if_ordered(self) -> bool:
        """Whether somebody has asked; then all that was kept is gone. Raises OSError."""
        if not os.path.exists(self._order):
            return False
        for light in LIGHTS:
            for kind in ("npz", "jpg"):
                self._path(light, kind).unlink(missing_ok=True)
        self._order.unlink(missing_ok=True)
        return True

    def _path(self, light: Light, kind: str) -> Path:
        return self._folder / f"{self._camera}-{light}.{kind}"
